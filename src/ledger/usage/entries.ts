import { setImmediate } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import {
  correctedBy,
  type EntryType,
  type Stored,
  USAGE_TYPES,
  type UsageEntry,
  type UsageSums,
} from '../domain/index.js';

/** Few enough that others hardly notice a statement. */
const CHUNK = 1_000;

const COLUMNS = 'sequence, type, amount, created_at, actor, agent, run_id, model, usage_text, reverses, reprices';
const TYPES = USAGE_TYPES.map((type) => `'${type}'`).join(', ');

/**
 * Adds the entries of a range to sums, a chunk of the primary key at a time, and lets others work in between.
 * @param enough asked after each chunk whether to stop
 * @returns the number of the last entry that was looked at
 */
export async function addEntries(
  dataSource: DataSource,
  accountId: number,
  { low, high }: { readonly low: number; readonly high: number },
  sums: UsageSums,
  enough: () => boolean = () => false,
): Promise<number> {
  const from = engineOf(dataSource) === 'mysql' ? 'entry FORCE INDEX (PRIMARY)' : 'entry';
  for (let first = low; first <= high; first += CHUNK) {
    const last = Math.min(high, first + CHUNK - 1);
    const rows = await dataSource.query<Raw[]>(
      `SELECT ${COLUMNS} FROM ${from} WHERE account_id = ? AND sequence >= ? AND sequence <= ? AND type IN (${TYPES})
       ORDER BY sequence`,
      [accountId, first, last],
    );
    const corrected = await correctedOf(dataSource, accountId, rows);
    for (const row of rows) {
      const of = numberOfCorrected(row);
      sums.add(entryOf(row), of === null ? undefined : corrected.get(of));
    }
    // Where the driver waits for nothing, neither do other requests get a turn.
    await setImmediate();
    if (enough()) return last;
  }
  return Math.max(high, low - 1);
}

/** The entries that these correct, by number. */
async function correctedOf(
  dataSource: DataSource,
  accountId: number,
  rows: readonly Raw[],
): Promise<ReadonlyMap<number, UsageEntry>> {
  const numbers = [...new Set(rows.flatMap((row) => numberOfCorrected(row) ?? []))];
  if (numbers.length === 0) return new Map();
  const found = await dataSource.query<Raw[]>(
    `SELECT ${COLUMNS} FROM entry WHERE account_id = ? AND sequence IN (${numbers.map(() => '?').join(', ')})`,
    [accountId, ...numbers],
  );
  return new Map(found.map((row) => [Number(row['sequence']), entryOf(row)]));
}

function numberOfCorrected(row: Raw): number | null {
  const number = (value: string | number | null) => (value === null ? null : Number(value));
  return correctedBy({ reverses: number(row['reverses']!), reprices: number(row['reprices']!) });
}

function entryOf(row: Raw): UsageEntry {
  return {
    sequence: Number(row['sequence']),
    type: row['type'] as EntryType,
    amount: Number(row['amount']) as Stored,
    createdAt: Number(row['created_at']),
    actor: row['actor'] as string,
    agent: row['agent'] as string | null,
    runId: row['run_id'] as string | null,
    model: row['model'] as string | null,
    usage: row['usage_text'] as string | null,
  };
}
