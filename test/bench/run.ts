// Measures the ledger against its baselines and prints one table of ratios: npm run bench [-- --quick --only <text>
// --rounds 3 --seconds 5]
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mintToken } from '../support/tokens.js';
import { House } from './house.js';
import type { BenchServer, Sample } from './processes.js';
import {
  type Comparison,
  CONNECTIONS,
  debitComparisons,
  type Engine,
  ENGINE_NAMES,
  hotScenario,
  type LongHistory,
  readComparisons,
  type Scenario,
  WAITING_CLIENTS,
} from './scenarios.js';
import { seedHistories } from './seed.js';
import { comparisonLine, markdown, megabytesLine, textLine, writeInto } from './table.js';

const { values: options } = parseArgs({
  options: {
    // Short rounds, and histories of a tenth of the length; the document stays as it is.
    quick: { type: 'boolean', default: false },
    // Only the rows whose title contains this; the document stays as it is.
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds ?? (options.quick ? 2 : 5));
const warmupSeconds = options.quick ? 1 : 2;
const scale = options.quick ? 0.1 : 1;
const long: LongHistory = { account: 'user:long', entries: 10_000_000 * scale };
const short: LongHistory = { account: 'user:short', entries: 1_000_000 * scale };
const MEMORY_GOAL_MB = 250;
const WAITING_SECONDS = 10;
const DOCUMENT = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

const began = Date.now();
const token = await mintToken({ sub: 'bench', admin: true, claims: { exp: Math.floor(began / 1000) + 86_400 } });
const house = new House(token);
const samples = new Map<Scenario, Sample[]>();
const problems: string[] = [];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

const isWanted = ({ title }: { title: string }) => title.toLowerCase().includes(options.only.toLowerCase());

/** Every scenario once a round, and then the next round, so that a machine that drifts drifts for all of them alike. */
async function measureRounds(comparisons: readonly Comparison[]): Promise<void> {
  const scenarios = [...new Set(comparisons.flatMap(({ of, by }) => [of, by]))];
  for (const { engine, kind } of scenarios) await house.resident(engine, kind);
  for (let round = 1; round <= rounds; round++)
    for (const scenario of scenarios) {
      const sample = await measure(`round ${round}/${rounds}: ${nameOf(scenario)}`, scenario, [scenario.status]);
      if (sample) samples.set(scenario, [...(samples.get(scenario) ?? []), sample]);
    }
}

/**
 * Measures one scenario once. What goes wrong stands below the table and makes the command fail, but does not end the
 * run.
 */
async function measure(
  name: string,
  scenario: Scenario,
  expected: readonly number[],
  measured = seconds,
  fresh?: BenchServer,
): Promise<Sample | undefined> {
  const { requests, connections, firstShare } = scenario;
  try {
    const server = fresh ?? (await house.resident(scenario.engine, scenario.kind)).server;
    const sample = await server.measure({ requests, connections, firstShare, warmupSeconds, seconds: measured });
    const { answered, p50Ms, p99Ms, statuses, unanswered, busy, cpuUs, rssMb } = sample;
    say(
      `${name}: ${Math.round(answered / sample.seconds)}/s, p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, server ${cpuUs?.toFixed(0)} µs and ${rssMb?.toFixed(0)} MB, load ${Math.round(busy * 100)} % busy`,
    );
    const unexpected = Object.keys(statuses).filter((status) => !expected.includes(Number(status)));
    if (unexpected.length > 0 || unanswered > 0)
      problems.push(`${name}: ${JSON.stringify(statuses)}, ${unanswered} unanswered`);
    return sample;
  } catch (error) {
    problems.push(`${name}: ${(error as Error).message}`);
    return undefined;
  }
}

function nameOf({ engine, kind, connections, requests, items }: Scenario): string {
  const what = requests[0]!.slice(0, requests[0]!.indexOf(' HTTP/')).slice(0, 60);
  return `${engine} ${kind}, ${connections} × ${what}${requests.length > 1 ? ` of ${requests.length}` : ''}${items > 1 ? ` of ${items} items` : ''}`;
}

/**
 * How much memory the product takes: a server that has served nothing else, and the most of all that was measured so
 * far.
 */
async function memoryLines(engine: Engine): Promise<string[][]> {
  const title = `${ENGINE_NAMES[engine]}: memory under the hot load`;
  const hot = await measure(title, hotScenario(engine, token), [201], WAITING_SECONDS, await house.fresh(engine));
  const sizes = [...samples].flatMap(([{ engine: of, kind }, taken]) =>
    of === engine && kind === 'lanes' ? taken.map(({ rssMb }) => rssMb ?? NaN) : [],
  );
  return [
    megabytesLine(title, hot?.rssMb ?? NaN, MEMORY_GOAL_MB),
    ...(sizes.length > 0
      ? [megabytesLine(`${ENGINE_NAMES[engine]}: the most memory of all the loads above`, Math.max(...sizes))]
      : []),
  ];
}

/** Many more clients than the server can serve at once, each of which sends again when it was answered. */
async function waitingLine(engine: Engine): Promise<string[]> {
  const title = `${ENGINE_NAMES[engine]}: ${WAITING_CLIENTS.toLocaleString('en')} clients waiting`;
  const server = await house.fresh(engine);
  const scenario = { ...hotScenario(engine, token), connections: WAITING_CLIENTS };
  const sample = await measure(title, scenario, [201, 503], WAITING_SECONDS, server);
  const alive = (await server.client().get('/api/version')).status === 200;
  if (!sample) return textLine(title, 'failed');
  const answers = Object.entries(sample.statuses).map(([status, count]) => `${count.toLocaleString('en')} × ${status}`);
  return textLine(
    title,
    `${answers.join(', ')}, ${sample.unanswered} unanswered, ${Math.round(sample.rssMb ?? NaN)} MB, ${alive ? 'alive' : 'dead'}`,
    'bounded, no crash',
  );
}

async function main(): Promise<void> {
  const lines: string[][] = [];
  const debits = debitComparisons(token).filter(isWanted);
  await measureRounds(debits);
  lines.push(...debits.map((comparison) => comparisonLine(comparison, samples)));
  for (const engine of ['mariadb', 'sqlite'] as const) {
    if (isWanted({ title: `${ENGINE_NAMES[engine]}: memory` })) lines.push(...(await memoryLines(engine)));
    if (isWanted({ title: `${ENGINE_NAMES[engine]}: waiting` })) lines.push(await waitingLine(engine));
    const reads = readComparisons(engine, token, long, short).filter(isWanted);
    if (reads.length === 0) continue;
    say(`seeding ${long.entries + short.entries} entries on ${engine}`);
    await seedHistories((await house.resident(engine, 'lanes')).databaseUrl, [short, long]);
    await measureRounds(reads);
    lines.push(...reads.map((comparison) => comparisonLine(comparison, samples)));
  }
  const busiest = Math.max(...[...samples.values()].flat().map(({ busy }) => busy));
  const text = markdown(lines, [
    ...(await house.conditions()),
    `${CONNECTIONS} connections unless the row says otherwise; medians of ${rounds} interleaved rounds of ${seconds} s after ${warmupSeconds} s of warm-up; the log is the default (\`info\`) and goes to /dev/null`,
    `every answer was checked for its status; the load generator was busy for at most ${Math.round(busiest * 100)} % of the time`,
    `${new Date().toISOString().slice(0, 10)}, ${Math.round((Date.now() - began) / 60_000)} minutes in all`,
  ]);
  process.stdout.write(`${text}\n`);
  for (const problem of problems) say(`PROBLEM ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  else if (!options.quick && options.only === '') writeInto(DOCUMENT, text);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void house.close().finally(() => process.exit(130)));
try {
  await main();
} finally {
  await house.close();
}
