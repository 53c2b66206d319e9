import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { ONE_BY_ONE } from '../../src/common/database/transactions.js';
import { emptyAccount, type Grant, moved, newGrant, type Terms } from '../../src/ledger/domain/index.js';
import { LedgerReader } from '../../src/ledger/read/index.js';
import {
  AccountRow,
  EntryRow,
  GrantRow,
  HoldRow,
  LEDGER_ENTITIES,
  LedgerStore,
  ReversalRow,
} from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { stored } from '../support/posting.js';

const ACCOUNTS = 200;
const OF_EACH = 20;
/** The account that is read, with far more grants than all others together, of which few are open. */
const LARGE = 7;
const OF_LARGE = 4_000;
const OPEN = 1_000;
const ROWS = 1_000;
const EXPLAIN = { sqlite: 'EXPLAIN QUERY PLAN', mariadb: 'EXPLAIN', mysql: 'EXPLAIN FORMAT=TRADITIONAL' };
/** Without an expiry that a moment would have to settle. */
const TERMS: Terms = {
  source: 'deposit',
  category: 'paid',
  priority: 50,
  expiresAt: Date.parse('2100-01-01'),
  price: 0,
  purchaseId: null,
  extends: null,
};

/** A statement as it is sent. */
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

  /** Accounts with grants, behind the back of the ledger, which only reads them. */
  async function seed(): Promise<void> {
    const accounts: object[] = [];
    const grants: Grant[] = [];
    for (let id = 1; id <= ACCOUNTS; id++) {
      accounts.push({ ...emptyAccount(id, 1, `USD user:${id}`), nextExpiry: 1 });
      for (let number = 1; number <= (id === LARGE ? OF_LARGE : OF_EACH); number++) {
        const made = newGrant(id, number, stored(10), TERMS, 0);
        grants.push(number <= OPEN ? made : moved(made, stored(10), 'remaining', 'used'));
      }
    }
    await dataSource.manager.insert(AccountRow, accounts);
    for (let done = 0; done < grants.length; done += ROWS)
      await dataSource.manager.insert(GrantRow, grants.slice(done, done + ROWS));
    await dataSource.query(database.engine === 'sqlite' ? 'ANALYZE' : 'ANALYZE TABLE account, balance_grant');
  }

  /** The statements about grants that `work` sends, each at most once. */
  async function sentBy(work: () => Promise<unknown>): Promise<Sent[]> {
    const sent = new Map<string, Sent>();
    const before = dataSource.logger;
    const logQuery = (sql: string, values: unknown[] = []) =>
      void (/balance_grant/.test(sql) && sent.set(sql, { sql, values }));
    dataSource.logger = Object.assign(Object.create(before) as typeof before, { logQuery });
    try {
      await work();
    } finally {
      dataSource.logger = before;
    }
    return [...sent.values()];
  }

  /** How the database reads the grants for a statement. */
  async function planOf({ sql, values }: Sent): Promise<object[]> {
    const rows = await dataSource.query<Record<string, unknown>[]>(`${EXPLAIN[database.engine]} ${sql}`, [...values]);
    if (database.engine === 'sqlite')
      return rows
        .map(({ detail }) => String(detail))
        .filter((detail) => /balance_grant|\bg\b|GrantRow/.test(detail))
        .map((detail) => ({ key: /USING (?:COVERING )?INDEX (\w+)/.exec(detail)?.[1], scans: /^SCAN/.test(detail) }));
    return rows
      .filter(({ table }) => table !== 'a' && !/^<|^account$/.test(String(table)))
      .map(({ key, type }) => ({ key, scans: type === 'ALL' || type === 'index' }));
  }

  async function expectPlans(work: () => Promise<unknown>, keys: RegExp): Promise<void> {
    const sent = await sentBy(work);
    expect(sent.length).toBeGreaterThan(0);
    for (const each of sent) {
      const plan = await planOf(each);
      expect({ sql: each.sql, plan }).toEqual({
        sql: each.sql,
        plan: plan.map(() => ({ key: expect.stringMatching(keys), scans: false })),
      });
      expect(plan.length).toBeGreaterThan(0);
    }
  }

  const reader = () => {
    const { manager } = dataSource;
    const of = [AccountRow, EntryRow, HoldRow, GrantRow, ReversalRow].map((row) => manager.getRepository<object>(row));
    return new LedgerReader(...(of as unknown as ConstructorParameters<typeof LedgerReader>));
  };
  const OPEN_ONES = /^balance_grant_open$/;
  const OF_ACCOUNT = /^(PRIMARY|sqlite_autoindex_balance_grant_1|balance_grant_(open|expiry))$/;

  it.each([1, LARGE])('a batch reads the open grants of account %d by their index', async (id) => {
    const runner = dataSource.createQueryRunner();
    // Where the driver's logger sees them.
    runner.data[ONE_BY_ONE] = true;
    try {
      await expectPlans(() => new LedgerStore(dataSource).lock(runner, [id, id + 1], []), OPEN_ONES);
      await expectPlans(() => new LedgerStore(dataSource).grants(runner, id, [1, 2]), OF_ACCOUNT);
    } finally {
      await runner.release();
    }
  });

  it.each([1, LARGE])('the list, a grant and the balance of account %d read no other', async (id) => {
    const page = { limit: 50, offset: 10 };
    for (const order of ['asc', 'desc'] as const)
      for (const category of [undefined, 'paid'] as const) {
        await expectPlans(() => reader().listGrants(`USD user:${id}`, { ...page, order, category }), OF_ACCOUNT);
        await expectPlans(
          () => reader().listGrants(`USD user:${id}`, { ...page, order, category, status: 'used' }),
          OF_ACCOUNT,
        );
      }
    await expectPlans(() => reader().grant(`USD user:${id}`, 5), OF_ACCOUNT);
    await expectPlans(() => reader().balance(`USD user:${id}`), OF_ACCOUNT);
    await expectPlans(() => reader().summary(`USD user:${id}`, { by: 'day' }), OF_ACCOUNT);
  });
});
