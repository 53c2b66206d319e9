import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { expectVerified } from '../support/ledger.js';
import { cardOf, makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { Sql } from '../support/sql.js';
import { expectError, historyOf, newName, WORDS } from '../support/words.js';

const CREDITS = WORDS[0]!;
const PARKED = '/api/pricing/parked';
const POST = '/api/pricing/parked/post';
const DEBIT = '/api/credits/debit';
const BATCH = '/api/credits/debit/batch';
const AUDIT = '/api/admin/audit';

describeEachDatabase((database) => {
  let servers: Server[];
  let admins: Client[];
  let admin: Client;
  let sql: Sql;

  beforeAll(async () => {
    const env = { DATABASE_URL: database.url, UNPRICED_USAGE: 'park', PUBLIC_URL: 'https://credits.example.com' };
    // They look for new cards all the time, so that no test waits for it.
    const often = ['test/support/short-intervals.mjs'];
    servers = await Promise.all([startServer(env, often), startServer(env, often)]);
    admins = await Promise.all(servers.map((each) => each.clientFor({ sub: 'root', admin: true })));
    [admin] = admins as [Client];
    sql = new Sql(database);
    await makeCard(admin);
  });
  afterAll(async () => {
    await sql?.close();
    await Promise.all((servers ?? []).map((each) => each.stop()));
  });

  interface Own {
    /** On the first server, and on the second. */
    clients: readonly [Client, Client];
    name: string;
    /** Usage of a model that no card knows yet: 0.01 dollars when it does. */
    usage: object;
    /** Makes the card that knows it, and waits until every server has it. */
    price: () => Promise<void>;
    post: (client?: Client) => Promise<Answer>;
    list: (query?: object) => Promise<any[]>;
    debits: () => Promise<any[]>;
  }

  async function account(amount = 10): Promise<Own> {
    const sub = newName();
    const name = `user:${sub}`;
    if (amount > 0) await admin.post(CREDITS.add, { amount, description: 'Opening', account: name });
    const clients = (await Promise.all(servers.map((each) => each.clientFor({ sub })))) as [Client, Client];
    const model = `house/${sub}`;
    return {
      clients,
      name,
      usage: { model, input: 10_000 },
      price: async () => {
        const priced = [...cardOf().models, { id: model, prices: { input: '1' } }];
        const { version } = (await makeCard(admin, { markup: '1', models: priced })).body.data;
        for (const each of servers)
          await eventually(async () =>
            expect((await each.client.get(`/api/pricing/models/${model}`)).body.data?.rate_card).toBe(version),
          );
      },
      post: (client = admin) => client.post(POST, { account: name }),
      list: async (query = {}) => (await admin.get(PARKED, { account: name, limit: 200, ...query })).body.data,
      debits: async () => (await historyOf(clients[0], CREDITS)).filter(({ type }) => type === 'debit'),
    };
  }
  const debit = (client: Client, usage: object, key?: string, more: object = {}) =>
    client.post(DEBIT, { usage, description: 'Step', ...more }, { key });

  it('keeps a debit whose usage has no price, and posts it as it was asked for when it has one', async () => {
    const { clients, name, usage, price, post, list, debits } = await account();
    const about = { agent: 'researcher', run_id: 'run-1', metadata: { step: 7 } };
    const answer = await debit(clients[0], usage, 'k1', about);
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ data: { id: expect.stringMatching(/^park_[0-9a-f]{32}$/), status: 'parked' } });
    const waiting = {
      id: answer.body.data.id,
      account: name,
      status: 'parked',
      usage,
      description: 'Step',
      ...about,
      actor: name,
      idempotency_key: 'k1',
      trace_id: answer.headers['x-trace-id'],
      reason: { code: 'UNPRICED', message: expect.any(String), details: expect.objectContaining({}) },
      created_at: expect.stringMatching(/Z$/),
    };
    expect(await list()).toEqual([waiting]);
    expect((await post()).body).toEqual({ data: { posted: 0, parked: 1, more: false } });
    expect(await list()).toEqual([{ ...waiting, tried_at: expect.stringMatching(/Z$/) }]);
    expect(await debits()).toEqual([]);

    await price();
    const posted = await post();
    expect([posted.status, posted.body.data]).toEqual([200, { posted: 1, parked: 0, more: false }]);
    const [transaction, ...others] = (await admin.get(`${CREDITS.base}/transactions`, { account: name, type: 'debit' }))
      .body.data;
    expect(others).toEqual([]);
    expect(transaction).toMatchObject({
      ...about,
      id: 2,
      amount: -0.01,
      description: 'Step',
      actor: name,
      idempotency_key: 'k1',
      trace_id: answer.headers['x-trace-id'],
      pricing: { exact: '0.01' },
    });
    expect(await list()).toEqual([]);
    expect(await list({ status: 'posted' })).toMatchObject([{ id: waiting.id, status: 'posted', transaction_id: 2 }]);
    expect((await post()).body.data).toEqual({ posted: 0, parked: 0, more: false });
    const records = (await admin.get(AUDIT, { account: name, action: 'pricing.post_parked' })).body.data;
    expect(records).toMatchObject([
      { actor: 'admin:root', target: waiting.id, after: { status: 'posted', transaction: 2, amount: -0.01 } },
    ]);
  });

  it('gives the same answer under a key before, between and after, and charges once', async () => {
    const { clients, usage, price, post, debits, list } = await account();
    const first = await Promise.all(Array.from({ length: 6 }, (_, i) => debit(clients[i % 2]!, usage, 'same')));
    expect(first.map(({ status }) => status)).toEqual(first.map(() => 202));
    expect(new Set(first.map(({ text }) => text)).size).toBe(1);
    expect(first.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(await list()).toHaveLength(1);
    expectError(await debit(clients[0], { ...usage, input: 1 }, 'same'), 422, 'IDEMPOTENCY_KEY_REUSED');
    expectError(
      await clients[0].post(DEBIT, { amount: 1, description: 'x' }, { key: 'same' }),
      422,
      'IDEMPOTENCY_KEY_REUSED',
    );
    await price();
    const again = async () => {
      for (const client of clients) {
        const answer = await debit(client, usage, 'same');
        expect([answer.status, answer.text, answer.headers['idempotent-replayed']]).toEqual([
          202,
          first[0]!.text,
          'true',
        ]);
      }
    };
    await again();
    expect(await debits()).toEqual([]);
    await post();
    await again();
    expect(await debits()).toHaveLength(1);
  });

  it('is posted once by administrators on all servers at once, in the middle of the same requests again', async () => {
    const { clients, usage, price, post, debits, list } = await account();
    await Promise.all(Array.from({ length: 30 }, (_, i) => debit(clients[i % 2]!, usage, i % 3 ? `k${i}` : undefined)));
    expect(await list()).toHaveLength(30);
    await price();
    const [, , ...counts] = await Promise.all([
      debit(clients[0], usage, 'k1'),
      debit(clients[1], usage, 'k2'),
      ...admins.flatMap((client) => [post(client), post(client)]),
    ]);
    for (const { status } of counts) expect(status).toBe(200);
    expect(await debits()).toHaveLength(30);
    expect(await list()).toEqual([]);
    expect(await list({ status: 'posted' })).toHaveLength(30);
    const numbers = (await list({ status: 'posted' })).map(({ transaction_id: id }) => id as number);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 2));
    await expectVerified(database);
  });

  it('is posted once when the server is killed in the middle', async () => {
    const { clients, name, usage, price, post, debits, list } = await account();
    await Promise.all(Array.from({ length: 40 }, (_, i) => debit(clients[i % 2]!, usage, i % 2 ? `k${i}` : undefined)));
    await price();
    const victim = await startServer({ DATABASE_URL: database.url, UNPRICED_USAGE: 'park' });
    const posting = (await victim.clientFor({ sub: 'root', admin: true }))
      .post(POST, { account: name })
      .catch(() => undefined);
    await eventually(async () => expect((await debits()).length).toBeGreaterThan(0));
    await victim.stop('SIGKILL');
    await posting;
    await eventually(async () => {
      await post();
      expect(await list()).toEqual([]);
    });
    expect(await debits()).toHaveLength(40);
    const [counted] = await sql.query('SELECT parked FROM parked_account WHERE account = ?', [name]);
    expect(Number(counted.parked)).toBe(0);
  });

  it('stays parked with the reason when the balance is short or the account frozen', async () => {
    const { clients, name, usage, price, post, list, debits } = await account(0.015);
    for (const key of ['a', 'b']) await debit(clients[0], usage, key);
    await price();
    expect((await post()).body.data).toEqual({ posted: 1, parked: 1, more: false });
    expect(await list()).toMatchObject([
      { reason: { code: 'INSUFFICIENT_CREDITS', details: { required: 0.01, available: 0.005, shortfall: 0.005 } } },
    ]);
    const mark = (body: object) => admin.request('PATCH', `/api/admin/accounts/${encodeURIComponent(name)}`, { body });
    await mark({ frozen: true, reason: 'Looked into' });
    await admin.post(CREDITS.add, { amount: 1, description: 'More', account: name });
    expect((await post()).body.data).toEqual({ posted: 0, parked: 1, more: false });
    expect(await list()).toMatchObject([{ reason: { code: 'ACCOUNT_FROZEN', details: { reason: 'Looked into' } } }]);
    expectError(await debit(clients[0], { model: 'unknown', input: 1 }, 'c'), 403, 'ACCOUNT_FROZEN');
    await mark({ frozen: false });
    expect((await post()).body.data).toEqual({ posted: 1, parked: 0, more: false });
    expect(await debits()).toHaveLength(2);
  });

  it('is refused as elsewhere without a positive balance, and when the account has no room', async () => {
    const poor = await account(0);
    const refused = await debit(poor.clients[0], poor.usage, 'k');
    expectError(refused, 422, 'UNPRICED');
    await admin.post(CREDITS.add, { amount: 1, description: 'More', account: poor.name });
    expect((await debit(poor.clients[0], poor.usage, 'k')).status).toBe(202);
    await sql.query('UPDATE parked_account SET parked = 9999 WHERE account = ?', [poor.name]);
    const statuses = await Promise.all([0, 1, 2, 3].map((i) => debit(poor.clients[i % 2]!, poor.usage)));
    expect(statuses.map(({ status }) => status).sort()).toEqual([202, 422, 422, 422]);
    expectError(await debit(poor.clients[0], poor.usage, 'full'), 422, 'UNPRICED');
    await sql.query('UPDATE parked_account SET parked = 2 WHERE account = ?', [poor.name]);
    expect((await debit(poor.clients[0], poor.usage, 'full')).status).toBe(202);
  });

  it('parks an item of an independent batch alone, once under the batch’s key', async () => {
    const { clients, usage, price, post, list, debits } = await account();
    const body = {
      mode: 'independent',
      items: [
        { amount: 1, description: 'a' },
        { usage, description: 'b' },
        { usage, description: 'c', idempotency_key: 'own' },
        { amount: 100, description: 'd' },
      ],
    };
    const answer = await clients[0].post(BATCH, body, { key: 'batch' });
    expect(answer.status).toBe(200);
    expect(answer.body.meta).toEqual({ posted: 1, rejected: 1, parked: 2 });
    expect(answer.body.data.map(({ status }: any) => status)).toEqual(['posted', 'parked', 'parked', 'rejected']);
    expect(answer.body.data[1]).toEqual({ status: 'parked', id: expect.stringMatching(/^park_/) });
    await price();
    const again = await clients[1].post(BATCH, body, { key: 'batch' });
    expect(again.body.data.slice(1, 3)).toEqual(answer.body.data.slice(1, 3));
    // The item's own key has the scope of a single debit, so the same debit is the same one.
    expect((await debit(clients[1], usage, 'own', { description: 'c' })).body.data.id).toBe(answer.body.data[2].id);
    expect((await list()).map(({ idempotency_key: key }) => key).sort()).toEqual(['batch', 'own']);
    expect((await post()).body.data.posted).toBe(2);
    expect((await debits()).map(({ description }) => description).sort()).toEqual(['a', 'b', 'c']);
    // In an atomic batch the parked one is none of all.
    const mixed = { mode: 'atomic', items: [body.items[2], { amount: 1, description: 'e' }] };
    const atomic = await clients[0].post(BATCH, mixed);
    expect(atomic.body.data.map(({ status }: any) => status)).toEqual(['parked', 'rejected']);
    expect(atomic.body.data[1].error.code).toBe('CONFLICT');
    expect(await debits()).toHaveLength(3);
  });

  it('parks no atomic batch, no capture, and nothing that is malformed', async () => {
    const { clients, usage, list } = await account();
    const [client] = clients;
    const items = [
      { amount: 1, description: 'a' },
      { usage, description: 'b' },
    ];
    expectError(await client.post(BATCH, { mode: 'atomic', items }), 422, 'UNPRICED');
    const { id } = (await client.post('/api/credits/holds', { amount: 1 })).body.data;
    expectError(await client.post(`/api/credits/holds/${id}/capture`, { usage }), 422, 'UNPRICED');
    expectError(await debit(client, { ...usage, input: -1 }), 400, 'VALIDATION_ERROR');
    expectError(await debit(client, { ...usage, input: 0 }), 400, 'VALIDATION_ERROR');
    expect(await list()).toEqual([]);
  });

  it('keeps the provider’s object, and lists by page, the oldest first', async () => {
    const { clients, list, usage } = await account();
    const raw = { model: (usage as any).model, format: 'anthropic', raw: { input_tokens: 5, output_tokens: 1 } };
    for (let i = 0; i < 5; i++) await debit(clients[0], raw, undefined, { description: `step ${i}` });
    const pages = [await list({ limit: 3 }), await list({ limit: 3, offset: 3 })];
    expect(pages.flat().map(({ description }) => description)).toEqual([0, 1, 2, 3, 4].map((i) => `step ${i}`));
    expect(pages[0]![0].usage).toEqual(raw);
    expectError(await clients[0].get(PARKED), 403, 'FORBIDDEN');
    expectError(await clients[0].post(POST, {}), 403, 'FORBIDDEN');
    expectError(await admin.post(POST, { colour: 'red' }), 400, 'VALIDATION_ERROR');
  });

  it('says that there is more until all was tried by the card in force, although nothing is posted', async () => {
    const { clients, name, usage, price, post, list } = await account(20);
    await debit(clients[0], usage);
    const [{ id }] = await list();
    const columns = 'account, status, request, actor, trace_id, reason, created_at, tried_at';
    const ids = Array.from({ length: 1_100 }, (_, i) => `${id.slice(0, -4)}${String(i).padStart(4, '0')}x`);
    for (let i = 0; i < ids.length; i += 100) {
      const some = ids.slice(i, i + 100).map((each) => `SELECT '${each}' AS id`);
      await sql.query(
        `INSERT INTO parked_usage (id, ${columns}) SELECT n.id, ${columns} FROM parked_usage, (${some.join(' UNION ALL ')}) n WHERE parked_usage.id = ?`,
        [id],
      );
    }
    await sql.query('UPDATE parked_account SET parked = 1101 WHERE account = ?', [name]);
    const answers = [await post(), await post()].map(({ body }) => body.data);
    expect(answers).toEqual([true, false].map((more) => ({ posted: 0, parked: 1_000, more })));
    await price();
    const posted = [await post(), await post()].map(({ body }) => body.data);
    expect(posted).toEqual([
      { posted: 1_000, parked: 0, more: true },
      { posted: 101, parked: 0, more: false },
    ]);
  });

  it('lists no long object of a provider', async () => {
    const { clients, list, usage } = await account();
    const { model } = usage as { model: string };
    const raw = { input_tokens: 5, output_tokens: 1, id: 'x'.repeat(5_000) };
    await debit(clients[0], { model, format: 'anthropic', raw });
    expect((await list())[0].usage).toEqual({ model, format: 'anthropic' });
  });
});
