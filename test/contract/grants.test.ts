import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { expectSound, grantsOf } from '../support/grants.js';
import { expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { type Sale, Shop } from '../support/shop.js';
import { expectError, forEverybody, historyOf, newName, stateOf, WORDS } from '../support/words.js';

const DAY_MS = 86_400_000;
/** Where the clock stands when a test begins. */
const START = Date.parse('2030-01-10T10:00:00Z');
const FOR_EVER = { exp: Math.floor(Date.parse('2099-01-01') / 1000) };
const HOLDS = '/api/credits/holds';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Days after the start of a test. */
const day = (days: number) => new Date(START + days * DAY_MS).toISOString();

/** An account of a test, with what tests do to it. */
interface Owner {
  readonly client: Client;
  readonly name: string;
  /** Puts something in, and answers the id of the grant. */
  add(amount: number, terms?: object): Promise<number>;
  /** Spends, and answers the transaction. */
  spend(amount: number): Promise<any>;
  grant(id: number): Promise<any>;
  balance(): Promise<any>;
  /** Asks for a correction of a grant or a transaction, as an administrator. */
  correct(path: string, body?: object, key?: string): Promise<Answer>;
}

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    // What falls due is seen by reads and by batches; the sweep has a test of its own.
    server = await startServer({ DATABASE_URL: database.url }, ['test/support/no-intervals.mjs']);
    admin = await server.clientFor({ sub: 'root', admin: true, claims: FOR_EVER });
  });
  beforeEach(() => server.setClock(day(0)));
  afterAll(() => server?.stop());

  describe.each(WORDS)('$name', (words) => {
    const { base, add, addType, spend, spendType, smallest } = words;
    const isCredits = words.name === 'credits';
    const usual = isCredits ? 'paid' : 'promotional';
    const owners: Owner[] = [];

    /** What every test must leave behind. */
    afterEach(async () => {
      for (const { client } of owners.splice(0)) await expectSound(client, words);
    });

    async function owner(...grants: [amount: number, terms?: object][]): Promise<Owner> {
      const sub = newName();
      const name = `user:${sub}`;
      const client = await server.clientFor({ sub, claims: FOR_EVER });
      const made = async (answer: Promise<Answer>) => {
        const { status, body, text } = await answer;
        expect({ status, text: status === 201 ? '' : text }).toEqual({ status: 201, text: '' });
        return body.data;
      };
      const found = async (path: string) => (await client.get(`${base}/${path}`)).body.data;
      const account: Owner = {
        client,
        name,
        add: async (amount, terms = {}) =>
          (await made(admin.post(add, { amount, description: 'Added', account: name, ...terms }))).id,
        spend: (amount) => made(client.post(spend, { amount, description: 'Spent' })),
        grant: (id) => found(`grants/${id}`),
        balance: () => found('balance'),
        correct: (path, body = {}, key) =>
          admin.post(`${base}/${path}`, { account: name, reason: 'Because', ...body }, { key }),
      };
      for (const [amount, terms] of grants) await account.add(amount, terms);
      owners.push(account);
      return account;
    }

    const parts = ({ grants }: any): [number, number][] => grants?.map((part: any) => [part.grant_id, part.amount]);
    const types = async ({ client }: Owner) => (await historyOf(client, words)).map(({ type }) => type);

    async function open({ client }: Owner, amount: number, more: object = {}): Promise<any> {
      const { status, body } = await client.post(HOLDS, { amount, ...more });
      expect(status).toBe(201);
      return body.data;
    }
    const capture = async ({ client }: Owner, { id }: any, amount: number, final = true) => {
      const { status, body } = await client.post(`${HOLDS}/${id}/capture`, { amount, final });
      expect(status).toBe(201);
      return body.data;
    };
    const release = ({ client }: Owner, { id }: any) => client.post(`${HOLDS}/${id}/release`);

    /** A refused correction leaves everything as it was. */
    async function expectRefused(who: Owner, path: string, body: object, status: number, details?: object) {
      const before = [await stateOf(who.client, words), await grantsOf(who.client, words)];
      const answer = await who.correct(path, body);
      expectError(answer, status, status === 404 ? 'NOT_FOUND' : status === 409 ? 'CONFLICT' : 'VALIDATION_ERROR');
      if (details) expect(answer.body.error.details).toEqual(details);
      expect([await stateOf(who.client, words), await grantsOf(who.client, words)]).toEqual(before);
      return answer;
    }

    /** The same answer under the same key, whatever has happened since; another request under it is a 422. */
    async function expectKept(who: Owner, path: string, body: object, change: () => Promise<unknown>) {
      const first = await who.correct(path, body, 'key');
      expect(first.status).toBe(201);
      await change();
      const state = await stateOf(who.client, words);
      const again = await who.correct(path, body, 'key');
      expect({ status: again.status, text: again.text, replayed: again.headers['idempotent-replayed'] }).toEqual({
        status: 201,
        text: first.text,
        replayed: 'true',
      });
      expectError(await who.correct(path, { ...body, reason: 'Other' }, 'key'), 422, 'IDEMPOTENCY_KEY_REUSED');
      expect(await stateOf(who.client, words)).toEqual(state);
      return first.body.data;
    }

    describe('the terms of what comes in', () => {
      it('are the usual ones unless it says otherwise', async () => {
        const who = await owner([10]);
        expect(await who.grant(1)).toEqual({
          id: 1,
          account: who.name,
          source: addType,
          amount: 10,
          used: 0,
          held: 0,
          expired: 0,
          voided: 0,
          taken_back: 0,
          remaining: 10,
          category: usual,
          priority: 50,
          price: isCredits ? 10 : 0,
          status: 'active',
          created_at: expect.stringMatching(ISO),
        });
      });

      it('are those that it names', async () => {
        const who = await owner([10, { category: 'paid', priority: 0, expires_at: '2031-02-03T04:05:06+01:00' }]);
        await who.add(20, { category: 'promotional', priority: 100, expires_in_days: 3650 });
        await who.add(30, { expires_at: '2030-01-11', expires_in_days: undefined });
        const [first, second, third] = await grantsOf(who.client, words);
        expect(first).toMatchObject({ category: 'paid', priority: 0, price: isCredits ? 10 : 0 });
        expect(first.expires_at).toBe('2031-02-03T03:05:06.000Z');
        expect(second).toMatchObject({ category: 'promotional', priority: 100, price: 0 });
        expect(Date.parse(second.expires_at) - Date.parse(second.created_at)).toBe(3650 * DAY_MS);
        expect(third.expires_at).toBe('2030-01-11T00:00:00.000Z');
      });

      it('come with metadata, which the transaction keeps', async () => {
        const who = await owner();
        const metadata = { ticket: 'SUP-1204', urgent: true, hours: 1.5 };
        const body = { amount: 1, description: 'x', account: who.name, metadata };
        expect((await admin.post(add, body)).body.data.metadata).toEqual(metadata);
        expect((await historyOf(who.client, words))[0].metadata).toEqual(metadata);
      });

      it.each([
        ['priority', { priority: -1 }],
        ['priority', { priority: 101 }],
        ['priority', { priority: 1.5 }],
        ['priority', { priority: '5' }],
        ['category', { category: 'gift' }],
        ['category', { category: '' }],
        ['expires_at', { expires_at: '2030-01-10T09:59:59Z' }],
        ['expires_at', { expires_at: '2030-01-10' }],
        ['expires_at', { expires_at: '2031-02-31' }],
        ['expires_at', { expires_at: '2031-02-03T04:05:06' }],
        ['expires_at', { expires_at: 1_900_000_000 }],
        ['expires_in_days', { expires_in_days: 0 }],
        ['expires_in_days', { expires_in_days: 3651 }],
        ['expires_in_days', { expires_in_days: 1.5 }],
        ['expires_in_days', { expires_in_days: '30' }],
        ['expires_in_days', { expires_in_days: 30, expires_at: '2031-01-01' }],
        ['existing', { existing: 'true' }],
        ['metadata', { metadata: { a: { b: 1 } } }],
        ['source', { source: 'purchase' }],
        ['purchase_id', { purchase_id: 'p' }],
      ])('%s in %j is a 400 and records nothing', async (field, terms) => {
        const who = await owner();
        const body = { amount: 1, description: 'x', account: who.name };
        const answer = await admin.post(add, { ...body, ...terms }, { key: `${who.name}-bad` });
        expectError(answer, 400, 'VALIDATION_ERROR');
        expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
        expect(await grantsOf(who.client, words)).toEqual([]);
        expect((await who.balance()).as_of).toBe(0);
        // A 400 is not remembered: the key is free for the request as it should have been.
        expect((await admin.post(add, body, { key: `${who.name}-bad` })).status).toBe(201);
      });

      it('existing: true is a 404 for an account that never moved, also later under the same key', async () => {
        const who = await owner();
        const post = (key?: string) =>
          admin.post(add, { amount: 1, description: 'x', account: who.name, existing: true }, { key });
        expectError(await post(), 404, 'NOT_FOUND');
        const key = `${who.name}-existing`;
        const refused = await post(key);
        expectError(refused, 404, 'NOT_FOUND');
        expect((await who.balance()).as_of).toBe(0);
        await who.add(5);
        const again = await post(key);
        expect({ status: again.status, text: again.text }).toEqual({ status: 404, text: refused.text });
        expect((await post()).status).toBe(201);
        expect((await who.balance()).available).toBe(6);
      });

      it('make another request of one under the same key', async () => {
        const who = await owner();
        const body = { amount: 1, description: 'x', account: who.name, priority: 10 };
        const key = `${who.name}-terms`;
        const first = await admin.post(add, body, { key });
        expect((await admin.post(add, body, { key })).text).toBe(first.text);
        for (const other of [
          { priority: 11 },
          { category: 'paid', priority: 9 },
          { expires_in_days: 1 },
          { existing: true },
        ])
          expectError(await admin.post(add, { ...body, ...other }, { key }), 422, 'IDEMPOTENCY_KEY_REUSED');
      });
    });

    describe('the list', () => {
      it('pages both ways, by status and category, each with its own total', async () => {
        const who = await owner();
        const terms = (i: number) => ({
          category: i % 2 ? 'paid' : 'promotional',
          ...(i % 3 ? {} : { expires_in_days: 2 }),
        });
        for (let i = 0; i < 12; i++) await who.add(2, terms(i));
        for (const id of [5, 9]) expect((await who.correct(`grants/${id}/void`)).status).toBe(201);
        await who.spend(5);
        await server.setClock(day(3));
        const all = await grantsOf(who.client, words);
        expect(new Set(all.map(({ status }) => status))).toEqual(new Set(['active', 'voided', 'expired', 'used']));
        for (const status of [undefined, 'active', 'voided', 'expired', 'used'])
          for (const category of [undefined, 'paid', 'promotional'])
            for (const order of [undefined, 'asc', 'desc']) {
              const found = all.filter(
                (grant) => (!status || grant.status === status) && (!category || grant.category === category),
              );
              if (order === 'desc') found.reverse();
              for (const [limit, offset] of [
                [undefined, undefined],
                [3, 0],
                [3, 3],
                [200, 1],
                [1, 12],
                [3, Number.MAX_SAFE_INTEGER],
              ] as const) {
                const query = { status, category, order, limit, offset };
                const answer = await who.client.get(`${base}/grants`, query);
                const [l, o] = [limit ?? 50, offset ?? 0];
                expect({ query, body: answer.body }).toEqual({
                  query,
                  body: { data: found.slice(o, o + l), meta: { total: found.length, limit: l, offset: o } },
                });
              }
            }
      });

      it('is empty for an account that never moved', async () => {
        const { client } = await owner();
        expect((await client.get(`${base}/grants`)).body).toEqual({
          data: [],
          meta: { total: 0, limit: 50, offset: 0 },
        });
      });

      it.each([
        'status=open',
        'status=',
        'status=active&status=used',
        'category=free',
        'order=up',
        'limit=0',
        'limit=201',
        'offset=-1',
        'cursor=x',
      ])('?%s is a 400', async (query) => {
        expectError(await admin.get(`${base}/grants?${query}`), 400, 'VALIDATION_ERROR');
      });

      it("another's is for administrators", async () => {
        const [who, other] = [await owner([5]), await owner()];
        const [grant] = await grantsOf(who.client, words);
        for (const path of [`${base}/grants`, `${base}/grants/1`]) {
          expectError(await other.client.get(path, { account: who.name }), 403, 'FORBIDDEN');
          expectError(await server.client.get(path), 401, 'UNAUTHORIZED');
        }
        expect((await admin.get(`${base}/grants`, { account: who.name })).body.data).toEqual([grant]);
        expect((await admin.get(`${base}/grants/1`, { account: who.name })).body.data).toEqual(grant);
      });

      it.each(['2', '3', '999', '9007199254740991'])('%s is no grant of the account', async (id) => {
        const who = await owner([5]);
        // A transaction that made no grant is none either.
        await who.spend(1);
        expectError(await who.client.get(`${base}/grants/${id}`), 404, 'NOT_FOUND');
        expectError(await (await owner()).client.get(`${base}/grants/1`), 404, 'NOT_FOUND');
      });

      it.each(['0', '-1', 'x', '1.5', '1e2', '9007199254740993', '%20'])('%s is no id', async (id) => {
        const who = await owner([5]);
        const answer = await who.client.get(`${base}/grants/${id}`);
        const entry = await who.client.get(`${base}/transactions/${id}`);
        expect([answer.status, answer.body.error.code]).toEqual([entry.status, entry.body.error.code]);
        expect(answer.status).toBeLessThan(500);
        expect(answer.status).toBeGreaterThanOrEqual(400);
      });
    });

    describe('burning', () => {
      /** In the order in which they must burn: priority, expiry with none last, promotional before paid, age. */
      const BURNS = [
        { priority: 0, category: 'paid' },
        { priority: 49, expires_in_days: 5 },
        { priority: 50, expires_in_days: 1, category: 'paid' },
        { priority: 50, expires_at: day(3), category: 'promotional' },
        { priority: 50, expires_at: day(3), category: 'paid' },
        { priority: 50, category: 'promotional' },
        { priority: 50, category: 'promotional' },
        { category: 'paid' },
        { priority: 51, expires_in_days: 1, category: 'promotional' },
        { priority: 100, category: 'promotional' },
      ];
      /** The places in which they come in; equal ones stay in their order. */
      const SHUFFLED = [9, 5, 0, 8, 4, 6, 3, 1, 7, 2];

      it('takes them in their order, and says which', async () => {
        const who = await owner(...SHUFFLED.map((i): [number, object] => [2, BURNS[i]!]));
        const order = BURNS.map((_, i) => SHUFFLED.indexOf(i) + 1);
        const first = await who.spend(3);
        expect(first).toMatchObject({ type: spendType, amount: -3, grants_count: 2 });
        expect(parts(first)).toEqual([
          [order[0], 2],
          [order[1], 1],
        ]);
        const rest = await who.spend(17);
        expect(parts(rest)).toEqual([[order[1], 1], ...order.slice(2).map((id) => [id, 2])]);
        const found = (await who.client.get(`${base}/transactions`, { order: 'desc', limit: 2 })).body.data;
        expect(found).toEqual([rest, first]);
        expect((await grantsOf(who.client, words)).every(({ used, status }) => used === 2 && status === 'used')).toBe(
          true,
        );
      });

      it('is the same in a batch, and what comes in has none', async () => {
        const who = await owner([2, { priority: 60 }], [2]);
        for (const mode of ['independent', 'atomic']) {
          const items = [{ amount: 1, description: 'x' }];
          const { body } = await who.client.post(`${spend}/batch`, { mode, items });
          expect(parts(body.data[0].transaction)).toEqual([[2, 1]]);
        }
        expect(parts(await who.spend(1))).toEqual([[1, 1]]);
        expect((await historyOf(who.client, words))[0]).not.toHaveProperty('grants');
      });

      it('shows a hundred grants in lists, and all by id', async () => {
        const who = await owner();
        const items = Array.from({ length: 105 }, () => who.add(1));
        await Promise.all(items);
        const spent = await who.spend(105);
        const all = Array.from({ length: 105 }, (_, i) => [i + 1, 1]);
        expect({ grants: parts(spent), count: spent.grants_count }).toEqual({ grants: all, count: 105 });
        expect((await who.client.get(`${base}/transactions/106`)).body.data).toEqual(spent);
        for (const query of [{ type: spendType }, { q: 'spent' }]) {
          const [listed] = (await who.client.get(`${base}/transactions`, query)).body.data;
          expect({ grants: parts(listed), count: listed.grants_count }).toEqual({
            grants: all.slice(0, 100),
            count: 105,
          });
        }
      });
    });

    describe('voiding', () => {
      it('forfeits what remains, and is a transaction', async () => {
        const who = await owner([10, { priority: 1 }], [5]);
        await who.spend(4);
        const { status, body, headers } = await who.correct('grants/1/void', { reason: 'Given twice' });
        expect(status).toBe(201);
        expect(body.data).toEqual({
          id: 4,
          account: who.name,
          type: 'void',
          amount: -6,
          balance_after: 5,
          description: 'Given twice',
          created_at: expect.stringMatching(ISO),
          metadata: null,
          actor: 'admin:root',
          grants: [{ grant_id: 1, amount: 6 }],
          grants_count: 1,
          trace_id: headers['x-trace-id'],
        });
        expect((await who.client.get(`${base}/transactions/4`)).body.data).toEqual(forEverybody(body.data));
        expect(await who.grant(1)).toMatchObject({ used: 4, voided: 6, remaining: 0, status: 'voided' });
        expect(await who.balance()).toMatchObject({ available: 5 });
        expect((await who.client.get(`${base}/transactions`, { type: 'void' })).body.meta.total).toBe(1);
      });

      it('of nothing is a 409, and of no grant a 404', async () => {
        const who = await owner([5], [5, { expires_in_days: 1 }], [5]);
        await who.spend(5);
        expect((await who.correct('grants/1/void')).status).toBe(201);
        await server.setClock(day(2));
        // Voided, expired or used: nothing of it remains.
        await who.spend(5);
        for (const id of [1, 2, 3]) await expectRefused(who, `grants/${id}/void`, {}, 409, { remaining: 0 });
        for (const id of [4, 999]) await expectRefused(who, `grants/${id}/void`, {}, 404);
        await expectRefused(await owner(), 'grants/1/void', {}, 404);
      });

      it('is kept under its key', async () => {
        const who = await owner([5], [5]);
        await expectKept(who, 'grants/1/void', {}, () => who.spend(5));
        const refused = await who.correct('grants/2/void', {}, 'later');
        expectError(refused, 409, 'CONFLICT');
        expectError(await who.correct('grants/1/void', {}, 'later'), 422, 'IDEMPOTENCY_KEY_REUSED');
        expectError(await who.correct('grants/3/void', {}, 'none'), 404, 'NOT_FOUND');
        await who.add(5);
        await who.add(5);
        expect((await who.correct('grants/2/void', {}, 'later')).text).toBe(refused.text);
        expectError(await who.correct('grants/3/void', {}, 'none'), 404, 'NOT_FOUND');
        expect((await who.balance()).available).toBe(10);
      });
    });

    describe('extending', () => {
      it('moves what remains into a new grant with the old terms', async () => {
        const who = await owner([9, { expires_in_days: 1, priority: 7, category: 'paid' }]);
        await who.spend(2);
        const before = await who.grant(1);
        const { status, body } = await who.correct('grants/1/extend', { expires_at: day(9), reason: 'Goodwill' });
        expect(status).toBe(201);
        expect(body.data).toEqual({
          ...before,
          id: 4,
          source: 'extension',
          amount: 7,
          used: 0,
          remaining: 7,
          // Of nine dollars for nine the last seven parts.
          price: isCredits ? 7 : 0,
          expires_at: day(9),
          extends: 1,
          created_at: expect.stringMatching(ISO),
        });
        expect(await who.grant(4)).toEqual(body.data);
        expect(await who.grant(1)).toEqual({ ...before, voided: 7, remaining: 0, status: 'voided' });
        const [voided, added] = (await historyOf(who.client, words)).slice(2);
        expect(voided).toMatchObject({ type: 'void', amount: -7, description: 'Goodwill', actor: 'admin:root' });
        expect(parts(voided)).toEqual([[1, 7]]);
        expect(added).toMatchObject({ type: addType, amount: 7, description: 'Goodwill', actor: 'admin:root' });
        expect(added).not.toHaveProperty('grants');
        expect(await who.balance()).toMatchObject({ available: 7, expiring: [{ amount: 7, expires_at: day(9) }] });
      });

      it('can be done again, to the extension', async () => {
        const who = await owner([9, { expires_in_days: 1 }]);
        const extend = (id: number, days: number) => who.correct(`grants/${id}/extend`, { expires_at: day(days) });
        expect((await extend(1, 2)).body.data).toMatchObject({ id: 3, extends: 1 });
        await expectRefused(who, 'grants/1/extend', { expires_at: day(5) }, 409, { remaining: 0 });
        expect((await extend(3, 4)).body.data).toMatchObject({ id: 5, extends: 3, amount: 9 });
      });

      it('is a 409 when nothing remains, it never expires, or the time is no later', async () => {
        const who = await owner([5], [5, { expires_in_days: 2 }], [5, { expires_in_days: 1 }]);
        await expectRefused(who, 'grants/1/extend', { expires_at: day(9) }, 409);
        const { expires_at: end } = await who.grant(2);
        const details = { expires_at: end };
        for (const expires_at of [end, new Date(Date.parse(end) - 1).toISOString(), day(0), '2020-01-01'])
          await expectRefused(who, 'grants/2/extend', { expires_at }, 409, details);
        const later = { expires_at: new Date(Date.parse(end) + 1).toISOString() };
        expect((await who.correct('grants/2/extend', later)).status).toBe(201);
        await server.setClock(day(1.5));
        const expired = await who.correct('grants/3/extend', { expires_at: day(9) });
        expectError(expired, 409, 'CONFLICT');
        expect(expired.body.error.details).toEqual({ remaining: 0 });
        for (const id of [4, 999]) await expectRefused(who, `grants/${id}/extend`, { expires_at: day(9) }, 404);
      });

      it('is kept under its key, as the grant was made', async () => {
        const who = await owner([9, { expires_in_days: 1 }]);
        await who.spend(4);
        const made = await expectKept(who, 'grants/1/extend', { expires_at: day(9) }, async () => {
          await who.spend(3);
          // It goes to the extension, which grows by it.
          expect((await who.correct('transactions/2/reverse', { amount: 4 })).status).toBe(201);
        });
        expect(made).toMatchObject({ amount: 5, used: 0, remaining: 5, price: isCredits ? 5 : 0 });
        expect(await who.grant(made.id)).toMatchObject({ amount: 9, used: 3, price: isCredits ? 9 : 0 });
        const other = { expires_at: day(10) };
        expectError(await who.correct('grants/1/extend', other, 'key'), 422, 'IDEMPOTENCY_KEY_REUSED');
      });
    });

    describe('reversing a spending', () => {
      it('gives back to the grants that paid, in reverse, and never more than is left', async () => {
        const who = await owner([4, { priority: 1 }], [4, { priority: 2 }], [4, { priority: 3 }]);
        const spent = await who.spend(10);
        const { status, body, headers } = await who.correct('transactions/4/reverse', { amount: 3 });
        expect(status).toBe(201);
        expect(body.data).toEqual({
          id: 5,
          account: who.name,
          type: 'reversal',
          amount: 3,
          balance_after: 5,
          description: 'Because',
          created_at: expect.stringMatching(ISO),
          metadata: null,
          actor: 'admin:root',
          grants: [
            { grant_id: 3, amount: 2 },
            { grant_id: 2, amount: 1 },
          ],
          grants_count: 2,
          reverses: 4,
          trace_id: headers['x-trace-id'],
        });
        const original = async () => (await who.client.get(`${base}/transactions/4`)).body.data;
        expect(await original()).toEqual({ ...spent, reversed: 3 });
        expect((await historyOf(who.client, words))[3]).toEqual({ ...spent, reversed: 3 });
        expect((await historyOf(who.client, words))[4]).toEqual(forEverybody(body.data));
        const tooMuch = { amount: 7 + smallest };
        await expectRefused(who, 'transactions/4/reverse', tooMuch, 409, { remaining: 7 });
        const rest = (await who.correct('transactions/4/reverse')).body.data;
        expect(parts(rest)).toEqual([
          [2, 3],
          [1, 4],
        ]);
        expect(rest).toMatchObject({ amount: 7, reverses: 4 });
        expect(await original()).toEqual({ ...spent, reversed: 10 });
        for (const amount of [undefined, smallest])
          await expectRefused(who, 'transactions/4/reverse', { amount }, 409, { remaining: 0 });
        expect((await grantsOf(who.client, words)).map(({ used, remaining }) => [used, remaining])).toEqual([
          [0, 4],
          [0, 4],
          [0, 4],
        ]);
      });

      it('brings parts of expired grants back as one for thirty days, whose old ones stay used', async () => {
        const who = await owner(
          [4, { priority: 1, expires_in_days: 1, category: 'paid' }],
          [4, { priority: 2, expires_in_days: 2, category: 'promotional' }],
          [4, { priority: 3 }],
        );
        await who.spend(10);
        await server.setClock(day(5));
        const { data } = (await who.correct('transactions/4/reverse')).body;
        expect(data).toMatchObject({ amount: 10, balance_after: 12 });
        expect(parts(data)).toEqual([[3, 2]]);
        const [first, second, third, back] = await grantsOf(who.client, words);
        expect([first.used, second.used, third.used]).toEqual([4, 4, 0]);
        expect(back).toMatchObject({ id: data.id, source: 'return', amount: 8, remaining: 8, status: 'active' });
        // Of the grant that paid last.
        expect(back).toMatchObject({ category: 'promotional', priority: 2, price: isCredits ? 4 : 0 });
        expect(Date.parse(back.expires_at) - Date.parse(back.created_at)).toBe(30 * DAY_MS);
        await server.setClock(day(36));
        expect(await who.grant(back.id)).toMatchObject({ expired: 8, status: 'expired' });
        expect((await who.balance()).available).toBe(4);
      });

      it('forfeits parts of voided grants, and gives those of extended ones to the newest extension', async () => {
        const who = await owner([4, { priority: 1 }], [4, { priority: 2, expires_in_days: 1 }]);
        await who.spend(3);
        await who.spend(3);
        expect((await who.correct('grants/2/extend', { expires_at: day(2) })).body.data.id).toBe(6);
        expect((await who.correct('grants/6/extend', { expires_at: day(3) })).body.data.id).toBe(8);
        // Of the first spending, three of the first grant; of the second, its last one and two of the second.
        await who.correct('transactions/3/reverse', { amount: 1 });
        expect((await who.correct('grants/1/void')).status).toBe(201);
        const { data } = (await who.correct('transactions/4/reverse')).body;
        expect(data).toMatchObject({ amount: 3 });
        expect(parts(data)).toEqual([
          [8, 2],
          [1, 1],
        ]);
        const last = (await historyOf(who.client, words)).at(-1);
        expect(last).toMatchObject({ type: 'void', amount: -1, actor: 'system' });
        expect(parts(last)).toEqual([[1, 1]]);
        expect(await who.grant(1)).toMatchObject({ used: 2, voided: 2, remaining: 0, status: 'voided' });
        expect(await who.grant(2)).toMatchObject({ used: 0, voided: 4, remaining: 0 });
        expect(await who.grant(8)).toMatchObject({ amount: 4, remaining: 4, expires_at: day(3) });
        expect((await who.balance()).available).toBe(4);
      });

      it('is kept under its key', async () => {
        const who = await owner([5]);
        await who.spend(5);
        await expectKept(who, 'transactions/2/reverse', { amount: 2 }, async () => {
          await who.correct('transactions/2/reverse');
          await who.spend(5);
        });
        expectError(await who.correct('transactions/2/reverse', { amount: 3 }, 'key'), 422, 'IDEMPOTENCY_KEY_REUSED');
        const refused = await who.correct('transactions/2/reverse', {}, 'over');
        expectError(refused, 409, 'CONFLICT');
        expect((await who.correct('transactions/2/reverse', {}, 'over')).text).toBe(refused.text);
      });
    });

    describe('reversing what came in', () => {
      it('takes what remains of its grant, and no more', async () => {
        const who = await owner([10], [3]);
        await who.spend(4);
        await expectRefused(who, 'transactions/1/reverse', { amount: 6 + smallest }, 409, { remaining: 6 });
        const { data } = (await who.correct('transactions/1/reverse', { amount: 2 })).body;
        expect(data).toMatchObject({ type: 'reversal', amount: -2, balance_after: 7, reverses: 1 });
        expect(parts(data)).toEqual([[1, 2]]);
        expect((await who.correct('transactions/1/reverse')).body.data).toMatchObject({ amount: -4, reverses: 1 });
        await expectRefused(who, 'transactions/1/reverse', {}, 409, { remaining: 0 });
        expect(await who.grant(1)).toMatchObject({ used: 4, taken_back: 6, remaining: 0, status: 'used' });
        expect((await who.client.get(`${base}/transactions/1`)).body.data.reversed).toBe(6);
        expect(await who.balance()).toMatchObject({ available: 3, debt: 0 });
        const { data: sums } = (await who.client.get(`${base}/usage-summary`)).body;
        expect(sums).toMatchObject({ total_deposited: 13, total_debited: 4, total_reversed: -6, closing_balance: 3 });
      });
    });

    describe('what can not be reversed', () => {
      it('is what corrects or ends something: 409', async () => {
        const who = await owner([5, { expires_in_days: 1, priority: 1 }], [5]);
        await who.spend(1);
        await who.correct('transactions/3/reverse');
        expect((await who.correct('grants/2/void')).status).toBe(201);
        await server.setClock(day(2));
        await who.add(1);
        expect(await types(who)).toEqual([addType, addType, spendType, 'reversal', 'void', 'expire', addType]);
        for (const [id, type] of [
          [4, 'reversal'],
          [5, 'void'],
          [6, 'expire'],
        ])
          await expectRefused(who, `transactions/${id}/reverse`, {}, 409, { type });
        await expectRefused(who, 'transactions/8/reverse', {}, 404);
        await expectRefused(await owner(), 'transactions/1/reverse', {}, 404);
      });
    });

    describe('a correction', () => {
      const PATHS = ['grants/1/void', 'grants/1/extend', 'transactions/1/reverse'];
      const bodyOf = (path: string, more: object = {}) => ({
        reason: 'x',
        ...(path.endsWith('extend') ? { expires_at: day(9) } : {}),
        ...more,
      });

      it.each(PATHS)('%s is for administrators of the platform', async (path) => {
        const who = await owner([5, { expires_in_days: 1 }]);
        const org = newName();
        await admin.post(add, { amount: 5, description: 'x', account: `org:${org}`, expires_in_days: 1 });
        const member = (org_role: string) => server.clientFor({ sub: 'm', org, claims: { ...FOR_EVER, org_role } });
        for (const role of ['owner', 'admin', 'billing', 'member']) {
          const body = bodyOf(path, { account: `org:${org}` });
          expectError(await (await member(role)).post(`${base}/${path}`, body), 403, 'FORBIDDEN');
        }
        expectError(await who.client.post(`${base}/${path}`, bodyOf(path, { account: who.name })), 403, 'FORBIDDEN');
        expectError(await server.client.post(`${base}/${path}`, bodyOf(path)), 401, 'UNAUTHORIZED');
        expect(await types(who)).toEqual([addType]);
      });

      it.each(PATHS)('%s needs an account and a reason', async (path) => {
        const who = await owner([5, { expires_in_days: 1 }]);
        for (const [field, more] of [
          ['account', { account: undefined }],
          ['account', { account: '' }],
          ['account', { account: 5 }],
          ['reason', { reason: undefined }],
          ['reason', { reason: '' }],
          ['reason', { reason: 'x'.repeat(501) }],
          ['reason', { reason: 5 }],
          ['description', { description: 'x' }],
        ] as const) {
          const answer = await expectRefused(who, path, bodyOf(path, more), 400);
          expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
        }
        expect((await who.correct(path, bodyOf(path, { reason: '🙂'.repeat(500) }))).status).toBe(201);
      });

      it.each(['someone', 'user:', 'team:7'])('is refused for the account %s', async (account) => {
        for (const path of PATHS) {
          const answer = await admin.post(`${base}/${path}`, bodyOf(path, { account }));
          expect([400, 404]).toContain(answer.status);
        }
      });

      it.each([
        ['grants/1/extend', 'expires_at', undefined],
        ['grants/1/extend', 'expires_at', 'tomorrow'],
        ['grants/1/extend', 'expires_at', '2031-02-31'],
        ['grants/1/extend', 'expires_at', 5],
        ['grants/1/extend', 'expires_in_days', 5],
        ['transactions/1/reverse', 'amount', 0],
        ['transactions/1/reverse', 'amount', -1],
        ['transactions/1/reverse', 'amount', '1'],
        ['transactions/1/reverse', 'amount', 0.0000001],
        ['transactions/1/reverse', 'amount', 1e17],
        ['grants/1/void', 'amount', 1],
      ])('%s with %s %j is a 400', async (path, field, value) => {
        const who = await owner([5, { expires_in_days: 1 }]);
        const answer = await expectRefused(who, path, bodyOf(path, { [field]: value }), 400);
        expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
      });

      it.each(['0', 'x', '1.5', '-1'])('the id %s is none', async (id) => {
        const who = await owner([5, { expires_in_days: 1 }]);
        for (const path of PATHS) {
          const { status } = await who.correct(path.replace('1', id), bodyOf(path));
          expect([400, 404]).toContain(status);
        }
        expect(await types(who)).toEqual([addType]);
      });
    });

    describe('expiry', () => {
      /** A story of three grants, of which one expires after a day and another after three. */
      async function story(): Promise<Owner> {
        const who = await owner([10, { expires_at: day(1) }], [20, { expires_at: day(3), priority: 10 }], [30]);
        await who.spend(6);
        return who;
      }
      const summary = async ({ client }: Owner, query: Record<string, string>) =>
        (await client.get(`${base}/usage-summary`, query)).body.data;
      /** All that shows it; the series count it on its own day, whenever its entry was made. */
      const shown = async (who: Owner) => ({
        balance: await who.balance(),
        grants: await grantsOf(who.client, words),
        expired: (await who.client.get(`${base}/grants`, { status: 'expired' })).body.data,
        before: await summary(who, { from: day(-10), to: day(1) }),
        first: await summary(who, { from: day(1), to: day(2) }),
        second: await summary(who, { from: day(2.5), to: day(3.5) }),
        days: await summary(who, { from: '2030-01-01', to: '2030-02-01' }),
        months: await summary(who, { from: '2030-01-01', to: '2030-02-01', group_by: 'month' }),
      });

      it('counts from the moment on, before anything is written', async () => {
        const who = await story();
        await server.setClock(new Date(Date.parse(day(1)) - 5_000).toISOString());
        expect(await who.balance()).toMatchObject({ available: 54, expiring: [{ amount: 10 }, { amount: 14 }] });
        await server.setClock(day(1));
        expect(await who.balance()).toMatchObject({ available: 44, balance: 44, expiring: [{ amount: 14 }], as_of: 4 });
        expect(await who.grant(1)).toMatchObject({ expired: 10, remaining: 0, status: 'expired' });
        expect((await summary(who, { from: day(-1) })).closing_balance).toBe(44);
        expect(await types(who)).toEqual([addType, addType, addType, spendType]);
        await expectSound(who.client, words);
      });

      it('is booked on its own day, whether or not its entry is there, which says when', async () => {
        const who = await story();
        await server.setClock(day(5));
        const before = await shown(who);
        expect(before.balance).toMatchObject({ available: 30, expiring: [], as_of: 4 });
        expect(before.before).toMatchObject({ closing_balance: 54, total_expired: 0 });
        expect(before.first).toMatchObject({ opening_balance: 54, total_expired: 10, closing_balance: 44 });
        expect(before.second).toMatchObject({ opening_balance: 44, total_expired: 14, closing_balance: 30 });
        expect(before.days.series.map(({ period, expired = 0 }: any) => [period, expired])).toEqual([
          ['2030-01-10', 0],
          ['2030-01-11', 10],
          ['2030-01-13', 14],
        ]);
        expect(before.months).toMatchObject({ total_expired: 24, series: [{ period: '2030-01', expired: 24 }] });
        // The next batch that meets the account makes the entries.
        await who.spend(1);
        // In burning order.
        const made = (await historyOf(who.client, words)).slice(4);
        expect(made.map(({ type, amount, expired_at, actor }) => [type, amount, expired_at, actor])).toEqual([
          ['expire', -14, day(3), 'system'],
          ['expire', -10, day(1), 'system'],
          [spendType, -1, undefined, who.name],
        ]);
        expect(made.slice(0, 2).map(parts)).toEqual([[[2, 14]], [[1, 10]]]);
        expect(Date.parse(made[0].created_at)).toBeGreaterThanOrEqual(Date.parse(day(5)));
        const after = await shown(who);
        for (const period of ['before', 'first', 'second'] as const) expect(after[period]).toEqual(before[period]);
        expect(after.expired).toEqual(before.expired);
        expect((await who.client.get(`${base}/transactions`, { type: 'expire' })).body.meta.total).toBe(2);
      });

      it('is the same after the sweep', async () => {
        const who = await story();
        await server.setClock(day(5));
        const before = await shown(who);
        const sweeping = await startServer({ DATABASE_URL: database.url }, ['test/support/short-intervals.mjs']);
        try {
          await sweeping.setClock(day(5));
          await eventually(async () => expect((await types(who)).slice(4)).toEqual(['expire', 'expire']));
        } finally {
          await sweeping.stop();
        }
        expect(await shown(who)).toEqual({ ...before, balance: { ...before.balance, as_of: 6 } });
      });

      it('shows the next ten moments, and sums what falls on one', async () => {
        const who = await owner();
        for (let i = 12; i >= 1; i--) await who.add(i, { expires_at: day(i) });
        await who.add(100, { expires_at: day(2), category: 'paid' });
        await who.add(50);
        expect((await who.balance()).expiring).toEqual(
          Array.from({ length: 10 }, (_, i) => ({ amount: i === 1 ? 102 : i + 1, expires_at: day(i + 1) })),
        );
        await server.setClock(day(3));
        expect((await who.balance()).expiring).toEqual(
          Array.from({ length: 9 }, (_, i) => ({ amount: i + 4, expires_at: day(i + 4) })),
        );
      });

      it('leaves nothing to spend', async () => {
        const who = await owner([10, { expires_in_days: 1 }]);
        await server.setClock(day(2));
        const refused = await who.client.post(spend, { amount: 1, description: 'x' });
        expectError(refused, 402, words.short);
        expect(refused.body.error.details).toEqual({ required: 1, available: 0, shortfall: 1 });
      });

      it('works for a thousand grants as for three', async () => {
        const who = await owner([1, { priority: 100 }]);
        for (let round = 0; round < 10; round++)
          await Promise.all(Array.from({ length: 100 }, () => who.add(1, { expires_at: day(1) })));
        expect(await who.balance()).toMatchObject({ available: 1_001, expiring: [{ amount: 1_000 }] });
        await server.setClock(day(2));
        expect(await who.balance()).toMatchObject({ available: 1, expiring: [] });
        expect((await who.client.get(`${base}/grants`, { status: 'expired' })).body.meta.total).toBe(1_000);
        expect((await who.spend(1)).balance_after).toBe(0);
        expect((await who.client.get(`${base}/transactions`, { type: 'expire' })).body.meta.total).toBe(1_000);
      });
    });

    if (isCredits)
      describe('holds', () => {
        const THREE: [number, object][] = [
          [4, { priority: 1 }],
          [4, { priority: 2 }],
          [4, { priority: 3 }],
        ];
        const sharesOf = async (who: Owner, ...shares: string[]) =>
          (await grantsOf(who.client, words)).map((grant) => shares.map((share) => grant[share]));

        it('own slices, spend them in order, and give the rest back in reverse', async () => {
          const who = await owner(...THREE);
          const hold = await open(who, 10);
          expect(parts(hold)).toEqual([
            [1, 4],
            [2, 4],
            [3, 2],
          ]);
          expect((await who.client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
          expect((await who.client.get(HOLDS)).body.data).toEqual([hold]);
          expect(await sharesOf(who, 'held', 'remaining', 'status')).toEqual([
            [4, 0, 'active'],
            [4, 0, 'active'],
            [2, 2, 'active'],
          ]);
          // A debit meanwhile has what the hold left.
          expect(parts(await who.spend(1))).toEqual([[3, 1]]);
          expect(parts(await capture(who, hold, 5, false))).toEqual([
            [1, 4],
            [2, 1],
          ]);
          expect(await sharesOf(who, 'used', 'held', 'remaining')).toEqual([
            [4, 0, 0],
            [1, 3, 0],
            [1, 2, 1],
          ]);
          expect(parts(await capture(who, hold, 2))).toEqual([[2, 2]]);
          expect(await sharesOf(who, 'used', 'held', 'remaining')).toEqual([
            [4, 0, 0],
            [3, 0, 1],
            [1, 0, 3],
          ]);
        });

        it('give all back when they are released or expire', async () => {
          const who = await owner(...THREE);
          const [released, expiring] = [await open(who, 5), await open(who, 5, { expires_in: 60 })];
          expect((await release(who, released)).status).toBe(200);
          expect(await sharesOf(who, 'held', 'remaining')).toEqual([
            [0, 4],
            [3, 1],
            [2, 2],
          ]);
          await server.setClock(day(1));
          expect((await who.client.get(`${HOLDS}/${expiring.id}`)).body.data.status).toBe('expired');
          expect(await who.balance()).toMatchObject({ available: 12, held: 0 });
          expect(await sharesOf(who, 'held', 'remaining')).toEqual([
            [0, 4],
            [0, 4],
            [0, 4],
          ]);
        });

        it('keep what they hold from expiring, until it comes back', async () => {
          const who = await owner([10, { expires_at: day(1) }]);
          const hold = await open(who, 6, { expires_in: 7 * 86_400 });
          await server.setClock(day(2));
          expect(await who.grant(1)).toMatchObject({ held: 6, expired: 4, remaining: 0, status: 'active' });
          expect(await who.balance()).toMatchObject({ balance: 6, available: 0, held: 6, expiring: [] });
          expect((await capture(who, hold, 1, false)).amount).toBe(-1);
          expect((await capture(who, hold, 2)).amount).toBe(-2);
          const history = await historyOf(who.client, words);
          expect(history.map(({ type, amount, expired_at }) => [type, amount, expired_at])).toEqual([
            ['deposit', 10, undefined],
            ['expire', -4, day(1)],
            ['debit', -1, undefined],
            ['debit', -2, undefined],
            ['expire', -3, day(1)],
          ]);
          expect(await who.grant(1)).toMatchObject({ used: 3, expired: 7, held: 0, status: 'expired' });
          expect(await who.balance()).toMatchObject({ balance: 0, available: 0, held: 0 });
        });

        it('give what comes back to a voided grant up, and to an extended one to its newest extension', async () => {
          const who = await owner([5, { priority: 1 }], [5, { priority: 2, expires_at: day(1) }]);
          const hold = await open(who, 8);
          expect((await who.correct('grants/1/void')).status).toBe(409);
          await release(who, hold);
          const again = await open(who, 4);
          expect((await who.correct('grants/1/void')).body.data).toMatchObject({ amount: -1 });
          expect(await who.grant(1)).toMatchObject({ held: 4, voided: 1, status: 'active' });
          const other = await open(who, 3, { expires_in: 7 * 86_400 });
          expect(parts(other)).toEqual([[2, 3]]);
          const extended = (await who.correct('grants/2/extend', { expires_at: day(5) })).body.data;
          expect(extended).toMatchObject({ amount: 2, price: 2 });
          expect((await release(who, again)).status).toBe(200);
          expect(await who.grant(1)).toMatchObject({ held: 0, voided: 5, status: 'voided' });
          expect((await historyOf(who.client, words)).at(-1)).toMatchObject({
            type: 'void',
            amount: -4,
            actor: 'system',
          });
          await server.setClock(day(2));
          expect((await release(who, other)).status).toBe(200);
          expect(await who.grant(2)).toMatchObject({ held: 0, voided: 5, expired: 0 });
          expect(await who.grant(extended.id)).toMatchObject({ amount: 5, remaining: 5, price: 5, status: 'active' });
          expect(await who.balance()).toMatchObject({ available: 5, held: 0 });
        });

        it('make no difference to the kept answer of an extension that grew', async () => {
          const who = await owner([3, { expires_at: day(1) }]);
          const hold = await open(who, 2);
          await expectKept(who, 'grants/1/extend', { expires_at: day(5) }, () => release(who, hold));
        });

        it('can be reversed after they were captured, and what they keep of a deposit can not', async () => {
          const who = await owner(...THREE);
          const hold = await open(who, 10);
          await expectRefused(who, 'transactions/1/reverse', {}, 409, { remaining: 0 });
          await expectRefused(who, 'transactions/3/reverse', { amount: 3 }, 409, { remaining: 2 });
          const { id } = await capture(who, hold, 6);
          const { data } = (await who.correct(`transactions/${id}/reverse`, { amount: 3 })).body;
          expect(parts(data)).toEqual([
            [2, 2],
            [1, 1],
          ]);
          expect(await sharesOf(who, 'used', 'held', 'remaining')).toEqual([
            [3, 0, 1],
            [0, 0, 4],
            [0, 0, 4],
          ]);
        });
      });
  });

  describe.each(WORDS)('$name that were bought', (words) => {
    const { base, add, addType, spend } = words;
    const kind = words.name;
    let shop: Shop;
    let root: Client;

    beforeAll(async () => {
      shop = await Shop.open(database);
      root = await shop.admin();
    });
    afterAll(() => shop?.close());

    const reverse = ({ account }: Sale, id: number) =>
      root.post(`${base}/transactions/${id}/reverse`, { account, reason: 'Because' });
    const grants = ({ client }: Sale) => grantsOf(client, words);
    const balance = async ({ client }: Sale) => (await client.get(`${base}/balance`)).body.data;
    const amount = kind === 'credits' ? 100 : 1_000_000;

    it('are paid, bear their price and their purchase, and are refunded, not reversed', async () => {
      const sale = await shop.sell(kind);
      const [grant] = await grants(sale);
      expect(grant).toMatchObject({ source: 'purchase', category: 'paid', priority: 50, amount, status: 'active' });
      expect(grant).toMatchObject({ purchase_id: sale.id });
      expect(grant.price).toBe((await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data.price);
      const answer = await reverse(sale, 1);
      expectError(answer, 409, 'CONFLICT');
      expect(answer.body.error.details).toEqual({ type: kind === 'credits' ? 'deposit' : 'purchase' });
      expect(await grants(sale)).toEqual([grant]);
      await expectSound(sale.client, words);
    });

    it('leave a debt when they are taken back after they were spent, which is paid first', async () => {
      const sale = await shop.sell(kind);
      const { client, account, session } = sale;
      expect((await client.post(spend, { amount: amount * 0.6, description: 'x' })).status).toBe(201);
      await shop.tell(...shop.stripe.refund(session, session.amount_total).events);
      expect(await balance(sale)).toMatchObject({
        available: -0.6 * amount,
        balance: -0.6 * amount,
        debt: 0.6 * amount,
        paid: 0,
        promotional: 0,
      });
      expect(await grants(sale)).toMatchObject([{ used: 0.6 * amount, taken_back: 0.4 * amount, remaining: 0 }]);
      const [refunded] = (await client.get(`${base}/transactions`, { type: 'refund' })).body.data;
      expect(refunded.grants).toEqual([{ grant_id: 1, amount: 0.4 * amount }]);
      const refused = await reverse(sale, refunded.id);
      expectError(refused, 409, 'CONFLICT');
      expect(refused.body.error.details).toEqual({ type: 'refund' });
      await expectSound(client, words);
      // It pays the debt first, and what paid it counts as used.
      const more = { amount, description: 'More', account, category: 'promotional' };
      expect((await root.post(add, more)).body.data.type).toBe(addType);
      expect((await grants(sale))[1]).toMatchObject({ used: 0.6 * amount, remaining: 0.4 * amount, status: 'active' });
      expect(await balance(sale)).toMatchObject({ available: 0.4 * amount, debt: 0, promotional: 0.4 * amount });
      await expectSound(client, words);
    });
  });

  it('all this is there in the books', () => expectVerified(database));
});
