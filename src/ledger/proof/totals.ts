import type { QueryRunner } from 'typeorm';
import { type DailyTotal, type Entry, totalsOf } from '../domain/index.js';
import { DailyTotalRow } from '../store/index.js';
import { entries } from './scan.js';

const ROWS = 500;

/** Daily totals, added up a chunk of entries at a time. */
export class Totals {
  private readonly sums = new Map<string, DailyTotal>();

  add(chunk: readonly Entry[]): void {
    for (const total of totalsOf(chunk)) {
      const key = `${total.day} ${total.type}`;
      const before = this.sums.get(key);
      this.sums.set(
        key,
        before ? { ...total, amount: before.amount + total.amount, count: before.count + total.count } : total,
      );
    }
  }

  rows(): DailyTotal[] {
    return [...this.sums.values()];
  }
}

/**
 * Replaces an account's daily totals, which are derived, by the sums of its entries. The account is locked by the
 * caller.
 */
export async function rebuildTotals(runner: QueryRunner, accountId: number): Promise<void> {
  const totals = new Totals();
  for await (const chunk of entries(runner, accountId)) totals.add(chunk);
  await runner.manager.delete(DailyTotalRow, { accountId });
  const rows = totals.rows();
  for (let i = 0; i < rows.length; i += ROWS) await runner.manager.insert(DailyTotalRow, rows.slice(i, i + ROWS));
}
