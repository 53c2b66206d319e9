import { parseArgs } from 'node:util';
import type { DataSource } from 'typeorm';
import { forUpdate, isMysql, Transactions } from '../common/database/index.js';
import { accountIds, LEDGER_ENTITIES, rebuildBooks, rebuildTotals, UsageStore } from '../ledger/index.js';
import { run, say, withDatabase } from './run.js';

/** Rebuilds the daily totals from the entries. The server may run meanwhile; not when the books are rebuilt. */
async function rebuild(dataSource: DataSource, account: string | undefined): Promise<number> {
  const runner = dataSource.createQueryRunner();
  let done = 0;
  try {
    for await (const id of accountIds(dataSource, account)) {
      await runner.query(isMysql(runner) ? 'START TRANSACTION' : 'BEGIN IMMEDIATE');
      try {
        await runner.query(`SELECT id FROM account WHERE id = ?${forUpdate(runner)}`, [id]);
        await rebuildTotals(runner, id);
        await runner.query('COMMIT');
      } catch (error) {
        await runner.query('ROLLBACK');
        throw error;
      }
      done += 1;
    }
  } finally {
    await runner.release();
  }
  return done;
}

/** Rebuilds the sums of usage from the entries. The server may run meanwhile. */
async function rebuildUsage(dataSource: DataSource, account: string | undefined): Promise<number> {
  const transactions = new Transactions(dataSource);
  await transactions.onModuleInit();
  let done = 0;
  try {
    const store = new UsageStore(dataSource, transactions);
    for await (const id of accountIds(dataSource, account)) {
      await store.rebuild(id);
      done += 1;
    }
  } finally {
    await transactions.onApplicationShutdown();
  }
  return done;
}

run('npm run ledger:rebuild-totals [-- --account user:42] [-- --usage | --books]', async () => {
  const { values } = parseArgs({
    options: { account: { type: 'string' }, books: { type: 'boolean' }, usage: { type: 'boolean' } },
  });
  if (values.books) {
    await withDatabase(LEDGER_ENTITIES, rebuildBooks);
    return say('The books were rebuilt.');
  }
  if (values.usage) {
    const done = await withDatabase(LEDGER_ENTITIES, (dataSource) => rebuildUsage(dataSource, values.account));
    return say(`The usage of ${done} accounts was summed up anew.`);
  }
  const done = await withDatabase(LEDGER_ENTITIES, (dataSource) => rebuild(dataSource, values.account));
  say(`The daily totals of ${done} accounts were rebuilt.`);
});
