import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName, WORDS } from '../support/words.js';

const AUDIT = '/api/admin/audit';
const [credits, tokens] = WORDS as [(typeof WORDS)[number], (typeof WORDS)[number]];

describeEachDatabase((database) => {
  let servers: Server[];
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    const env = { DATABASE_URL: database.url, TRUST_PROXY: '127.0.0.0/8, ::1' };
    servers = [await startServer(env), await startServer(env)];
    [server] = servers as [Server];
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => Promise.all((servers ?? []).map((each) => each.stop())));

  const records = async (query: object): Promise<any[]> => (await admin.get(AUDIT, { limit: 200, ...query })).body.data;
  const deposit = (account: string, key?: string, client = admin): Promise<Answer> =>
    client.post(credits.add, { account, amount: 50, description: 'Top-up' }, { key });

  it('tells of a deposit: who, what, from where, before and after', async () => {
    const account = `user:${newName()}`;
    const { headers } = await admin.post(
      credits.add,
      { account, amount: 50, description: 'Top-up' },
      { headers: { 'x-forwarded-for': '203.0.113.7' } },
    );
    expect(await records({ account })).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        at: expect.stringMatching(/^\d{4}-.*Z$/),
        actor: 'admin:root',
        action: 'credits.deposit',
        account,
        target: '1',
        before: { unit: 'USD', balance: 0, held: 0 },
        after: { unit: 'USD', balance: 50, held: 0, transaction: 1, amount: 50, description: 'Top-up' },
        trace_id: headers['x-trace-id'],
        client_address: '203.0.113.7',
      },
    ]);
  });

  it('has one record for each write of an administrator on the account of another', async () => {
    const account = `user:${newName()}`;
    const post = async (path: string, body: object) => {
      const answer = await admin.post(path, { account, ...body });
      expect([path, answer.status < 300]).toEqual([path, true]);
      return answer.body.data;
    };
    await deposit(account);
    await post(tokens.add, { amount: 10, description: 'x', expires_in_days: 1 });
    const debit = await post(credits.spend, { amount: 1, description: 'x' });
    const hold = await post('/api/credits/holds', { amount: 2, description: 'x' });
    await post(`/api/credits/holds/${hold.id}/capture`, { amount: 1, final: false });
    await post(`/api/credits/holds/${hold.id}/release`, {});
    await post(`/api/credits/transactions/${debit.id}/reverse`, { reason: 'x' });
    await post('/api/tokens/grants/1/extend', { reason: 'x', expires_at: '2099-01-01T00:00:00Z' });
    await post('/api/credits/grants/1/void', { reason: 'x' });
    const path = `/api/admin/accounts/${encodeURIComponent(account)}`;
    for (const body of [{ frozen: true, reason: 'x' }, { note: 'y' }, { frozen: false }, { frozen: false, note: 'z' }])
      for (let twice = 0; twice < 2; twice++) expect((await admin.request('PATCH', path, { body })).status).toBe(200);
    expect((await records({ account })).map(({ action, target }) => `${action} ${target}`).reverse()).toEqual([
      'credits.deposit 1',
      'tokens.grant 1',
      'credits.debit 2',
      `holds.open ${hold.id}`,
      `holds.capture ${hold.id}`,
      `holds.release ${hold.id}`,
      `transactions.reverse ${debit.id}`,
      'grants.extend 1',
      'grants.void 1',
      `accounts.freeze ${account}`,
      `accounts.note ${account}`,
      `accounts.unfreeze ${account}`,
      `accounts.note ${account}`,
    ]);
    expect(await records({ account, action: 'accounts.unfreeze' })).toMatchObject([
      { before: { frozen: true, reason: 'x', note: 'y' }, after: { frozen: false, reason: null, note: 'y' } },
    ]);
  });

  it('has none for customers, for what an administrator spends of their own, and for what was refused', async () => {
    const [sub, boss] = [newName(), newName()];
    const own = await server.clientFor({ sub: boss, admin: true });
    await own.post(credits.add, { amount: 5, description: 'own' });
    await own.post(credits.spend, { amount: 1, description: 'own' });
    expect(await records({ account: `user:${boss}` })).toMatchObject([
      { action: 'credits.deposit', actor: `user:${boss}` },
    ]);
    await deposit(`user:${sub}`);
    const client = await server.clientFor({ sub });
    await client.post(credits.spend, { amount: 1, description: 'x' });
    expectError(
      await admin.post(credits.spend, { account: `user:${sub}`, amount: 999, description: 'x' }),
      402,
      'INSUFFICIENT_CREDITS',
    );
    expectError(
      await admin.post('/api/credits/grants/9/void', { account: `user:${sub}`, reason: 'x' }),
      404,
      'NOT_FOUND',
    );
    expect(await records({ account: `user:${sub}` })).toHaveLength(1);
  });

  it('has exactly one however often a request is sent, on all servers at once', async () => {
    const account = `user:${newName()}`;
    const clients = await Promise.all(servers.map((each) => each.clientFor({ sub: 'root', admin: true })));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => deposit(account, 'k', clients[i % clients.length])),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(answers.map(({ body }) => body.data.account_created)).toEqual(answers.map(() => true));
    await deposit(account, 'k');
    expect(await records({ account })).toHaveLength(1);
    expect((await deposit(account)).body.data).not.toHaveProperty('account_created');
  });

  it('has one for each item of a batch on the account of another, and none of a batch that is undone', async () => {
    const [account, other] = [`user:${newName()}`, `user:${newName()}`];
    await deposit(account);
    const item = (name: string, amount: number) => ({ account: name, amount, description: 'x' });
    const send = (items: object[], mode: string, key: string) =>
      admin.post(`${credits.spend}/batch`, { items, mode }, { key });
    for (let twice = 0; twice < 2; twice++) {
      await send([item(account, 1), item(account, 2)], 'atomic', 'a');
      await send([item(account, 1), item(other, 1)], 'independent', 'b');
      await send([item(account, 1), item(other, 1)], 'atomic', 'c');
    }
    expect(await records({ account, action: 'credits.debit' })).toHaveLength(3);
    expect(await records({ account: other })).toEqual([]);
  });

  it('pages by cursor, the newest first, under each filter', async () => {
    const account = `user:${newName()}`;
    const from = new Date().toISOString();
    for (let i = 0; i < 5; i++) await deposit(account);
    const all = await records({ account });
    expect(all.map(({ target }) => target)).toEqual(['5', '4', '3', '2', '1']);
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );
    for (const filter of [{ account }, { actor: 'admin:root', from }, { action: 'credits.deposit', account, from }]) {
      const found: any[] = [];
      let cursor: string | undefined;
      do {
        const { status, body } = await admin.get(AUDIT, { ...filter, limit: 2, cursor });
        expect(status).toBe(200);
        expect(body.data.length).toBeLessThanOrEqual(2);
        found.push(...body.data);
        cursor = body.meta.next_cursor;
      } while (cursor);
      expect(found).toEqual(all);
    }
    expect(await records({ account, target: '3' })).toEqual([all[2]]);
    expect(await records({ account, to: from })).toEqual([]);
    const { body } = await admin.get(AUDIT, { account, limit: 2 });
    expectError(await admin.get(AUDIT, { limit: 2, cursor: body.meta.next_cursor }), 400, 'VALIDATION_ERROR');
    expectError(await admin.get(AUDIT, { cursor: 'nonsense' }), 400, 'VALIDATION_ERROR');
  });
});
