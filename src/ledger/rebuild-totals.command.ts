import { parseArgs } from 'node:util';
import { ConfigError, currentConfig } from '../common/config/index.js';
import { dataSourceOptions, forUpdate, isMysql, newDataSource } from '../common/database/index.js';
import { LEDGER_ENTITIES } from './store/index.js';
import { accountIds, rebuildTotals } from './proof/index.js';

/** Makes the daily totals anew from the entries: `npm run ledger:rebuild-totals [-- --account user:42]`. The server may run meanwhile. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { account: { type: 'string' } } });
  const dataSource = await newDataSource(dataSourceOptions(currentConfig().database, LEDGER_ENTITIES)).initialize();
  const runner = dataSource.createQueryRunner();
  let done = 0;
  try {
    for await (const id of accountIds(dataSource, values.account)) {
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
    process.stdout.write(`The daily totals of ${done} accounts were made anew.\n`);
  } finally {
    await runner.release();
    await dataSource.destroy();
  }
}

main().catch((error: Error) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : error.stack}\n`);
  process.exitCode = 1;
});
