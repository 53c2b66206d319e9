import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { ConfigError, currentConfig } from './common/config/index.js';
import { createLogger, NestLogger } from './common/logging/index.js';
import { ReconciliationService } from './payments/index.js';

const USAGE = 'npm run payments:reconcile -- [--since 2026-04-15T00:00:00Z | --since 24h] [--dry-run]';
const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Holds purchases, the ledger and the payment provider against each other once. Exit code 1 when something needs a person. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { since: { type: 'string', default: '24h' }, 'dry-run': { type: 'boolean', default: false } } });
  const since = timeOf(values.since);
  const dryRun = values['dry-run'];
  const app = await NestFactory.createApplicationContext(AppModule, {
    logger: new NestLogger(createLogger(currentConfig())),
    abortOnError: false,
  });
  try {
    const { changes, problems, ...counts } = await app
      .get(ReconciliationService)
      .run({ since, dryRun, thorough: true, untouchedSince: Date.now() });
    const out = (line: string) => process.stdout.write(`${line}\n`);
    out(`Since ${new Date(since).toISOString()}${dryRun ? ', changing nothing' : ''}:`);
    out(`  ${counts.unfinished} unfinished purchases and ${counts.refunds} unanswered refunds looked at`);
    out(`  ${counts.events} events listed, ${counts.missed} of which had not come`);
    out(`  ${counts.listed} sessions and reversed payments listed`);
    out(`  ${changes.length} ${dryRun ? 'changes to be made' : 'changes made'}`);
    for (const change of changes) out(`    ${change}`);
    out(`  ${problems.length} problems`);
    for (const problem of problems) out(`    ${problem}`);
    process.exitCode = problems.length > 0 ? 1 : 0;
  } finally {
    await app.close();
  }
}

/** @throws Error with the usage when it is neither a time nor a span such as 24h */
function timeOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = count === undefined ? Date.parse(text) : Date.now() - Number(count) * UNITS[unit as keyof typeof UNITS];
  if (Number.isNaN(time)) throw new Error(USAGE);
  return time;
}

main().catch((error: Error) => {
  const expected =
    error instanceof ConfigError || error.message === USAGE || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${expected ? error.message : error.stack}\n`);
  process.exitCode = 2;
});
