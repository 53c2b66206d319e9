import Libsql from 'libsql';
import { createConnection } from 'mysql2/promise';
import { accountId } from '../../src/ledger/store/account-id.js';
import type { LongHistory } from './scenarios.js';

/** Runs one statement; the seeding knows no more of a database. */
type Execute = (sql: string) => Promise<void>;

const DAYS = 60;
const DAY_MS = 86_400_000;
/** Entries of one INSERT: large enough to be fast, small enough for an ordinary undo log. */
const CHUNK = 2 ** 18;
const STARTING_BALANCE = 10 ** 12;

/**
 * Writes long histories straight into the tables: a deposit, and then one debit of a micro-dollar after the other,
 * evenly over sixty days. The account's row and the daily totals agree with the entries; the operations, which no read
 * looks at, are left out.
 */
export async function seedHistories(databaseUrl: string, histories: readonly LongHistory[]): Promise<void> {
  const { execute, close } = await open(databaseUrl);
  try {
    await seedNumbers(execute);
    for (const history of histories) await seedHistory(execute, history);
    await execute('DROP TABLE bench_number');
  } finally {
    await close();
  }
}

async function open(databaseUrl: string): Promise<{ execute: Execute; close: () => Promise<void> }> {
  if (databaseUrl.startsWith('sqlite:')) {
    const database = new Libsql(databaseUrl.slice('sqlite:'.length));
    return { execute: async (sql) => void database.exec(sql), close: async () => void database.close() };
  }
  const connection = await createConnection(databaseUrl);
  return { execute: async (sql) => void (await connection.query(sql)), close: () => connection.end() };
}

/** The numbers 1 … CHUNK, by doubling. */
async function seedNumbers(execute: Execute): Promise<void> {
  await execute('CREATE TABLE bench_number (n integer NOT NULL PRIMARY KEY)');
  await execute('INSERT INTO bench_number VALUES (1)');
  for (let have = 1; have < CHUNK; have *= 2)
    await execute(`INSERT INTO bench_number SELECT n + ${have} FROM bench_number`);
}

async function seedHistory(execute: Execute, { account, entries, values }: LongHistory): Promise<void> {
  const id = accountId(`USD ${account}`);
  const step = Math.floor((DAYS * DAY_MS) / entries);
  const end = Date.now() - 60_000;
  const begin = end - entries * step;
  for (let done = 0; done < entries; done += CHUNK) {
    const n = `(n + ${done})`;
    const one = (of: number | undefined) => (of ? `CAST(${n} % ${of} AS CHAR)` : 'NULL');
    const usage = values?.pools ? `'{"input":1200,"cache_read":90,"output":300}'` : 'NULL';
    const first = `n + ${done} = 1`;
    await execute(
      `INSERT INTO entry (account_id, sequence, type, type_sequence, type_total, amount, balance_after, description, actor, created_at, model, agent, usage_text)
       SELECT ${id}, ${n}, CASE WHEN ${first} THEN 'deposit' ELSE 'debit' END, CASE WHEN ${first} THEN 1 ELSE ${n} - 1 END,
              CASE WHEN ${first} THEN ${STARTING_BALANCE} ELSE 1 - ${n} END,
              CASE WHEN ${first} THEN ${STARTING_BALANCE} ELSE -1 END, ${STARTING_BALANCE} + 1 - ${n}, 'Agent run', '${account}', ${begin} + ${n} * ${step}, ${one(values?.models)}, ${one(values?.agents)}, ${usage}
       FROM bench_number WHERE n <= ${Math.min(CHUNK, entries - done)} ORDER BY n`,
    );
  }
  // Written with a remainder, because the engines divide integers differently.
  const day = `(created_at - created_at % ${DAY_MS}) / ${DAY_MS}`;
  await execute(
    `INSERT INTO daily_total (account_id, day, type, amount, count)
     SELECT account_id, ${day}, type, SUM(amount), COUNT(*) FROM entry WHERE account_id = ${id} GROUP BY account_id, ${day}, type`,
  );
  const types = JSON.stringify({ deposit: [1, String(STARTING_BALANCE)], debit: [entries - 1, String(1 - entries)] });
  await execute(
    `INSERT INTO account (id, owner, unit, balance, held, sequence, types, holds, hold_events, open_holds, operations, next_expiry, last_at, version)
     VALUES (${id}, '${account}', 'USD', ${STARTING_BALANCE + 1 - entries}, 0, ${entries}, '${types}', 0, 0, 0, 0, NULL, ${begin + entries * step}, 1)`,
  );
}
