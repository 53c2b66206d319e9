import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { ONE_BY_ONE } from '../../src/common/database/transactions.js';
import { emptyAccount, type Entry } from '../../src/ledger/domain/index.js';
import { AccountsReader, EntriesReader, OverviewStore } from '../../src/ledger/index.js';
import {
  AccountRow,
  DailyTotalRow,
  EntryRow,
  LEDGER_ENTITIES,
  LookupRow,
  OverviewRow,
} from '../../src/ledger/store/index.js';
import { lookupHash } from '../../src/ledger/follow/lookup-key.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { stored } from '../support/posting.js';

const ACCOUNTS = 2_000;
const OF_EACH = 5;
const ROWS = 500;
const EXPLAIN = { sqlite: 'EXPLAIN QUERY PLAN', mariadb: 'EXPLAIN', mysql: 'EXPLAIN FORMAT=TRADITIONAL' };

interface Sent {
  readonly sql: string;
  readonly values: readonly unknown[];
}

describeEachDatabase((database) => {
  let dataSource: DataSource;

  beforeAll(async () => {
    dataSource = await connectTo(database, LEDGER_ENTITIES);
    await dataSource.runMigrations();
    await seed();
  });
  afterAll(() => dataSource?.destroy());

  async function seed(): Promise<void> {
    const rows: Record<string, object[]> = { accounts: [], entries: [], overviews: [], lookups: [], totals: [] };
    for (let id = 1; id <= ACCOUNTS; id++) {
      const account = { ...emptyAccount(id, 1, `USD user:${id}`), sequence: OF_EACH, lastAt: OF_EACH * ACCOUNTS };
      rows['accounts']!.push(account);
      const state = { balance: stored(id % 97), debt: stored(id % 500 === 0 ? 1 : 0), spent: id % 89, rollsOn: null };
      const { owner, unit, lastAt } = account;
      rows['overviews']!.push({ accountId: id, owner, unit, ...state, lastAt, createdAt: id, watermark: OF_EACH });
      for (let day = 1; day <= 5; day++)
        rows['totals']!.push({ accountId: id, day, type: 'debit', amount: 5n, count: 1 });
      for (let sequence = 1; sequence <= OF_EACH; sequence++) {
        const createdAt = sequence * ACCOUNTS + id;
        const entry = { accountId: id, sequence, type: 'debit', typeSequence: sequence, typeTotal: 0n, createdAt };
        const text = { actor: `user:${id % 50}`, traceId: `t-${id}`, idempotencyKey: `k-${createdAt}` };
        rows['entries']!.push({ ...entry, ...text, amount: stored(-1), balanceAfter: stored(0), slices: null });
        const { actor, traceId, idempotencyKey } = text as Entry;
        const hashes = [0, lookupHash('actor', actor), lookupHash('trace', traceId!)];
        for (const hash of [...hashes, lookupHash('key', idempotencyKey!)])
          rows['lookups']!.push({ hash, createdAt, accountId: id, last: sequence, first: sequence });
      }
    }
    const entities = {
      accounts: AccountRow,
      entries: EntryRow,
      overviews: OverviewRow,
      lookups: LookupRow,
      totals: DailyTotalRow,
    };
    for (const [name, all] of Object.entries(rows))
      for (let done = 0; done < all.length; done += ROWS)
        await dataSource.manager.insert(entities[name as keyof typeof entities], all.slice(done, done + ROWS));
    const tables = 'account, entry, account_overview, entry_lookup, daily_total';
    await dataSource.query(database.engine === 'sqlite' ? 'ANALYZE' : `ANALYZE TABLE ${tables}`);
  }

  async function sentBy(work: () => Promise<unknown>): Promise<Sent[]> {
    const sent = new Map<string, Sent>();
    const before = dataSource.logger;
    const logQuery = (sql: string, values: unknown[] = []) =>
      void (/^\s*(WITH|SELECT)/.test(sql) && sent.set(sql, { sql, values }));
    dataSource.logger = Object.assign(Object.create(before) as typeof before, { logQuery });
    try {
      await work();
    } finally {
      dataSource.logger = before;
    }
    return [...sent.values()];
  }

  /** What the database would scan, or sort, for a statement; and the indexes that it reads. */
  async function planOf({ sql, values }: Sent): Promise<{ scans: string[]; sorts: boolean; keys: string[] }> {
    const rows = await dataSource.query<Record<string, unknown>[]>(`${EXPLAIN[database.engine]} ${sql}`, [...values]);
    if (database.engine === 'sqlite') {
      const details = rows.map(({ detail }) => String(detail));
      const all = details.join();
      return {
        scans: details.filter((detail) => /^SCAN (?!s\b|a\b|part\b|few\b|json_each|CONSTANT|\()/.test(detail)),
        // A part of a list may be sorted; a subquery makes it.
        sorts: /TEMP B-TREE FOR ORDER/.test(all) && !/CO-ROUTINE|MATERIALIZE|SUBQUERY/.test(all),
        keys: details.flatMap((detail) => /USING (?:COVERING )?INDEX (\w+)/.exec(detail)?.[1] ?? []),
      };
    }
    return {
      scans: rows
        .filter(({ table, type }) => /^(ALL|index)$/.test(String(type)) && !/^(<|s$)/.test(String(table)))
        .map((row) => JSON.stringify(row)),
      sorts: rows.some(({ table, Extra: extra }) => !/^</.test(String(table)) && /filesort/.test(String(extra))),
      keys: rows.flatMap(({ key }) => (typeof key === 'string' && !key.startsWith('<') ? [key] : [])),
    };
  }

  /** Nothing is scanned, and nothing sorted unless it may be. */
  async function expectBounded(
    work: () => Promise<unknown>,
    table: RegExp,
    keys?: RegExp,
    maySort = false,
  ): Promise<void> {
    const sent = (await sentBy(work)).filter(({ sql }) => table.test(sql));
    expect(sent.length).toBeGreaterThan(0);
    for (const each of sent) {
      const { scans, sorts, keys: read } = await planOf(each);
      expect({ sql: each.sql, scans, sorts: sorts && !maySort }).toEqual({ sql: each.sql, scans: [], sorts: false });
      if (keys) expect(read.filter((name) => !keys.test(name))).toEqual([]);
    }
  }

  const follower = { flush: () => Promise.resolve() } as never;
  const accounts = () => new AccountsReader(dataSource, undefined as never, follower);
  const entries = () => new EntriesReader(dataSource, follower);
  const OVERVIEW = /FROM account_overview/;

  it('a filter that many accounts fit walks along the order too', async () => {
    const many = () => accounts().list({ unit: 'USD', order: 'created', limit: 50, inDebt: false });
    await expectBounded(many, OVERVIEW, /^account_overview_created$|^<derived|^sqlite_/);
    expect((await accounts().list({ unit: 'USD', order: 'created', limit: 2, inDebt: false })).rows).toMatchObject([
      { id: 1999 },
      { id: 1998 },
    ]);
  });

  it.each([
    ['balance', 'balance'],
    ['spent_30d', 'spent'],
    ['last_activity', 'activity'],
    ['created', 'created'],
  ] as const)('the order by %s walks along its index, without a sort', async (order, index) => {
    const page = { unit: 'USD', order, limit: 50 } as const;
    const key = new RegExp(`^account_overview_${index}$`);
    await expectBounded(() => accounts().list(page), OVERVIEW, key);
    await expectBounded(() => accounts().list({ ...page, after: { at: 50, id: 1_000 } }), OVERVIEW, key);
  });

  it('a filter that few accounts fit reads its index', async () => {
    const page = { unit: 'USD', order: 'created', limit: 50 } as const;
    const read = (filter: object) => () => accounts().list({ ...page, ...filter });
    await expectBounded(read({ prefix: 'user:17' }), OVERVIEW, /_owner$/, true);
    await expectBounded(read({ inDebt: true }), OVERVIEW, /_debt$/, true);
    await expectBounded(read({ least: stored(95) }), OVERVIEW, /_balance$/, true);
    expect((await accounts().list({ ...page, prefix: 'user:199' })).rows.map(({ id }) => id)).toEqual([
      1999, 1998, 1997, 1996, 1995, 1994, 1993, 1992, 1991, 1990, 199,
    ]);
  });

  it('what is shown of accounts is read by their keys', async () => {
    const list = () => accounts().list({ unit: 'USD', order: 'balance', limit: 50 });
    await expectBounded(list, /account`|FROM "account"|daily_total|"entry"|`entry`/);
  });

  it('entries are looked up by time, and read by their keys', async () => {
    const page = { limit: 50 };
    for (const wanted of [{}, { actor: 'user:7' }, { traceId: 't-7' }, { idempotencyKey: 'k-4007' }, { type: 'debit' }])
      for (const place of [{}, { after: { createdAt: 9_000, accountId: 5, sequence: 3 } }, { to: 8_000 }]) {
        const list = () => entries().list({ ...page, ...wanted, ...place });
        await expectBounded(list, /entry/, /PRIMARY|sqlite_autoindex|account_id/);
      }
    const ofOwner = () => entries().list({ ...page, owner: 'user:7', actor: 'user:7' });
    await expectBounded(ofOwner, /FROM entry/);
  });

  it('the follower reads and locks by keys', async () => {
    const runner = dataSource.createQueryRunner();
    // Where the driver's logger sees them.
    runner.data[ONE_BY_ONE] = true;
    await runner.query(database.engine === 'sqlite' ? 'BEGIN IMMEDIATE' : 'START TRANSACTION');
    try {
      const store = new OverviewStore(dataSource);
      await runner.query('UPDATE account_overview SET watermark = 5 WHERE account_id < 20');
      const follow = () => store.follow(runner, [3, 5, 7], 100, Date.now());
      const sent = await sentBy(follow);
      for (const each of sent) expect({ sql: each.sql, ...(await planOf(each)), keys: 0 }).toMatchObject({ scans: [] });
      await expectBounded(() => store.lost(10, 0, 100), /FROM account/);
    } finally {
      await runner.query('ROLLBACK');
      await runner.release();
    }
  });
});
