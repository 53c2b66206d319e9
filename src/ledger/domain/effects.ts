import type { Account, Entry, EntryType, Hold } from './account.js';
import type { BookRow } from './books.js';
import type { Grant } from './grant.js';
import type { Change } from './change.js';
import type { Operation, Remembered } from './operation.js';
import type { Stored } from './unit.js';

/** Rows to write, all of them in one transaction. */
export interface Effects {
  /** The accounts that changed, with the version that they had before. */
  readonly accounts: readonly Account[];
  readonly entries: readonly Entry[];
  readonly operations: readonly Remembered[];
  /** Those that were opened or changed, as they are now. */
  readonly holds: readonly Hold[];
  readonly grants: GrantChanges;
  /** To be added to what was reversed of the entries before. */
  readonly reversals: readonly Reversal[];
  /** The spendings that raised the price of others. */
  readonly repricings: readonly Repricing[];
  /** To be added to the daily totals that are there. */
  readonly totals: readonly DailyTotal[];
  /** To be added to the books that are there. */
  readonly books: readonly BookRow[];
  /** Those of the accounts that were frozen, released from a freeze or noted something of. */
  readonly marked: readonly Account[];
  /** What administrators did. */
  readonly audit: readonly object[];
}

/** Grants as a batch has left them, by how much of their rows it writes. */
export interface GrantChanges {
  readonly made: readonly Grant[];
  /** Of these only `used`, `held` and `remaining` changed, as with nearly every spending. */
  readonly moved: readonly Grant[];
  readonly changed: readonly Grant[];
}

/** Whether an account was frozen, released from a freeze or noted something of. */
export function isMarked(before: Account, after: Account): boolean {
  return after.frozen !== before.frozen || after.note !== before.note;
}

/** The rows of the audit: none for a refusal, and none for a mark that changes nothing. */
export function recordsOf(
  audit: NonNullable<Operation['audit']>,
  { outcome, account: after }: Change,
  before: Account,
): object[] {
  if (outcome.status === 'refused' || (outcome.status === 'marked' && after === before)) return [];
  return [audit({ outcome, before, after })];
}

/** How much of an entry was reversed. */
export interface Reversal {
  readonly accountId: number;
  /** The entry's number. */
  readonly sequence: number;
  /** More than zero. */
  readonly amount: Stored;
}

/** A spending that raised the price of another. */
export interface Repricing {
  readonly accountId: number;
  /** The number of the entry whose price it raised … */
  readonly sequence: number;
  /** … and its own. */
  readonly repricing: number;
}

/** Sum and number of an account's entries of one type on one UTC day. */
export interface DailyTotal {
  readonly accountId: number;
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly type: EntryType;
  readonly amount: bigint;
  readonly count: number;
}

/** A UTC day, in milliseconds. */
export const DAY_MS = 86_400_000;

/** The UTC day of a time. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}

/** The first millisecond of a UTC day. */
export function startOfDay(day: number): number {
  return day * DAY_MS;
}

/** Adds entries up by account, day and type. */
export function totalsOf(entries: Iterable<Pick<Entry, 'accountId' | 'type' | 'amount' | 'createdAt'>>): DailyTotal[] {
  const totals = new Map<string, { -readonly [field in keyof DailyTotal]: DailyTotal[field] }>();
  for (const { accountId, type, amount, createdAt } of entries) {
    const day = dayOf(createdAt);
    const key = `${accountId} ${day} ${type}`;
    const total = totals.get(key);
    if (total) {
      total.amount += BigInt(amount);
      total.count += 1;
    } else {
      totals.set(key, { accountId, day, type, amount: BigInt(amount), count: 1 });
    }
  }
  return [...totals.values()];
}
