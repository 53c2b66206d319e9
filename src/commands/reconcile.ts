import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../app.module.js';
import { currentConfig } from '../common/config/index.js';
import { createLogger, NestLogger } from '../common/logging/index.js';
import { ReconciliationService } from '../payments/index.js';
import { run, say, UsageError, withDatabase } from './run.js';

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const CAN_NOT = 2;

/** Reconciles purchases and the ledger with the payment provider once. Exit code 1 when a problem needs a person. */
async function reconcile(): Promise<void> {
  const { values } = parseArgs({
    options: { since: { type: 'string', default: '24h' }, 'dry-run': { type: 'boolean', default: false } },
  });
  const since = timeOf(values.since);
  const dryRun = values['dry-run'];
  const config = currentConfig();
  // The application below would wait for a database that can't be reached; this fails at once.
  await withDatabase([], async () => say(`Payments: ${config.payments.provider}`));
  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: new NestLogger(createLogger(config)),
    abortOnError: false,
  });
  try {
    const { changes, problems, ...counts } = await app
      .get(ReconciliationService)
      .run({ since, dryRun, thorough: true, untouchedSince: Date.now() });
    say(`Since ${new Date(since).toISOString()}${dryRun ? ', changing nothing' : ''}:`);
    say(`  ${counts.unfinished} unfinished purchases and ${counts.refunds} unanswered refunds looked at`);
    say(`  ${counts.events} events listed, ${counts.missed} of them missed`);
    say(`  ${counts.listed} sessions and reversed payments listed`);
    say(`  ${changes.length} ${dryRun ? 'changes to be made' : 'changes made'}`);
    for (const change of changes) say(`    ${change}`);
    say(`  ${problems.length} problems`);
    for (const problem of problems) say(`    ${problem}`);
    process.exitCode = problems.length > 0 ? 1 : 0;
  } finally {
    await app.close();
  }
}

/** @throws UsageError when the text is neither a time nor a span such as 24h such as 24h */
function timeOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS[unit as keyof typeof UNITS];
  if (Number.isNaN(time)) throw new UsageError(`--since ${text} is neither a time nor a span such as 24h`);
  return time;
}

run('npm run payments:reconcile -- [--since 2026-04-15T00:00:00Z | --since 24h] [--dry-run]', reconcile, CAN_NOT);
