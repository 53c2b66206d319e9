import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource, QueryRunner } from 'typeorm';
import { migrate } from '../../src/common/database/index.js';
import { decide, type Group } from '../../src/ledger/domain/index.js';
import { LEDGER_ENTITIES } from '../../src/ledger/ledger.entities.js';
import { LedgerStore } from '../../src/ledger/ledger.store.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { posting } from '../support/posting.js';

const NOW = Date.UTC(2026, 3, 15);

/** A deposit for each account, and a hold of it. */
const groups = (ids: readonly number[]): Group[] =>
  ids.flatMap((accountId) => {
    const own = { name: 'x', hash: '', traceId: '' };
    return [
      [
        {
          accountId,
          operation: {
            ...own,
            key: 'a',
            action: posting(5),
          },
        },
      ],
      [
        {
          accountId,
          operation: { ...own, key: 'b', action: { kind: 'hold', amount: 1, description: null, metadata: null, expiresIn: 1_000 } },
        },
      ],
    ] satisfies Group[];
  });

// A plan that walks over all accounts would wait for the rows of other batches: with two of them crosswise, that is a deadlock.
describeEachDatabase(
  (database) => {
    const store = new LedgerStore();
    let dataSource: DataSource;
    let ids: number[];

    beforeAll(async () => {
      dataSource = await connectTo(database, LEDGER_ENTITIES);
      await migrate(dataSource);
      ids = await inTransaction((tx) =>
        store.accountIds(
          tx,
          Array.from({ length: 8 }, (_, i) => ({ owner: `user:${i}`, unit: 'USD' })),
        ),
      );
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
        expect((await store.lock(other, odd, [])).locked).toHaveLength(4);
        for (let round = 0; round < 2; round++) {
          await inTransaction(async (tx) => {
            const { locked, recorded } = await store.lock(tx, even, [], 'test');
            const all = groups(even).map(([one]) => [{ ...one!, operation: { ...one!.operation, key: `${one!.operation.key}${round}` } }]);
            const named = even.map((accountId) => ({ accountId, number: 1 }));
            const captures =
              round === 0
                ? []
                : even.map((accountId): Group => [
                    {
                      accountId,
                      operation: { name: 'release', key: 'c', hash: '', traceId: '', action: { kind: 'release', hold: 1 } },
                    },
                  ]);
            const plan = decide({ locked, recorded, expired: [], holds: await store.holds(tx, named) }, [...all, ...captures], NOW);
            expect(plan.changedHolds).toHaveLength(captures.length);
            await store.write(tx, plan, { writer: 'test', number: round, version: 1 + round }, NOW, false);
          });
        }
      });
    });
  },
  ['mariadb', 'mysql'],
);
