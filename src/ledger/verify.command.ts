import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { ConfigError, currentConfig } from '../common/config/index.js';
import { dataSourceOptions, newDataSource } from '../common/database/index.js';
import { LEDGER_ENTITIES } from './store/index.js';
import { countEntries, Divergence, verifyLedger } from './proof/index.js';

/** Verifies the ledger: `npm run ledger:verify [-- --account user:42]`. Exit code 1 and the first divergence when something is not as it must be. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { account: { type: 'string' } } });
  const dataSource = await newDataSource(dataSourceOptions(currentConfig().database, LEDGER_ENTITIES)).initialize();
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {percentage}% | {value}/{total} entries | {eta_formatted}' }, Presets.shades_classic)
    : undefined;
  try {
    bar?.start(await countEntries(dataSource, values.account), 0);
    const { accounts, entries } = await verifyLedger(dataSource, values.account, (count) => bar?.increment(count));
    bar?.stop();
    process.stdout.write(`${accounts} accounts and ${entries} entries are as they must be.\n`);
  } finally {
    bar?.stop();
    await dataSource.destroy();
  }
}

main().catch((error: Error) => {
  process.stderr.write(
    `${error instanceof Divergence ? `Divergence: ${error.message}` : error instanceof ConfigError ? error.message : error.stack}\n`,
  );
  process.exitCode = error instanceof Divergence ? 1 : 2;
});
