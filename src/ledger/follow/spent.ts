import type { DataSource } from 'typeorm';
import type { Raw } from '../../common/database/index.js';
import { dayOf } from '../domain/index.js';

/** How many days of UTC are looked at, today included. */
const DAYS = 30;

/** What an account has spent lately. */
export interface Spent {
  /** Positive; what was reversed of it still counts. */
  readonly amount: bigint;
  /** The day on which its first day no longer counts. */
  readonly rollsOn: number;
}

/** What accounts have spent in the last 30 days; those that have spent nothing are left out. */
export async function spentLately(
  source: Pick<DataSource, 'query'>,
  ids: readonly number[],
  now: number,
): Promise<Map<number, Spent>> {
  if (ids.length === 0) return new Map();
  const rows: Raw[] = await source.query(
    `SELECT account_id, CAST(SUM(amount) AS CHAR) AS amount, MIN(day) AS first FROM daily_total
     WHERE account_id IN (${ids.map(() => '?').join(', ')}) AND day > ? AND type IN ('debit', 'consume') GROUP BY account_id`,
    [...ids, dayOf(now) - DAYS],
  );
  return new Map(
    rows.map((raw) => [
      Number(raw['account_id']),
      { amount: 0n - BigInt(raw['amount']!), rollsOn: Number(raw['first']) + DAYS },
    ]),
  );
}
