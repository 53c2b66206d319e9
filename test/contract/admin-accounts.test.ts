import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';

const PATH = '/api/admin/accounts';

type Query = Record<string, string | number | undefined>;

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;
  /** The accounts of one test begin alike, and no other's do. */
  let prefix: string;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  const deposit = async (account: string, amount: number, more: object = {}) =>
    expect((await admin.post('/api/credits/deposit', { amount, description: 'x', account, ...more })).status).toBe(201);
  const debit = async (account: string, amount: number) =>
    expect((await admin.post('/api/credits/debit', { amount, description: 'x', account })).status).toBe(201);
  const list = async (query: Query) => {
    const { status, body, text } = await admin.get(PATH, { q: prefix, ...query });
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    return body;
  };
  const names = async (query: Query = {}) =>
    (await list(query)).data.map(({ account }: any) => (account as string).slice(prefix.length));

  describe('the list of accounts', () => {
    beforeAll(async () => {
      prefix = `user:${newName()}-`;
      await deposit(`${prefix}c`, 30);
      await deposit(`${prefix}a`, 10);
      await deposit(`${prefix}b`, 20.5);
      await debit(`${prefix}b`, 1.25);
      await debit(`${prefix}c`, 0.5);
      await debit(`${prefix}b`, 1);
    });

    it('shows at once what has just been written', async () => {
      expect(await list({ q: `${prefix}b` })).toEqual({
        data: [
          {
            account: `${prefix}b`,
            unit: 'USD',
            balance: 18.25,
            available: 18.25,
            held: 0,
            debt: 0,
            frozen: false,
            spent_30d: 2.25,
            last_activity: expect.stringMatching(/^\d{4}-.*Z$/),
            created_at: expect.stringMatching(/^\d{4}-.*Z$/),
          },
        ],
        meta: { limit: 50 },
      });
      await deposit(`${prefix}b`, 0.25);
      expect((await list({ q: `${prefix}b` })).data[0].balance).toBe(18.5);
    });

    it('has four orders, each from the largest or newest on', async () => {
      expect(await names()).toEqual(['c', 'b', 'a']);
      expect(await names({ sort: 'balance' })).toEqual(['c', 'b', 'a']);
      expect(await names({ sort: 'spent_30d' })).toEqual(['b', 'c', 'a']);
      expect(await names({ sort: 'last_activity' })).toEqual(['b', 'c', 'a']);
      expect(await names({ sort: 'created' })).toEqual(['b', 'a', 'c']);
    });

    it('is filtered by name, unit and balance', async () => {
      expect(await names({ min_balance: 18 })).toEqual(['c', 'b']);
      expect(await names({ max_balance: 18.5, sort: 'created' })).toEqual(['b', 'a']);
      expect(await names({ min_balance: 10, max_balance: 10 })).toEqual(['a']);
      expect(await names({ in_debt: 'true' })).toEqual([]);
      expect(await names({ in_debt: 'false' })).toEqual(['c', 'b', 'a']);
      expect(await names({ unit: 'tokens' })).toEqual([]);
      expect(await names({ q: prefix.toUpperCase() })).toEqual([]);
      for (const q of ['user:%', 'user:_', `${prefix}a%`, 'é', '\\']) expect(await names({ q })).toEqual([]);
    });

    it('goes on by a cursor, which fits no other list', async () => {
      for (const sort of ['balance', 'spent_30d', 'last_activity', 'created']) {
        const found: string[] = [];
        let cursor: string | undefined;
        do {
          const { data, meta } = await list({ sort, limit: 1, cursor });
          expect(meta.limit).toBe(1);
          found.push(...data.map(({ account }: any) => account.slice(prefix.length)));
          cursor = meta.next_cursor;
        } while (cursor);
        expect(found).toEqual(await names({ sort }));
      }
      const { next_cursor: cursor } = (await list({ limit: 1 })).meta;
      for (const query of [
        { sort: 'created' },
        { unit: 'tokens' },
        { q: 'user:' },
        { min_balance: 1 },
        { cursor: 'x' },
      ])
        expectError(await admin.get(PATH, { q: prefix, cursor, ...query }), 400, 'VALIDATION_ERROR');
    });

    it('walks along the order without a filter too', async () => {
      prefix = '';
      const all = (await list({ q: undefined, limit: 200 })).data;
      const pages = [];
      let cursor: string | undefined;
      do {
        const { data, meta } = await list({ q: undefined, limit: 2, cursor });
        pages.push(...data);
        cursor = meta.next_cursor;
      } while (cursor);
      expect(pages).toEqual(all);
      const balances = all.map(({ balance }: any) => balance);
      expect(balances).toEqual([...balances].sort((a, b) => b - a));
    });
  });

  it('shows a debt, what is held, and no amount that has expired', async () => {
    prefix = `org:${newName()}-`;
    await deposit(`${prefix}held`, 10);
    const { status } = await admin.post('/api/credits/holds', { amount: 4, account: `${prefix}held` });
    expect(status).toBe(201);
    await deposit(`${prefix}due`, 5);
    const soon = Date.now() + 60_000;
    await deposit(`${prefix}due`, 7, { expires_at: new Date(soon).toISOString() });
    await server.setClock(new Date(soon).toISOString());
    expect(
      (await list({ sort: 'created' })).data.map(({ account, balance, available, held }: any) => [
        account.slice(prefix.length),
        balance,
        available,
        held,
      ]),
    ).toEqual([
      ['due', 5, 5, 0],
      ['held', 10, 6, 4],
    ]);
  });

  it('lists no account that has never moved', async () => {
    prefix = `user:${newName()}`;
    expect((await admin.post('/api/credits/debit', { amount: 1, description: 'x', account: prefix })).status).toBe(402);
    expect(await names()).toEqual([]);
    expectError(await admin.get(`${PATH}/${prefix}`), 404, 'NOT_FOUND');
  });

  it('refuses what is no filter', async () => {
    for (const query of [
      { sort: 'name' },
      { unit: 'EUR' },
      { in_debt: 'yes' },
      { min_balance: 'x' },
      { min_balance: '1e3' },
      { min_balance: 2, max_balance: 1 },
      { max_balance: '99999999999999' },
      { limit: 201 },
      { offset: 1 },
      { q: '' },
    ])
      expectError(await admin.get(PATH, query), 400, 'VALIDATION_ERROR');
  });

  it('shows one account whole', async () => {
    const account = `user:${newName()}/50%`;
    const path = `${PATH}/${encodeURIComponent(account)}`;
    await deposit(account, 10);
    for (let i = 0; i < 10; i++) await debit(account, 0.5);
    await admin.post('/api/credits/holds', { amount: 1, account });
    await admin.post('/api/tokens/grant', { amount: 7, description: 'x', account });
    const { status, body } = await admin.get(path);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ account, limits: [], keys: [], purchases: [] });
    const { credits, tokens } = body.data;
    expect(credits).toMatchObject({ account, unit: 'USD', balance: 5, available: 4, held: 1, spent_30d: 5 });
    expect(credits.open_holds).toMatchObject([{ amount: 1, status: 'open' }]);
    expect(credits.active_grants).toMatchObject([{ id: 1, remaining: 4, held: 1 }]);
    expect(credits.transactions.map(({ id }: any) => id)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    expect(credits.transactions[0].trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(tokens).toMatchObject({ unit: 'tokens', balance: 7, open_holds: [], transactions: [{ id: 1 }] });
  });

  it('shows one that was frozen before it moved', async () => {
    const path = `${PATH}/user:${newName()}`;
    const body = { frozen: true, reason: 'Looked at', note: 'Sends documents.' };
    expect((await admin.request('PATCH', path, { body })).status).toBe(200);
    expect((await admin.get(path)).body.data).toMatchObject({ frozen: true, note: 'Sends documents.', purchases: [] });
  });

  it('is for administrators alone, and names accounts', async () => {
    const sub = newName();
    const client = await server.clientFor({ sub });
    for (const path of [PATH, `${PATH}/user:${sub}`]) {
      expectError(await client.get(path), 403, 'FORBIDDEN');
      expectError(await server.client.get(path), 401, 'UNAUTHORIZED');
    }
    expectError(await admin.get(`${PATH}/42`), 400, 'VALIDATION_ERROR');
    expectError(await admin.get(`${PATH}/user:${newName()}`), 404, 'NOT_FOUND');
  });
});
