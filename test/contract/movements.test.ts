import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, expectUnbroken, forEverybody, historyOf, newName, stateOf, WORDS } from '../support/words.js';

/** `field` is the one that the answer must name, if any. */
type BadBody = [name: string, body: string, field: string | null];

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The balance of an account before its first transaction. */
const NOTHING = {
  balance: 0,
  available: 0,
  held: 0,
  paid: 0,
  promotional: 0,
  debt: 0,
  expiring: [],
  as_of: 0,
  frozen: false,
};

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  describe.each(WORDS)('$name', (words) => {
    const { base, add, addType, spend, spendType, short, label, smallest, greatest } = words;

    /** A new account with something in it. */
    async function account(amount?: number): Promise<{ client: Client; name: string }> {
      const name = newName();
      const client = await server.clientFor({ sub: name });
      if (amount !== undefined)
        expect((await admin.post(add, { amount, description: 'Opening', account: `user:${name}` })).status).toBe(201);
      return { client, name: `user:${name}` };
    }

    it('an account that nothing happened to has a balance of zero and an empty history', async () => {
      const { client, name } = await account();
      expect(await stateOf(client, words)).toEqual({
        balance: { data: { ...NOTHING, account: name, ...label } },
        history: { data: [], meta: { total: 0, limit: 200, offset: 0 } },
      });
    });

    it(`${addType} and ${spendType} answer 201 with the transaction, and the balance follows`, async () => {
      const { client, name } = await account();
      const added = await admin.post(add, { amount: 100, description: 'Manual top-up', account: name });
      expect(added.status).toBe(201);
      expect(added.body).toEqual({
        data: {
          id: 1,
          account: name,
          type: addType,
          amount: 100,
          balance_after: 100,
          description: 'Manual top-up',
          created_at: expect.stringMatching(ISO),
          metadata: null,
          actor: 'admin:root',
          account_created: true,
          trace_id: added.headers['x-trace-id'],
        },
      });
      const metadata = { agent: 'researcher', run: 4521, dry: false, ключ: 'значение 🙂', fraction: 0.1 };
      const spent = await client.post(spend, { amount: 3, description: 'Agent run #4521', metadata });
      expect(spent.status).toBe(201);
      expect(spent.body).toEqual({
        data: {
          id: 2,
          account: name,
          type: spendType,
          amount: -3,
          balance_after: 97,
          description: 'Agent run #4521',
          created_at: expect.stringMatching(ISO),
          metadata,
          actor: name,
          grants: [{ grant_id: 1, amount: 3 }],
          grants_count: 1,
        },
      });
      expect((await client.get(`${base}/balance`)).body).toEqual({
        data: {
          ...NOTHING,
          account: name,
          balance: 97,
          available: 97,
          [addType === 'deposit' ? 'paid' : 'promotional']: 97,
          as_of: 2,
          ...label,
        },
      });
      expect((await client.get(`${base}/transactions`)).body).toEqual({
        data: [forEverybody(added.body.data), spent.body.data],
        meta: { total: 2, limit: 50, offset: 0 },
      });
      expect((await client.get(`${base}/transactions/2`)).body).toEqual({ data: spent.body.data });
    });

    it('an account is spent to its last part, and the next one is a 402 that tells what is missing and records nothing', async () => {
      const { client } = await account(2);
      expect((await client.post(spend, { amount: 2, description: 'all' })).body.data.balance_after).toBe(0);
      const before = await stateOf(client, words);
      const refused = await client.post(spend, { amount: smallest, description: 'too much' });
      expectError(refused, 402, short);
      expect(refused.body.error.details).toEqual({ required: smallest, available: 0, shortfall: smallest });
      expect(await stateOf(client, words)).toEqual(before);
    });

    it('tells the shortfall exactly', async () => {
      const { client } = await account(5);
      const amount = words.name === 'credits' ? 5.123457 : 12;
      const refused = await client.post(spend, { amount, description: 'too much' });
      expect(refused.body.error.details).toEqual({
        required: amount,
        available: 5,
        shortfall: words.name === 'credits' ? 0.123457 : 7,
      });
    });

    it('the smallest and the greatest amount are exact', async () => {
      const { client, name } = await account(greatest);
      expect((await client.get(`${base}/balance`)).body.data.balance).toBe(greatest);
      expectError(await admin.post(add, { amount: smallest, description: 'over', account: name }), 409, 'CONFLICT');
      expect((await client.post(spend, { amount: smallest, description: 'least' })).body.data.amount).toBe(-smallest);
      expect(
        (await admin.post(add, { amount: smallest, description: 'back', account: name })).body.data.balance_after,
      ).toBe(greatest);
      expect((await client.post(spend, { amount: greatest, description: 'all' })).body.data).toMatchObject({
        amount: -greatest,
        balance_after: 0,
      });
    });

    it('many small amounts sum up without drift', async () => {
      const { client } = await account(1);
      const step = words.name === 'credits' ? 0.1 : 1;
      const times = words.name === 'credits' ? 10 : 1;
      for (let i = 0; i < times; i++)
        expect((await client.post(spend, { amount: step, description: `${i}` })).status).toBe(201);
      expect((await client.get(`${base}/balance`)).body.data.balance).toBe(0);
      expectUnbroken(await historyOf(client, words), words);
    });

    it('text and metadata come back to the letter', async () => {
      const { client } = await account(10);
      const description = '😀'.repeat(500);
      const metadata = Object.fromEntries(
        Array.from({ length: 50 }, (_, i) => [`${i}`.padEnd(40, 'k'), '"\\\n\u2028é漢'.padEnd(500, 'x')]),
      );
      const { body } = await client.post(spend, { amount: 1, description, metadata });
      expect(body.data).toMatchObject({ description, metadata });
      expect((await client.get(`${base}/transactions/2`)).body).toEqual(body);
    });

    describe('history', () => {
      let client: Client;
      let all: any[];

      beforeAll(async () => {
        ({ client } = await account(1_000));
        for (let i = 1; i <= 10; i++) await client.post(spend, { amount: i, description: `#${i}` });
        all = await historyOf(client, words);
      });

      it('is whole and in order', () => {
        expect(all).toHaveLength(11);
        expectUnbroken(all, words);
      });

      it.each([
        { limit: 4, offset: 0 },
        { limit: 4, offset: 4 },
        { limit: 4, offset: 8 },
        { limit: 4, offset: 11 },
        { limit: 200, offset: 9 },
        { limit: 1, offset: 10 },
        { limit: 1, offset: 1_000_000 },
      ])('pages both ways: %j', async ({ limit, offset }) => {
        const newestFirst = [...all].reverse();
        const meta = { total: 11, limit, offset };
        expect((await client.get(`${base}/transactions`, { limit, offset })).body).toEqual({
          data: all.slice(offset, offset + limit),
          meta,
        });
        expect((await client.get(`${base}/transactions`, { limit, offset, order: 'asc' })).body).toEqual({
          data: all.slice(offset, offset + limit),
          meta,
        });
        expect((await client.get(`${base}/transactions`, { limit, offset, order: 'desc' })).body).toEqual({
          data: newestFirst.slice(offset, offset + limit),
          meta,
        });
      });

      it.each(words.types)('filters by type %s, with its own total and pages', async (type) => {
        const matching = all.filter((transaction) => transaction.type === type);
        for (const order of ['asc', 'desc']) {
          const ordered = order === 'asc' ? matching : [...matching].reverse();
          for (const [limit, offset] of [
            [3, 0],
            [3, 3],
            [3, 9],
            [200, 0],
          ] as const) {
            const { body } = await client.get(`${base}/transactions`, { type, order, limit, offset });
            expect(body).toEqual({
              data: ordered.slice(offset, offset + limit),
              meta: { total: matching.length, limit, offset },
            });
          }
        }
      });

      it('filters by time, from inclusive and to exclusive, alone and together with the others', async () => {
        const times = [...new Set(all.map(({ created_at }) => created_at as string))];
        const middle = times[Math.floor(times.length / 2)]!;
        for (const range of [
          { from: middle },
          { to: middle },
          { from: times[0]!, to: middle },
          { from: middle, to: middle },
          { from: '2099-01-01' },
          { to: '2020-01-01' },
        ]) {
          const { from = '', to = '9' } = range as { from?: string; to?: string };
          for (const type of [undefined, spendType]) {
            const matching = all.filter(
              (t) => t.created_at >= from && t.created_at < to && (type === undefined || t.type === type),
            );
            for (const order of ['asc', 'desc']) {
              const ordered = order === 'asc' ? matching : [...matching].reverse();
              const { body } = await client.get(`${base}/transactions`, { ...range, type, order, limit: 3, offset: 1 });
              expect(body).toEqual({
                data: ordered.slice(1, 4),
                meta: { total: matching.length, limit: 3, offset: 1 },
              });
            }
          }
        }
      });

      it('gives one transaction, and 404 for one that is not there', async () => {
        for (const transaction of all)
          expect((await client.get(`${base}/transactions/${transaction.id}`)).body).toEqual({ data: transaction });
        expectError(await client.get(`${base}/transactions/12`), 404, 'NOT_FOUND');
        expectError(await client.get(`${base}/transactions/9007199254740991`), 404, 'NOT_FOUND');
      });

      it.each(['0', '-1', '1.5', 'abc', '1e1', '0x1', '9007199254740993', '%20', "1'%20OR%201=1"])(
        '%s is no transaction id',
        async (id) => {
          const answer = await client.get(`${base}/transactions/${id}`);
          expect([400, 404]).toContain(answer.status);
          expectError(answer, answer.status, answer.status === 400 ? 'VALIDATION_ERROR' : 'NOT_FOUND');
        },
      );

      it('belongs to its account alone', async () => {
        const { client: stranger } = await account();
        expectError(await stranger.get(`${base}/transactions/1`), 404, 'NOT_FOUND');
        expect((await stranger.get(`${base}/transactions`)).body.meta.total).toBe(0);
      });

      it('has pages of 50 unless asked otherwise', async () => {
        const { client: busy } = await account(1_000);
        await Promise.all(Array.from({ length: 59 }, () => busy.post(spend, { amount: 1, description: 'x' })));
        const { body } = await busy.get(`${base}/transactions`);
        expect(body.meta).toEqual({ total: 60, limit: 50, offset: 0 });
        expect(body.data.map(({ id }: any) => id)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      });

      it.each([
        ['limit', '0'],
        ['limit', '201'],
        ['limit', '-1'],
        ['limit', '1.5'],
        ['limit', 'ten'],
        ['limit', ''],
        ['limit', '0x10'],
        ['limit', '1e1'],
        ['limit', ' 5'],
        ['offset', '-1'],
        ['offset', '0.5'],
        ['offset', 'x'],
        ['offset', '9007199254740993'],
        ['order', 'up'],
        ['order', 'ASC'],
        ['type', 'gift'],
        ['type', ''],
        ['type', "debit' OR '1'='1"],
        ['from', 'yesterday'],
        ['from', '2026-02-31'],
        ['from', '2026-13-01T00:00:00Z'],
        ['from', '1776247800'],
        ['to', '2026-04-15T10:30:00'],
        ['to', ''],
        ['page', '2'],
        ['account', 'nobody'],
      ])('%s=%j is a 400 that names it', async (field, value) => {
        const answer = await (field === 'account' ? admin : client).get(`${base}/transactions`, { [field]: value });
        expectError(answer, 400, 'VALIDATION_ERROR');
        expect(answer.body.error.details).toEqual(
          expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
        );
      });

      it.each(['limit=1&limit=2', 'order=asc&order=desc', 'limit[a]=1', 'account=a&account=b'])(
        '?%s is a 400',
        async (query) => {
          expectError(await client.get(`${base}/transactions?${query}`), 400, 'VALIDATION_ERROR');
        },
      );
    });

    describe('usage summary', () => {
      it('covers the last 30 days by default, and adds up', async () => {
        const { client } = await account(100);
        await client.post(spend, { amount: 30, description: 'a' });
        await client.post(spend, { amount: 5, description: 'b' });
        const { status, body } = await client.get(`${base}/usage-summary`);
        expect(status).toBe(200);
        expect(body).toEqual({
          data: {
            ...label,
            period: { from: expect.stringMatching(ISO), to: expect.stringMatching(ISO) },
            opening_balance: 0,
            closing_balance: 65,
            total_deposited: 100,
            total_debited: 35,
            total_refunded: 0,
            total_expired: 0,
            total_voided: 0,
            total_reversed: 0,
            transaction_count: 3,
            series: [
              {
                period: body.data.period.to.slice(0, 10),
                deposited: 100,
                debited: 35,
                refunded: 0,
                transaction_count: 3,
              },
            ],
          },
        });
        // Whole days in UTC: today and the twenty-nine before it.
        const firstDay = new Date(Date.parse(body.data.period.to) - 29 * 86_400_000).toISOString().slice(0, 10);
        expect(body.data.period.from).toBe(`${firstDay}T00:00:00.000Z`);
      });

      it('is empty for an account that nothing happened to', async () => {
        const { client } = await account();
        expect((await client.get(`${base}/usage-summary`)).body.data).toMatchObject({
          opening_balance: 0,
          closing_balance: 0,
          total_deposited: 0,
          total_debited: 0,
          transaction_count: 0,
          series: [],
        });
      });

      it.each([
        'from=yesterday',
        'to=2026-02-30',
        'group_by=week',
        'group_by=',
        'limit=5',
        'group_by=day&group_by=month',
      ])('?%s is a 400', async (query) => {
        const { client } = await account();
        expectError(await client.get(`${base}/usage-summary?${query}`), 400, 'VALIDATION_ERROR');
      });

      it('refuses a period that ends before it begins', async () => {
        const { client } = await account();
        expectError(
          await client.get(`${base}/usage-summary`, { from: '2026-05-01', to: '2026-04-01' }),
          400,
          'VALIDATION_ERROR',
        );
      });
    });

    describe('a bad request is a 400 and leaves nothing behind', () => {
      const json = (value: string) => `{"amount":${value},"description":"x"}`;
      const amounts = [
        '0',
        '-0',
        '-1',
        '1e400',
        '-1e400',
        '1e-400',
        '"1"',
        'null',
        'true',
        '[1]',
        '{}',
        '1e16',
        '9007199254740993',
        words.name === 'credits' ? '0.0000001' : '0.5',
        words.name === 'credits' ? '1.0000005' : '1.000001',
        words.name === 'credits' ? '8589934592' : '9007199254740992',
      ];
      const text = (value: unknown) => JSON.stringify({ amount: 1, description: value });
      const meta = (value: unknown) => JSON.stringify({ amount: 1, description: 'x', metadata: value });
      const bodies: BadBody[] = [
        ...amounts.map((amount): BadBody => [`amount ${amount}`, json(amount), 'amount']),
        ['amount missing', '{"description":"x"}', 'amount'],
        ['amount NaN', json('NaN'), null],
        ['amount Infinity', json('Infinity'), null],
        ['description empty', text(''), 'description'],
        ['description of 501 characters', text('x'.repeat(501)), 'description'],
        ['description a number', text(5), 'description'],
        ['description with NUL', text('a\0b'), 'description'],
        ['description an object', text({}), 'description'],
        ['an unknown field', '{"amount":1,"description":"x","ammount":2}', 'ammount'],
        ['a field of another machine', '{"amount":1,"description":"x","balance":5}', 'balance'],
        ['no body', '', null],
        ['a body that is no JSON', '{"amount":1,', null],
        ['a body with a comma too many', '{"amount":1,"description":"x",}', null],
        ['an array', '[{"amount":1,"description":"x"}]', null],
        ['a string', '"amount"', null],
        ['null', 'null', null],
        ['__proto__', '{"amount":1,"description":"x","__proto__":{"admin":true}}', null],
        ['constructor.prototype', '{"amount":1,"description":"x","constructor":{"prototype":{"admin":true}}}', null],
      ];
      const metadata: BadBody[] = [
        ['metadata an array', meta(['x']), 'metadata'],
        ['metadata a string', meta('x'), 'metadata'],
        ['metadata nested', meta({ a: { b: 1 } }), 'metadata'],
        ['metadata with null', meta({ a: null }), 'metadata'],
        [
          'metadata with 51 keys',
          meta(Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, i]))),
          'metadata',
        ],
        ['metadata with a key of 41 characters', meta({ ['k'.repeat(41)]: 1 }), 'metadata'],
        ['metadata with an empty key', meta({ '': 1 }), 'metadata'],
        ['metadata with a value of 501 characters', meta({ a: 'x'.repeat(501) }), 'metadata'],
        ['metadata with 1e400', '{"amount":1,"description":"x","metadata":{"a":1e400}}', 'metadata'],
      ];
      let client: Client;
      let before: object;

      beforeAll(async () => {
        ({ client } = await account(10));
        before = await stateOf(client, words);
      });

      it.each([...bodies, ...metadata])(`${spendType}: %s`, async (_, raw, field) => {
        const answer = await client.request('POST', spend, { raw, headers: { 'content-type': 'application/json' } });
        expectError(answer, 400, 'VALIDATION_ERROR');
        if (field)
          expect(answer.body.error.details).toEqual(
            expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
          );
        expect(await stateOf(client, words)).toEqual(before);
      });

      it.each(bodies.filter(([name]) => name !== 'a field of another machine'))(
        `${addType}: %s`,
        async (_, raw, field) => {
          const target = newName();
          const own = await server.clientFor({ sub: target, admin: true });
          const answer = await own.request('POST', add, { raw, headers: { 'content-type': 'application/json' } });
          expectError(answer, 400, 'VALIDATION_ERROR');
          if (field)
            expect(answer.body.error.details).toEqual(
              expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
            );
          expect((await own.get(`${base}/transactions`)).body.meta.total).toBe(0);
        },
      );

      it.each([
        ['empty', ''],
        ['of 256 characters', 'k'.repeat(256)],
        ['with a space', 'a b'],
        ['with a tab', 'a\tb'],
        ['beyond ASCII', 'schlüssel'],
      ])('an Idempotency-Key that is %s', async (_, key) => {
        const answer = await client.post(spend, { amount: 1, description: 'x' }, { key });
        expectError(answer, 400, 'VALIDATION_ERROR');
        expect(answer.body.error.details).toEqual([{ field: 'Idempotency-Key', message: expect.stringMatching(/\S/) }]);
        expect(await stateOf(client, words)).toEqual(before);
      });

      it('two Idempotency-Keys', async () => {
        const answer = await client.request('POST', spend, {
          body: { amount: 1, description: 'x' },
          headers: { 'idempotency-key': ['a', 'b'] as never },
        });
        expectError(answer, 400, 'VALIDATION_ERROR');
        expect(await stateOf(client, words)).toEqual(before);
      });

      it.each(['nobody', 'user:', 'team:5', 'user:a b', 'org:', '', `user:${'x'.repeat(201)}`])(
        'an account named %j',
        async (name) => {
          for (const path of [add, spend])
            expectError(
              await admin.post(path, { amount: 1, description: 'x', account: name }),
              400,
              'VALIDATION_ERROR',
            );
        },
      );

      it('another content type is a 415, none with a body too', async () => {
        for (const type of [
          'text/plain',
          'application/x-www-form-urlencoded',
          'application/xml',
          'multipart/form-data; boundary=x',
          undefined,
        ]) {
          const answer = await client.request('POST', spend, { raw: json('1'), headers: { 'content-type': type } });
          expectError(answer, 415, 'UNSUPPORTED_MEDIA_TYPE');
        }
        expect(await stateOf(client, words)).toEqual(before);
      });

      it('a body beyond the limit is a 413', async () => {
        expectError(
          await client.post(spend, { amount: 1, description: 'x'.repeat(2 * 1024 * 1024) }),
          413,
          'PAYLOAD_TOO_LARGE',
        );
        expect(await stateOf(client, words)).toEqual(before);
      });
    });

    describe('accounts', () => {
      it('everyone of an organization uses its account; their own is another', async () => {
        const org = newName();
        const one = await server.clientFor({ sub: 'one', org });
        const two = await server.clientFor({ sub: 'two', org });
        const alone = await server.clientFor({ sub: org });
        await admin.post(add, { amount: 10, description: 'x', account: `org:${org}` });
        expect((await one.post(spend, { amount: 4, description: 'x' })).body.data.balance_after).toBe(6);
        expect((await two.get(`${base}/balance`)).body.data.balance).toBe(6);
        expect((await alone.get(`${base}/balance`)).body.data.balance).toBe(0);
      });

      it('a name is compared letter by letter', async () => {
        const name = newName();
        await admin.post(add, { amount: 10, description: 'x', account: `user:${name}` });
        expect((await admin.get(`${base}/balance`, { account: `user:${name.toUpperCase()}` })).body.data.balance).toBe(
          0,
        );
        expect((await admin.get(`${base}/balance`, { account: `user:${name}` })).body.data.balance).toBe(10);
      });

      it('nobody but an administrator may name another account', async () => {
        const { client, name } = await account(10);
        const { client: stranger } = await account(10);
        expectError(await stranger.post(spend, { amount: 1, description: 'x', account: name }), 403, 'FORBIDDEN');
        for (const path of ['balance', 'transactions', 'transactions/1', 'usage-summary']) {
          expectError(await stranger.get(`${base}/${path}`, { account: name }), 403, 'FORBIDDEN');
          expect((await client.get(`${base}/${path}`, { account: name })).status).toBe(200);
          expect((await admin.get(`${base}/${path}`, { account: name })).status).toBe(200);
        }
        expect((await client.post(spend, { amount: 1, description: 'x', account: name })).status).toBe(201);
        expect((await admin.post(spend, { amount: 1, description: 'x', account: name })).status).toBe(201);
        expect((await client.get(`${base}/balance`)).body.data.balance).toBe(8);
        expect((await stranger.get(`${base}/balance`)).body.data.balance).toBe(10);
      });

      it(`only an administrator may ${addType}; without an account named, to their own`, async () => {
        const { client } = await account(1);
        const before = await stateOf(client, words);
        expectError(await client.post(add, { amount: 5, description: 'x' }), 403, 'FORBIDDEN');
        expect(await stateOf(client, words)).toEqual(before);
        const chief = await server.clientFor({ sub: newName(), admin: true });
        expect((await chief.post(add, { amount: 5, description: 'x' })).status).toBe(201);
        expect((await chief.get(`${base}/balance`)).body.data.balance).toBe(5);
      });

      it('credits and tokens of one owner are two balances', async () => {
        const { client, name } = await account(7);
        const other = WORDS.find((each) => each !== words)!;
        expect((await client.get(`${other.base}/balance`)).body.data.balance).toBe(0);
        await admin.post(other.add, { amount: 3, description: 'x', account: name });
        expect((await client.get(`${base}/balance`)).body.data.balance).toBe(7);
      });

      it('without a token every one of them is a 401', async () => {
        const nobody = server.client;
        for (const path of ['balance', 'transactions', 'transactions/1', 'usage-summary'])
          expectError(await nobody.get(`${base}/${path}`), 401, 'UNAUTHORIZED');
        for (const path of [add, spend]) expectError(await nobody.post(path, { amount: -1 }), 401, 'UNAUTHORIZED');
      });
    });

    describe('idempotency', () => {
      it('a key again: the first answer, marked as a replay, and one effect', async () => {
        const { client } = await account(10);
        const first = await client.post(
          spend,
          { amount: 1, description: 'x', metadata: { a: 1, b: 2 } },
          { key: 'k1' },
        );
        expect(first.status).toBe(201);
        expect(first.headers['idempotent-replayed']).toBeUndefined();
        const again = await client.post(
          spend,
          { metadata: { b: 2, a: 1 }, description: 'x', amount: 1.0 },
          { key: 'k1' },
        );
        expect({ status: again.status, text: again.text }).toEqual({ status: 201, text: first.text });
        expect(again.headers['idempotent-replayed']).toBe('true');
        expect(again.headers['x-trace-id']).not.toBe(first.headers['x-trace-id']);
        expect((await client.get(`${base}/balance`)).body.data.balance).toBe(9);
      });

      it('a 402 is an answer too: its replay repeats it to the letter, even when the account could pay by now', async () => {
        const { client, name } = await account(1);
        const first = await client.post(spend, { amount: 5, description: 'x' }, { key: 'k1' });
        expectError(first, 402, short);
        await admin.post(add, { amount: 100, description: 'x', account: name });
        const again = await client.post(spend, { amount: 5, description: 'x' }, { key: 'k1' });
        expect({ status: again.status, text: again.text }).toEqual({ status: 402, text: first.text });
        expect(again.headers['idempotent-replayed']).toBe('true');
        expect((await client.get(`${base}/balance`)).body.data.balance).toBe(101);
      });

      it('the same key with another request is a 422', async () => {
        const { client } = await account(10);
        await client.post(spend, { amount: 1, description: 'x' }, { key: 'k1' });
        for (const body of [
          { amount: 2, description: 'x' },
          { amount: 1, description: 'y' },
          { amount: 1, description: 'x', metadata: { a: 1 } },
        ]) {
          expectError(await client.post(spend, body, { key: 'k1' }), 422, 'IDEMPOTENCY_KEY_REUSED');
        }
        expect((await client.get(`${base}/transactions`)).body.meta.total).toBe(2);
      });

      it('a key belongs to one account and one operation', async () => {
        const [one, two] = [await account(10), await account(10)];
        const body = { amount: 1, description: 'x' };
        expect((await one.client.post(spend, body, { key: 'k1' })).headers['idempotent-replayed']).toBeUndefined();
        expect((await two.client.post(spend, body, { key: 'k1' })).headers['idempotent-replayed']).toBeUndefined();
        const added = await admin.post(add, { ...body, account: one.name }, { key: 'k1' });
        expect({ status: added.status, replayed: added.headers['idempotent-replayed'] }).toEqual({
          status: 201,
          replayed: undefined,
        });
        const other = WORDS.find((each) => each !== words)!;
        expect((await admin.post(other.add, { ...body, account: one.name }, { key: 'k1' })).status).toBe(201);
        // Keys are compared letter by letter too.
        expect((await one.client.post(spend, body, { key: 'K1' })).headers['idempotent-replayed']).toBeUndefined();
        expect((await one.client.get(`${base}/balance`)).body.data.balance).toBe(9);
      });

      it('an administrator who names the account repeats what its owner did', async () => {
        const { client, name } = await account(10);
        const first = await client.post(spend, { amount: 1, description: 'x' }, { key: 'k1' });
        const again = await admin.post(spend, { amount: 1, description: 'x', account: name }, { key: 'k1' });
        expect({ text: again.text, replayed: again.headers['idempotent-replayed'] }).toEqual({
          text: first.text,
          replayed: 'true',
        });
      });

      it('a bad request does not use its key up', async () => {
        const { client } = await account(10);
        expectError(await client.post(spend, { amount: -1, description: 'x' }, { key: 'k1' }), 400, 'VALIDATION_ERROR');
        expect((await client.post(spend, { amount: 1, description: 'x' }, { key: 'k1' })).status).toBe(201);
      });

      it('without a key every request is a new operation', async () => {
        const { client } = await account(10);
        for (let i = 0; i < 3; i++)
          expect((await client.post(spend, { amount: 1, description: 'x' })).body.data.id).toBe(i + 2);
      });

      it('every key of 255 visible characters is taken', async () => {
        const { client } = await account(10);
        const key = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i))
          .join('')
          .padEnd(255, '~');
        expect((await client.post(spend, { amount: 1, description: 'x' }, { key })).status).toBe(201);
        expect(
          (await client.post(spend, { amount: 1, description: 'x' }, { key })).headers['idempotent-replayed'],
        ).toBe('true');
        expect(
          (await client.post(spend, { amount: 1, description: 'x' }, { key: key.slice(0, -1) })).headers[
            'idempotent-replayed'
          ],
        ).toBeUndefined();
      });
    });
  });

  describe('tokens alone', () => {
    it('consume needs no description, and keeps the model', async () => {
      const name = newName();
      const client = await server.clientFor({ sub: name });
      await admin.post('/api/tokens/grant', { amount: 1_000, description: 'Trial', account: `user:${name}` });
      const plain = await client.post('/api/tokens/consume', { amount: 10 });
      expect(plain.status).toBe(201);
      const full = await client.post('/api/tokens/consume', {
        amount: 20,
        model: 'claude-opus',
        description: 'Run',
        metadata: { step: 1 },
      });
      expect(full.body.data).toMatchObject({
        id: 3,
        type: 'consume',
        amount: -20,
        balance_after: 970,
        description: 'Run',
        model: 'claude-opus',
        metadata: { step: 1 },
      });
      expect((await client.get('/api/tokens/transactions/3')).body).toEqual(full.body);
      for (const model of ['', 'm'.repeat(1_000), 5, {}])
        expectError(await client.post('/api/tokens/consume', { amount: 1, model }), 400, 'VALIDATION_ERROR');
    });
  });
});
