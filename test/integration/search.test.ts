import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { type EntryFilter, MOST_SEARCHED, search, type Search } from '../../src/ledger/read/search.js';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { stored } from '../support/posting.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

const ENTRIES = 120_000;
const ROWS = 2_000;
const EXPLAIN = { sqlite: 'EXPLAIN QUERY PLAN', mariadb: 'EXPLAIN', mysql: 'EXPLAIN FORMAT=TRADITIONAL' };
const PATH = '/api/credits/transactions';
/** The entries of one agent, on either side of what one request looks through, and at both ends of it. */
const RARE = [2, 40_000, 50_000, 50_001, 70_000, 70_001, 100_000, 100_001, ENTRIES];

describeEachDatabase((database) => {
  let server: Server;
  let client: Client;
  let dataSource: DataSource;
  let accountId: number;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    const sub = newName();
    client = await server.clientFor({ sub });
    const admin = await server.clientFor({ sub: 'root', admin: true });
    const opening = { amount: 1, description: 'Opening', account: `user:${sub}` };
    expect((await admin.post('/api/credits/deposit', opening)).status).toBe(201);
    dataSource = await connectTo(database);
    const [account] = await dataSource.query<[{ id: string }]>('SELECT id FROM account WHERE owner = ?', [
      `user:${sub}`,
    ]);
    accountId = Number(account.id);
    await seed();
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await server?.stop();
  });

  /** A long history behind the server's back, which only reads it. */
  async function seed(): Promise<void> {
    const now = Date.now();
    for (let first = 2; first <= ENTRIES; first += ROWS) {
      const last = Math.min(ENTRIES, first + ROWS - 1);
      const rows = Array.from({ length: last - first + 1 }, (_, i) => {
        const n = first + i;
        const rare = RARE.includes(n);
        const what = rare ? `'rare', 'Rare ÄPFEL ${n}'` : "'usual', 'Agent run'";
        return `(${accountId}, ${n}, 'debit', ${n - 1}, ${1 - n}, -1, 0, 'user:x', ${what}, ${now})`;
      });
      await dataSource.query(
        `INSERT INTO entry (account_id, sequence, type, type_sequence, type_total, amount, balance_after, actor, agent, description, created_at) VALUES ${rows.join(', ')}`,
      );
    }
    const types = JSON.stringify({ deposit: [1, '1000000'], debit: [ENTRIES - 1, String(1 - ENTRIES)] });
    await dataSource.query('UPDATE account SET sequence = ?, types = ? WHERE id = ?', [ENTRIES, types, accountId]);
  }

  async function pages(query: Record<string, string | number | undefined>): Promise<number[][]> {
    const all: number[][] = [];
    for (let cursor: string | undefined; all.length === 0 || cursor !== undefined;) {
      const { status, body } = await client.get(PATH, { ...query, cursor });
      expect(status).toBe(200);
      all.push(body.data.map(({ id }: any) => id as number));
      cursor = body.meta.next_cursor;
    }
    return all;
  }

  it.each([{ agent: 'rare' }, { q: 'äpfel RARE' }])(
    'a request looks through 50,000 entries at most, and the next goes on: %j',
    async (filter) => {
      expect(await pages({ ...filter, limit: 200 })).toEqual([
        [2, 40_000, 50_000],
        [50_001, 70_000, 70_001, 100_000],
        [100_001, ENTRIES],
      ]);
      expect(await pages({ ...filter, limit: 200, order: 'desc' })).toEqual([
        [ENTRIES, 100_001, 100_000, 70_001],
        [70_000, 50_001, 50_000, 40_000],
        [2],
      ]);
      // Among the entries of a type, by their own numbers, which are one less.
      expect(await pages({ ...filter, limit: 200, type: 'debit' })).toEqual([
        [2, 40_000, 50_000, 50_001],
        [70_000, 70_001, 100_000, 100_001],
        [ENTRIES],
      ]);
      expect(await pages({ ...filter, limit: 2 })).toEqual([
        [2, 40_000],
        [50_000, 50_001],
        [70_000, 70_001],
        [100_000, 100_001],
        [ENTRIES],
      ]);
    },
  );

  it('a page can be empty and have one after it', async () => {
    expect(await pages({ q: 'nothing of this' })).toEqual([[], [], []]);
  });

  it('walks through a range of a unique key, whatever is asked for, and no further than it says', async () => {
    const filters: EntryFilter[] = [
      { agent: 'rare' },
      { agent: 'none', model: 'none', actor: 'user:x', runId: 'none', purchaseId: 'none' },
      { hold: { accountId, number: 1 }, least: stored(1), most: stored(2) },
      { words: 'nothing' },
    ];
    for (const filter of filters)
      for (const type of [undefined, 'debit', 'deposit'] as const)
        for (const order of ['asc', 'desc'] as const) {
          const sent = await statementsOf({ accountId, type, filter, order, limit: 200 });
          for (const { sql, values } of sent) {
            const rows = await dataSource.query<Record<string, unknown>[]>(
              `${EXPLAIN[database.engine]} ${sql}`,
              values,
            );
            expect({ filter, type, order, plan: rows.map(planOf) }).toEqual({
              filter,
              type,
              order,
              plan: [database.engine === 'sqlite' ? expect.stringMatching(inOrder(type)) : expectedPlan(type)],
            });
          }
          const looked = sent.map(({ values }) => values.filter((value) => typeof value === 'number').slice(1, 3));
          const length = looked.reduce((sum, [low, high]) => sum + (high as number) - (low as number) + 1, 0);
          expect(length).toBeLessThanOrEqual(MOST_SEARCHED);
        }
  });

  /** What a search through all entries sends. */
  async function statementsOf(wanted: Search): Promise<{ sql: string; values: (string | number)[] }[]> {
    const sent: { sql: string; values: (string | number)[] }[] = [];
    const recorded = Object.create(dataSource, {
      query: {
        value: (sql: string, values: (string | number)[]) => {
          sent.push({ sql, values });
          return dataSource.query(sql, values);
        },
      },
    }) as DataSource;
    await search(recorded, wanted, { low: 1, high: wanted.type === 'deposit' ? 1 : ENTRIES - 1 });
    return sent;
  }

  const keyOf = (type: string | undefined) => (type === undefined ? 'PRIMARY' : 'entry_type_sequence');
  const expectedPlan = (type: string | undefined) => ({
    key: keyOf(type),
    type: expect.stringMatching(/^(range|const|eq_ref)$/),
    sorts: false,
  });
  const inOrder = (type: string | undefined) =>
    type === undefined
      ? /^SEARCH entry USING INDEX \w+ \(account_id=\? AND sequence>\? AND sequence<\?\)$/
      : /^SEARCH entry USING INDEX entry_type_sequence \(account_id=\? AND type=\? AND type_sequence>\? AND type_sequence<\?\)$/;
  const planOf = (row: Record<string, unknown>): unknown =>
    database.engine === 'sqlite'
      ? row['detail']
      : { key: row['key'], type: row['type'], sorts: /filesort|temporary/.test(String(row['Extra'])) };
});
