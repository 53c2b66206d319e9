import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { Random } from '../support/random.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, historyOf, newName, WORDS } from '../support/words.js';

const HOLDS = '/api/credits/holds';
const DAY = 86_400_000;
const DESCRIPTIONS = ['Agent run #1', 'agent RUN #2', 'Straße', 'ΟΔΟΣ 100%', 'a_b', 'x', 'Привет мир'];
/** The tests move the server's clock by months, which no token may notice. */
const FOR_EVER = { exp: Math.floor(Date.now() / 1000) + 400 * 86_400 };

type Query = Record<string, string | number | undefined>;

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true, claims: FOR_EVER });
  });
  afterAll(() => server?.stop());

  describe.each(WORDS)('the history of $name', (words) => {
    const { base, add, addType, spend, spendType, smallest } = words;
    const path = `${base}/transactions`;

    async function account(amount = 1_000): Promise<{ client: Client; name: string }> {
      const sub = newName();
      const opening = { amount, description: 'Opening', account: `user:${sub}` };
      expect((await admin.post(add, opening)).status).toBe(201);
      return { client: await server.clientFor({ sub, claims: FOR_EVER }), name: `user:${sub}` };
    }
    const ids = async (client: Client, query: Query) => {
      const { status, text, body } = await client.get(path, query);
      expect({ query, status, text: status === 200 ? '' : text }).toEqual({ query, status: 200, text: '' });
      return body.data.map(({ id }: any) => id as number);
    };
    const spendEach = async (client: Client, bodies: readonly object[]) => {
      const items = bodies.map((body) => ({ amount: 1, description: 'x', ...body }));
      const { status, body } = await client.post(`${spend}/batch`, { mode: 'atomic', items });
      expect({ status, rejected: body.meta?.rejected }).toEqual({ status: 200, rejected: 0 });
    };

    it('is filtered by what an entry is for, by who made it, by its amount and by the words of its description', async () => {
      const { client, name } = await account();
      await spendEach(client, [
        { agent: 'a', run_id: 'r1', model: 'm', description: 'Summary of 100% of it', amount: 10 },
        { agent: 'A', run_id: 'r2', model: 'm', description: 'SUMMARY of a_b', amount: 20 },
        { agent: 'a', run_id: 'r2', model: 'm ', description: 'Übersicht', amount: 30 },
      ]);
      await admin.post(spend, { amount: 40, description: 'By hand', account: name });
      const found: [Query, number[]][] = [
        [{ agent: 'a' }, [2, 4]],
        [{ agent: 'A' }, [3]],
        [{ agent: 'b' }, []],
        [{ run_id: 'r2' }, [3, 4]],
        [{ agent: 'a', run_id: 'r2' }, [4]],
        [{ model: 'm' }, [2, 3]],
        [{ model: 'm ' }, [4]],
        [{ actor: name }, [2, 3, 4]],
        [{ actor: 'admin:root' }, [1, 5]],
        [{ actor: 'admin:root ' }, []],
        [{ actor: 'system' }, []],
        [{ actor: 'admin:root', type: addType }, [1]],
        [{ actor: 'admin:root', type: spendType }, [5]],
        [{ min_amount: 20 }, [1, 3, 4, 5]],
        [{ max_amount: 20 }, [2, 3]],
        [{ min_amount: 20, max_amount: 30 }, [3, 4]],
        [{ min_amount: 20, max_amount: 20 }, [3]],
        [{ min_amount: 0 }, [1, 2, 3, 4, 5]],
        [{ max_amount: 0 }, []],
        [{ max_amount: 10 - smallest }, []],
        [{ q: 'summary' }, [2, 3]],
        [{ q: 'OF summ' }, [2, 3]],
        [{ q: 'übersicht' }, [4]],
        [{ q: 'ÜBER' }, [4]],
        [{ q: '%' }, [2]],
        [{ q: '_' }, [3]],
        [{ q: 'summary nothing' }, []],
        [{ q: '' }, [1, 2, 3, 4, 5]],
        [{ q: ' \t ' }, [1, 2, 3, 4, 5]],
        [{ q: 'x'.repeat(200) }, []],
        [{ q: 'summary', agent: 'A', model: 'm', actor: name, min_amount: 20, type: spendType }, [3]],
        [{ purchase_id: 'pur_none' }, []],
        [{ hold_id: 'hold_1_1' }, []],
        [{ hold_id: 'none' }, []],
      ];
      for (const [query, expected] of found) {
        expect({ query, ids: await ids(client, query) }).toEqual({ query, ids: expected });
        const backwards = await ids(client, { ...query, order: 'desc' });
        expect({ query, ids: backwards }).toEqual({ query, ids: [...expected].reverse() });
        expect(await ids(admin, { ...query, account: name })).toEqual(expected);
      }
    });

    it('has the whole of an entry in its page, and says where the next begins and not how many there are', async () => {
      const { client } = await account();
      await spendEach(
        client,
        Array.from({ length: 5 }, (_, i) => ({ agent: 'a', metadata: { i }, description: `#${i}` })),
      );
      const all = (await historyOf(client, words)).slice(1);
      const first = (await client.get(path, { agent: 'a', limit: 2 })).body;
      expect(first).toEqual({ data: all.slice(0, 2), meta: { limit: 2, next_cursor: expect.any(String) } });
      const cursor = first.meta.next_cursor as string;
      // The length of a page may change on the way.
      expect((await client.get(path, { agent: 'a', limit: 3, cursor })).body).toEqual({
        data: all.slice(2),
        meta: { limit: 3 },
      });
      expect((await client.get(path, { agent: 'a', limit: 5 })).body).toEqual({ data: all, meta: { limit: 5 } });
      expect((await client.get(path, { agent: 'a' })).body.meta).toEqual({ limit: 50 });
      expect((await client.get(path, { agent: 'b' })).body).toEqual({ data: [], meta: { limit: 50 } });
      const nobody = await server.clientFor({ sub: newName() });
      expect((await nobody.get(path, { agent: 'a' })).body).toEqual({ data: [], meta: { limit: 50 } });
    });

    it('page after page has what any filter lets through, once each, in either order', async () => {
      const { client } = await account(100_000);
      const random = new Random(4521);
      const pick = <T>(values: readonly T[]): T | undefined => (random.chance(0.4) ? undefined : random.of(values));
      const [agents, models] = [
        ['a', 'b'],
        ['m', 'n'],
      ];
      await spendEach(
        client,
        Array.from({ length: 300 }, () => ({
          agent: pick(agents),
          model: pick(models),
          description: random.of(DESCRIPTIONS),
          amount: 1 + random.below(9),
        })),
      );
      const all = await historyOf(client, words);
      for (let i = 0; i < 30; i++) {
        const [agent, model, type] = [pick(agents), pick(models), pick([addType, spendType])];
        const [q, least] = [pick(['run', 'AGENT #', 'strasse', 'ς 1']), 1 + random.below(9)];
        const query = { agent, model, type, q, min_amount: least, limit: 1 + random.below(200) };
        const has = (text: string) => (q ?? '').split(' ').every((word) => folded(text).includes(folded(word)));
        const expected = all
          .filter((each) => agent === undefined || each.agent === agent)
          .filter((each) => model === undefined || each.model === model)
          .filter((each) => type === undefined || each.type === type)
          .filter((each) => Math.abs(each.amount) >= least && has(each.description));
        for (const order of ['asc', 'desc']) {
          const paged: any[] = [];
          let cursor: string | undefined;
          do {
            const { body } = await client.get(path, { ...query, order, cursor });
            expect(body.data.length).toBeLessThanOrEqual(query.limit);
            paged.push(...body.data);
            cursor = body.meta.next_cursor;
            // There always is something after it.
            if (cursor !== undefined) expect(body.data).toHaveLength(query.limit);
          } while (cursor !== undefined);
          expect({ query, paged }).toEqual({ query, paged: order === 'asc' ? expected : expected.reverse() });
        }
      }
    });

    it('goes on where a page ended, whatever was written meanwhile', async () => {
      const { client } = await account();
      await spendEach(
        client,
        Array.from({ length: 6 }, () => ({ agent: 'a' })),
      );
      for (const order of ['asc', 'desc']) {
        const before = await ids(client, { agent: 'a', order });
        const first = (await client.get(path, { agent: 'a', order, limit: 3 })).body;
        await spendEach(client, [{ agent: 'a' }, { agent: 'a' }]);
        const rest = await ids(client, { agent: 'a', order, cursor: first.meta.next_cursor });
        expect([...first.data.map(({ id }: any) => id), ...rest]).toEqual(before);
      }
    });

    describe('refuses', () => {
      const bad: [Query, field: string][] = [
        ...['', 'a b', 'ä', 'x'.repeat(101)].flatMap((value): [Query, string][] => [
          [{ agent: value }, 'agent'],
          [{ run_id: value }, 'run_id'],
        ]),
        [{ model: '' }, 'model'],
        [{ model: 'x'.repeat(101) }, 'model'],
        [{ actor: '' }, 'actor'],
        [{ actor: 'x'.repeat(211) }, 'actor'],
        [{ hold_id: '' }, 'hold_id'],
        [{ purchase_id: '' }, 'purchase_id'],
        [{ q: 'x'.repeat(201) }, 'q'],
        ...['', '-1', '1e3', '0x1', 'x', 'NaN', 'Infinity', ' 1', '1.1234567', '.5', '1.', '99999999999999999'].flatMap(
          (value): [Query, string][] => [
            [{ min_amount: value }, 'min_amount'],
            [{ max_amount: value }, 'max_amount'],
          ],
        ),
        [{ min_amount: 2, max_amount: 1 }, 'min_amount'],
        [{ min_amount: words.greatest * 2 }, 'min_amount'],
        [{ agent: 'a', offset: 0 }, 'offset'],
        [{ agent: 'a', offset: 10 }, 'offset'],
        [{ q: '', offset: 1 }, 'offset'],
        [{ cursor: 'MQ' }, 'cursor'],
        [{ agent: 'a', cursor: '' }, 'cursor'],
        [{ agent: 'a', cursor: 'MQ' }, 'cursor'],
        [{ agent: 'a', cursor: 'x'.repeat(201) }, 'cursor'],
        [{ agent: 'a', from: '2026-01-01', to: '2025-12-31' }, 'from'],
        [{ agent: 'a', from: '2026-01-01', to: '2026-04-03T00:00:00.001Z' }, 'from'],
        [{ agent: 'a', from: '2020-01-01' }, 'from'],
        [{ agent: 'a', limit: 201 }, 'limit'],
        [{ agents: 'a' }, 'agents'],
      ];
      it.each(bad)('%j', async (query, field) => {
        const { client } = await account();
        const refused = await client.get(path, query);
        expectError(refused, 400, 'VALIDATION_ERROR');
        expect(refused.body.error.details.map((each: any) => each.field)).toContain(field);
      });

      it('a filter that is given twice', async () => {
        const { client } = await account();
        for (const name of ['agent', 'q', 'actor', 'min_amount', 'cursor'])
          expectError(await client.get(`${path}?agent=a&${name}=1&${name}=2`), 400, 'VALIDATION_ERROR');
      });

      it('fractions that the unit does not have', async () => {
        const { client } = await account();
        const refused = await client.get(path, { min_amount: '0.5' });
        if (words.name === 'credits') expect(refused.status).toBe(200);
        else expectError(refused, 400, 'VALIDATION_ERROR');
      });

      it('a cursor of another account, filter, order or kind of list, or with an offset', async () => {
        const [one, other] = [await account(), await account()];
        for (const { client } of [one, other]) await spendEach(client, [{ agent: 'a' }, { agent: 'a' }]);
        const query = { agent: 'a', limit: 1, from: new Date(Date.now() - DAY).toISOString() };
        const cursor = (await one.client.get(path, query)).body.meta.next_cursor as string;
        expect(await ids(one.client, { ...query, cursor })).toEqual([3]);
        expect(await ids(admin, { ...query, cursor, account: one.name })).toEqual([3]);
        const elsewhere = WORDS.find((each) => each !== words)!;
        for (const refused of [
          await other.client.get(path, { ...query, cursor }),
          await admin.get(path, { ...query, cursor, account: other.name }),
          await one.client.get(path, { ...query, cursor, agent: 'b' }),
          await one.client.get(path, { ...query, cursor, q: 'x' }),
          await one.client.get(path, { ...query, cursor, type: spendType }),
          await one.client.get(path, { ...query, cursor, order: 'desc' }),
          await one.client.get(path, { ...query, cursor, from: undefined }),
          await one.client.get(path, { ...query, cursor, to: new Date().toISOString() }),
          await one.client.get(path, { cursor }),
          await one.client.get(path, { ...query, cursor, offset: 0 }),
          await one.client.get(path, { ...query, cursor, offset: 1 }),
          await one.client.get(path, { ...query, cursor: cursor.slice(1) }),
          await one.client.get(path, { ...query, cursor: `${cursor}A` }),
          await one.client.get(`${elsewhere.base}/transactions`, { ...query, cursor }),
        ])
          expectError(refused, 400, 'VALIDATION_ERROR');
        // Whose account it is comes first.
        expectError(await one.client.get(path, { ...query, cursor, account: other.name }), 403, 'FORBIDDEN');
      });
    });

    it('stays as it was without a filter', async () => {
      const { client } = await account();
      await spendEach(client, [{ agent: 'a' }, {}]);
      const old = { from: '2020-01-01', to: '2100-01-01' };
      expect((await client.get(path, { limit: 2, offset: 1, type: spendType, ...old })).body).toMatchObject({
        data: [{ id: 3 }],
        meta: { total: 2, limit: 2, offset: 1 },
      });
    });

    it('covers the last 31 days, or any 92', async () => {
      const own = await startServer({});
      try {
        const root = await own.clientFor({ sub: 'root', admin: true, claims: FOR_EVER });
        const now = Date.now();
        const ago = (days: number) => new Date(now - days * DAY).toISOString();
        for (const days of [120, 93, 91, 32, 30, 1]) {
          await own.setClock(ago(days));
          expect((await root.post(add, { amount: 1, description: `${days} days ago` })).status).toBe(201);
        }
        await own.setClock(ago(0));
        const days = async (query: Query) =>
          (await root.get(path, { q: 'days', ...query })).body.data.map(({ description }: any) =>
            Number(description.split(' ')[0]),
          );
        expect(await days({})).toEqual([30, 1]);
        expect(await days({ order: 'desc' })).toEqual([1, 30]);
        expect(await days({ from: ago(91.9) })).toEqual([91, 32, 30, 1]);
        expect(await days({ to: ago(90) })).toEqual([120, 93, 91]);
        expect(await days({ from: ago(130), to: ago(38) })).toEqual([120, 93, 91]);
        expect(await days({ from: ago(92.5), to: ago(1.5) })).toEqual([91, 32, 30]);
        expect(await days({ from: ago(2), to: ago(2) })).toEqual([]);
        expectError(await root.get(path, { q: 'days', from: ago(92.1) }), 400, 'VALIDATION_ERROR');
        expectError(await root.get(path, { q: 'days', from: ago(130), to: ago(37) }), 400, 'VALIDATION_ERROR');
        // A period that was short enough when it began stays so on the way.
        const query = { q: 'days', from: ago(91.9), limit: 2 };
        const first = (await root.get(path, query)).body;
        await own.setClock(ago(-1));
        const rest = await root.get(path, { ...query, cursor: first.meta.next_cursor });
        expect(rest.body.data.map(({ id }: any) => id)).toEqual([5, 6]);
      } finally {
        await own.stop();
      }
    });
  });

  it('finds the captures of a hold, and of no other account’s', async () => {
    const sub = newName();
    const client = await server.clientFor({ sub });
    await admin.post('/api/credits/deposit', { amount: 100, description: 'x', account: `user:${sub}` });
    const holds = [];
    for (let i = 0; i < 2; i++) holds.push((await client.post(HOLDS, { amount: 10 })).body.data.id as string);
    for (const id of [holds[0], holds[1], holds[0]])
      expect((await client.post(`${HOLDS}/${id}/capture`, { amount: 1, final: false })).status).toBe(201);
    const found = async (who: Client, hold_id: string, more: Query = {}) =>
      (await who.get('/api/credits/transactions', { hold_id, ...more })).body.data.map(({ id }: any) => id);
    expect(await found(client, holds[0]!)).toEqual([2, 4]);
    expect(await found(client, holds[1]!)).toEqual([3]);
    expect(await found(admin, holds[0]!, { account: `user:${sub}` })).toEqual([2, 4]);
    // A hold's number counts within its account.
    const other = await server.clientFor({ sub: newName() });
    expect(await found(other, holds[0]!)).toEqual([]);
    expect(await found(admin, holds[0]!)).toEqual([]);
  });
});

function folded(text: string): string {
  return text.toUpperCase().replace(/Σ|ς/g, 'Σ');
}
