import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import type { DataSource } from 'typeorm';
import { countEntries, Divergence, LEDGER_ENTITIES, verifyLedger } from '../ledger/index.js';
import { remark, run, say, withDatabase } from './run.js';

const CAN_NOT = 2;

/** Verifies the ledger. Exit code 1 and the first divergence when it is inconsistent. */
async function verify(): Promise<void> {
  const { values } = parseArgs({ options: { account: { type: 'string' } } });
  await withDatabase(LEDGER_ENTITIES, (dataSource) => lookAt(dataSource, values.account));
}

async function lookAt(dataSource: DataSource, account: string | undefined): Promise<void> {
  const bar = process.stderr.isTTY
    ? new SingleBar(
        { format: '{bar} {percentage}% | {value}/{total} entries | {eta_formatted}' },
        Presets.shades_classic,
      )
    : undefined;
  try {
    bar?.start(await countEntries(dataSource, account), 0);
    const { accounts, entries } = await verifyLedger(dataSource, account, (count) => bar?.increment(count));
    bar?.stop();
    say(`${accounts} accounts and ${entries} entries are consistent.`);
  } catch (error) {
    bar?.stop();
    if (!(error instanceof Divergence)) throw error;
    remark(`Divergence: ${error.message}`);
    process.exitCode = 1;
  }
}

run('npm run ledger:verify [-- --account user:42]', verify, CAN_NOT);
