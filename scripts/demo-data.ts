// Fills an empty database with a plausible month: npm run demo:data [-- --until 2026-11-21]
import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { explain } from '../src/common/logging/index.js';
import { JWT_SECRET } from '../test/support/tokens.js';
import { report } from './demo-data/report.js';
import { DAY, planRuns } from './demo-data/runs.js';
import { Simulation } from './demo-data/simulation.js';
import { planStory } from './demo-data/story.js';

const DAYS = 30;

/** The database or the environment is not for demo data. */
class Refusal extends Error {
  readonly code = 'ERR_REFUSED';
}

/** Everything but the database is the script's own, so that the books are the same everywhere. */
const SETTINGS = {
  JWT_SECRET,
  CATALOG_FILE: fileURLToPath(new URL('demo-catalog.json', import.meta.url)),
  PAYMENTS_PROVIDER: 'sandbox',
  RECONCILE_EVERY_SECONDS: '0',
  RATE_LIMIT_PER_MINUTE: '0',
  LOG_LEVEL: 'silent',
};

const out = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { until: { type: 'string' } } });
  const end = values.until === undefined ? Math.floor(Date.now() / DAY) * DAY : dayOf(values.until);
  if (process.env['NODE_ENV'] === 'production') throw new Refusal('Demo data is refused with NODE_ENV=production.');
  const { DATABASE_URL, PATH } = process.env;
  process.env = { PATH, ...(DATABASE_URL && { DATABASE_URL }), ...SETTINGS };
  const begun = performance.now();
  const start = end - DAYS * DAY;
  const world = await Simulation.begin(start);
  try {
    await refuseUnlessEmpty(world);
    planStory(world, start, end);
    planRuns(world, start, end);
    await world.playUntil(end);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    out(`The month from ${new Date(start).toISOString()} to ${new Date(end).toISOString()}, made in ${seconds} s:\n`);
    for (const line of await report(world)) out(line);
    out(TOKENS);
  } finally {
    await world.stop();
  }
}

/** The first moment of a day in UTC. */
function dayOf(text: string): number {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new Refusal(`--until ${text} is not a day such as 2026-11-21.`);
  return time;
}

/** Everything else in a database hangs on these rows. */
async function refuseUnlessEmpty({ database }: Simulation): Promise<void> {
  for (const table of ['account', 'purchase']) {
    const rows: unknown[] = await database.query(`SELECT 1 FROM ${table} LIMIT 1`);
    if (rows.length > 0)
      throw new Refusal(
        'Demo data needs an empty database, and this one has accounts or purchases. Check DATABASE_URL.',
      );
  }
}

const TOKENS = `
Start the server with npm start, and look at it as
  a customer whose run #4521 was charged twice   npm run --silent token -- --user 42
  a member of a busy organization                npm run --silent token -- --user ada --org acme
  an administrator                               npm run --silent token -- --user 1 --admin
`;

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
});
