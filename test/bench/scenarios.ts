import type { Kind } from './processes.js';
import { ACCOUNTS, debitBatch, debits, get } from './requests.js';

export type Engine = 'mariadb' | 'sqlite';

/** One kind of load on one server. */
export interface Scenario {
  readonly engine: Engine;
  readonly kind: Kind;
  readonly requests: readonly string[];
  readonly connections: number;
  /** The share of the traffic that is the first request; the rest is spread over all. */
  readonly firstShare?: number;
  /** How many debits a request carries. */
  readonly items: number;
  /** The one status that every answer has to have. */
  readonly status: number;
}

/** What is to be reached. */
export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Two scenarios of the same run, and what is compared of them. */
export interface Comparison {
  readonly title: string;
  readonly of: Scenario;
  readonly by: Scenario;
  readonly value: 'perSecond' | 'p50Ms';
  readonly goal?: Goal;
}

export const CONNECTIONS = 64;
export const WAITING_CLIENTS = 10_000;
const BATCH = 100;
export const ENGINE_NAMES: Readonly<Record<Engine, string>> = { mariadb: 'MariaDB', sqlite: 'SQLite' };

/** The hot account of the product, on which most comparisons rest. */
export function hotScenario(engine: Engine, token: string): Scenario {
  return { engine, kind: 'lanes', requests: debits(token, 1), connections: CONNECTIONS, items: 1, status: 201 };
}

/**
 * Everything that is measured with debits. A scenario that stands in several rows is one object and is measured once a
 * round.
 */
export function debitComparisons(token: string): Comparison[] {
  return [...engineComparisons('mariadb', token), ...engineComparisons('sqlite', token)];
}

function engineComparisons(engine: Engine, token: string): Comparison[] {
  const mariadb = engine === 'mariadb';
  const [kind, usual]: [Kind, string] = mariadb
    ? ['transaction', 'a TypeORM transaction per request, same stack']
    : ['mutex', 'a TypeORM transaction per request behind a mutex, same stack'];
  const hot = hotScenario(engine, token);
  const many: Scenario = { ...hot, requests: debits(token, ACCOUNTS) };
  const half: Scenario = { ...many, firstShare: 0.5 };
  const lone: Scenario = { ...hot, connections: 1 };
  const keyed: Scenario = { ...hot, requests: debits(token, 1, true) };
  const batches: Scenario = { ...hot, requests: debitBatch(token, BATCH), items: BATCH, status: 200 };
  const version: Scenario = { ...hot, requests: [get('/api/version')], status: 200 };
  const row = (
    title: string,
    of: Scenario,
    by: Scenario,
    goal?: Goal,
    value: Comparison['value'] = 'perSecond',
  ): Comparison => ({
    title: `${ENGINE_NAMES[engine]}: ${title}`,
    of,
    by,
    value,
    goal,
  });
  const against = (kindOfBaseline: Kind, scenario: Scenario): Scenario => ({ ...scenario, kind: kindOfBaseline });
  return [
    row(`one hot account: lanes ÷ ${usual}`, hot, against(kind, hot), { atLeast: 10 }),
    ...(mariadb ? [row('one hot account: lanes ÷ textbook app', hot, against('textbook', hot), { atLeast: 25 })] : []),
    row(
      'one hot account: lanes ÷ a store that does nothing',
      hot,
      against('nothing', hot),
      mariadb ? { atLeast: 0.8 } : undefined,
    ),
    row('one hot account: lanes ÷ GET /api/version of the same server', hot, version, { atLeast: 0.4 }),
    row(`1,000 accounts: lanes ÷ ${usual}`, many, against(kind, many)),
    row(`half of the traffic on one of 1,000 accounts: lanes ÷ ${usual}`, half, against(kind, half)),
    row('one hot account: an Idempotency-Key with each debit ÷ none', keyed, hot),
    row(`one hot account: debits in batches of ${BATCH} ÷ single ones, per debit`, batches, hot, { atLeast: 3 }),
    row(`p50 of a lone client: lanes ÷ ${usual}`, lone, against(kind, lone), { atMost: 1 }, 'p50Ms'),
  ];
}

/** An account with a long history. */
export interface LongHistory {
  readonly account: string;
  readonly entries: number;
  /** How many models and agents spend in turn, and whether they say what they used; absent: none is named. */
  readonly values?: { readonly models: number; readonly agents: number; readonly pools: boolean };
}

/** Reads at the end of a long history against the same at its beginning, and against a shorter one. */
export function readComparisons(engine: Engine, token: string, long: LongHistory, short: LongHistory): Comparison[] {
  const reads = (...paths: string[]): Scenario => ({
    engine,
    kind: 'lanes',
    requests: paths.map((path) => get(path, token)),
    connections: 1,
    items: 1,
    status: 200,
  });
  const page = (offset: number) => `/api/credits/transactions?account=${long.account}&limit=20&offset=${offset}`;
  const summary = ({ account }: LongHistory, period = '') =>
    reads(`/api/credits/usage-summary?account=${account}${period}`);
  const [first, last] = [reads(page(0)), reads(page(long.entries - 20))];
  const anywhere = reads(
    ...Array.from({ length: 10_000 }, () => page(Math.floor(Math.random() * (long.entries - 20)))),
  );
  // From noon to noon: both edge days have to be summed from their entries.
  const noon = (daysAgo: number) =>
    `${new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)}T12:00:00Z`;
  const cut = `&from=${noon(40)}&to=${noon(10)}`;
  const row = (title: string, of: Scenario, by: Scenario, goal?: Goal): Comparison => ({
    title: `${ENGINE_NAMES[engine]}: ${title}`,
    of,
    by,
    value: 'p50Ms',
    goal,
  });
  const [more, fewer] = [count(long), count(short)];
  return [
    row(`p50 of a page at the end of ${more} entries ÷ the first page`, last, first, { atMost: 1.3 }),
    row(`p50 of a page anywhere in ${more} entries ÷ the first page`, anywhere, first),
    row(`p50 of the usage summary at ${more} entries ÷ at ${fewer}`, summary(long), summary(short), { atMost: 1.3 }),
    row(
      `p50 of the usage summary of a period that cuts its first and last day, at ${more} ÷ at ${fewer}`,
      summary(long, cut),
      summary(short, cut),
    ),
  ];
}

function count({ entries }: LongHistory): string {
  return entries.toLocaleString('en');
}
