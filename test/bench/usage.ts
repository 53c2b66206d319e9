// How fast usage is summed up, and how fast a month of it is shown: npm run bench:usage [-- --entries 10000000
// --pools].
// DATABASE_URL names an empty database, by default a new SQLite file. It prints figures and judges nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { currentConfig } from '../../src/common/config/index.js';
import { dataSourceOptions, migrate, newDataSource, Transactions } from '../../src/common/database/index.js';
import { LEDGER_ENTITIES, UsageStore } from '../../src/ledger/index.js';
import { accountId } from '../../src/ledger/store/index.js';
import { MIGRATIONS } from '../../src/migrations.js';
import { startServer } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';
import { seedHistories } from './seed.js';

const { values: options } = parseArgs({
  options: {
    entries: { type: 'string', default: '10000000' },
    // Whether each entry says what was used, by three pools.
    pools: { type: 'boolean', default: false },
  },
});
const SUB = 'spender';
const ACCOUNT = `user:${SUB}`;
const DAY_MS = 86_400_000;
const [ASKED, WARM_UP] = [50, 5];

const say = (line: string) => void process.stdout.write(`${line}\n`);
const directory = mkdtempSync(join(tmpdir(), 'credits-bench-'));
process.env['DATABASE_URL'] ??= `sqlite:${join(directory, 'usage.sqlite')}`;
process.env['JWT_SECRET'] ??= JWT_SECRET;
const DATABASE_URL = process.env['DATABASE_URL'];
try {
  await sumUp(Number(options.entries));
  await ask();
} finally {
  rmSync(directory, { recursive: true });
}

async function sumUp(entries: number): Promise<void> {
  const { database } = currentConfig();
  const dataSource = await newDataSource(dataSourceOptions(database, LEDGER_ENTITIES, MIGRATIONS)).initialize();
  try {
    await migrate(dataSource);
    await seedHistories(DATABASE_URL, [
      { account: ACCOUNT, entries, values: { models: 50, agents: 1_000, pools: options.pools } },
    ]);
    const transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
    const store = new UsageStore(dataSource, transactions);
    const [begun, before] = [performance.now(), process.cpuUsage()];
    let [steps, added, longest] = [0, 0, 0];
    for (let left = [accountId(`USD ${ACCOUNT}`)]; left.length > 0; steps++) {
      const at = performance.now();
      const step = await store.step(left);
      longest = Math.max(longest, performance.now() - at);
      ({ left } = step);
      added += step.added;
    }
    const { user, system } = process.cpuUsage(before);
    const seconds = (performance.now() - begun) / 1_000;
    const rate = (of: number) => Math.round(added / of).toLocaleString('en');
    say(`${added.toLocaleString('en')} entries summed up in ${steps} steps, the longest ${longest.toFixed(0)} ms`);
    say(`${rate(seconds)} a second, ${rate((user + system) / 1e6)} a second of this process's processor time`);
    await transactions.onApplicationShutdown();
  } finally {
    await dataSource.destroy();
  }
}

async function ask(): Promise<void> {
  const server = await startServer({ DATABASE_URL });
  try {
    const client = await server.clientFor({ sub: SUB });
    const from = new Date(Date.now() - 29 * DAY_MS).toISOString();
    const questions = [
      { group_by: 'model', interval: 'day', limit: 50 },
      { group_by: 'agent', interval: 'day', limit: 20 },
      { group_by: 'model', interval: 'hour', limit: 50 },
      { group_by: 'agent', interval: 'total', limit: 200 },
    ];
    for (const query of questions) {
      const times: number[] = [];
      for (let i = 0; i < WARM_UP + ASKED; i++) {
        const begun = performance.now();
        const { status } = await client.get('/api/credits/usage', { from, ...query });
        if (status !== 200) throw new Error(`usage was answered with ${status}`);
        if (i >= WARM_UP) times.push(performance.now() - begun);
      }
      times.sort((a, b) => a - b);
      const at = (share: number) => times[Math.floor(times.length * share)]!.toFixed(1);
      say(`a month by ${query.group_by}, ${query.interval}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`);
    }
  } finally {
    await server.stop();
  }
}
