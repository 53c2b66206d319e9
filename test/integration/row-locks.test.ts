import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource, QueryRunner } from 'typeorm';
import { migrate } from '../../src/common/database/index.js';
import {
  type Account,
  accountName,
  type AccountName,
  type Action,
  decide,
  type Group,
  inBurningOrder,
  type Known,
} from '../../src/ledger/domain/index.js';
import { LEDGER_ENTITIES, LedgerStore } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { FOR_NOTHING, operationOn, posting, stored } from '../support/posting.js';

const NOW = Date.UTC(2026, 3, 15);

/** An action for each account, under a key. */
const forEach = (accounts: readonly Account[], key: string, action: (account: Account) => Action): Group[] =>
  accounts.map((account) => [operationOn(accountName(account), action(account), { key })]);

// A plan that walks over all accounts would wait for the rows of other batches: with two of them crosswise, that is a
// deadlock.
describeEachDatabase(
  (database) => {
    let store: LedgerStore;
    let dataSource: DataSource;
    let ids: number[];

    beforeAll(async () => {
      dataSource = await connectTo(database, LEDGER_ENTITIES);
      await migrate(dataSource);
      store = new LedgerStore(dataSource);
      const names = Array.from({ length: 8 }, (_, i): AccountName => `USD user:${i}`);
      ids = (await inTransaction((tx) => store.accountIds(tx, names))).sort((a, b) => a - b);
    });
    afterAll(() => dataSource?.destroy());

    async function inTransaction<T>(work: (tx: QueryRunner) => Promise<T>): Promise<T> {
      const tx = dataSource.createQueryRunner();
      try {
        await tx.query('SET SESSION innodb_lock_wait_timeout = 1');
        await tx.startTransaction();
        const result = await work(tx);
        await tx.commitTransaction();
        return result;
      } catch (error) {
        await tx.rollbackTransaction();
        throw error;
      } finally {
        await tx.release();
      }
    }

    it('locks and rewrites its own accounts and holds while the others are locked', async () => {
      const [even, odd] = [0, 1].map((rest) => ids.filter((_, i) => i % 2 === rest)) as [number[], number[]];
      await inTransaction(async (other) => {
        expect((await store.lock(other, odd, [])).accounts).toHaveLength(4);
        for (let round = 0; round < 2; round++) {
          await inTransaction(async (tx) => {
            const marker = { bucket: 0, id: 'test', number: round, version: 1 + round };
            const { accounts, open, replays } = await store.lock(tx, even, [], marker);
            const holds = await store.holds(
              tx,
              even.map((accountId) => ({ accountId, number: 1 })),
            );
            const known = new Map(
              accounts.map((account): [AccountName, Known] => {
                const own = holds
                  .filter(({ accountId }) => accountId === account.id)
                  .map((hold) => [hold.number, hold] as const);
                const settled = { expired: [], nextExpiry: account.nextExpiry };
                const grants = open.filter(({ accountId }) => accountId === account.id).sort(inBurningOrder);
                const known: Known = {
                  account,
                  open: grants,
                  grants: new Map(grants.map((grant) => [grant.id, grant])),
                  holds: new Map(own),
                  replays: replays.get(account.id) ?? new Map(),
                  reversed: new Map(),
                  purchases: new Map(),
                  ...settled,
                };
                return [accountName(account), known];
              }),
            );
            const deposits = forEach(accounts, `a${round}`, () => posting(5));
            const holdings = forEach(accounts, `b${round}`, () => ({
              kind: 'open',
              amount: stored(1),
              description: null,
              metadata: null,
              ...FOR_NOTHING,
              expiresIn: 1_000,
            }));
            const releases =
              round === 0
                ? []
                : forEach(accounts, 'c', ({ id }) => ({ kind: 'release', hold: { accountId: id, number: 1 } }));
            const { effects } = decide(known, [...deposits, ...holdings, ...releases], NOW);
            expect(effects.accounts).toHaveLength(4);
            expect(effects.holds).toHaveLength(4 + releases.length);
            await store.write(tx, effects, marker, NOW, false);
          });
        }
      });
    });
  },
  ['mariadb', 'mysql'],
);
