import type { Unit } from './unit.js';
import type { GrantCategory } from './grant.js';

/**
 * Why the books moved. Ten lines move what is owed to customers, which is what remains or is held of their grants:
 * their units are what came (+) or went (−), their dollars what that did to the deferred revenue. The last four move
 * debts and money alone.
 */
export type Line =
  | 'sold'
  | 'granted'
  | 'spent'
  | 'expired'
  | 'voided'
  /** Into the grant that extends another, whose part was `voided`. */
  | 'extended'
  /** Spending that was given back. */
  | 'reversed'
  /** A deposit or grant that was taken back by a reversal. */
  | 'unsold'
  /** Taken back or given back with the money of a purchase. What is not there to be taken is `owed` instead … */
  | 'refunded'
  /** … and is taken when a debt is paid from what comes in or back. */
  | 'collected'
  /** Units of a new debt, and the money for it. */
  | 'owed'
  /** Units of a debt that were paid, and the money that was owed for them … */
  | 'settled'
  /** … when a promotional grant paid them. */
  | 'waived'
  /** Money of a refund that neither deferred revenue nor a debt accounts for. It has no units. */
  | 'adjusted';

/** The accounts of the journal. */
export type BookAccount = 'cash' | 'deferred_revenue' | 'revenue' | 'breakage' | 'receivable' | 'promotional';

/** Each line's dollars are a debit of its first account and a credit of its second; the reverse when negative. */
export const POSTINGS: Readonly<Record<Line, readonly [debit: BookAccount, credit: BookAccount]>> = {
  sold: ['cash', 'deferred_revenue'],
  granted: ['promotional', 'deferred_revenue'],
  spent: ['revenue', 'deferred_revenue'],
  expired: ['breakage', 'deferred_revenue'],
  voided: ['breakage', 'deferred_revenue'],
  extended: ['breakage', 'deferred_revenue'],
  reversed: ['revenue', 'deferred_revenue'],
  unsold: ['cash', 'deferred_revenue'],
  refunded: ['cash', 'deferred_revenue'],
  collected: ['revenue', 'deferred_revenue'],
  owed: ['receivable', 'cash'],
  settled: ['revenue', 'receivable'],
  waived: ['promotional', 'receivable'],
  adjusted: ['revenue', 'cash'],
};

/** A share from which units come back to a grant. */
export type Returning = 'used' | 'held' | 'takenBack';

/** Under which line they come back. What was held was owed all the time; only a price can change by a rounding. */
export const RETURNED: Readonly<Record<Returning, Line>> = {
  used: 'reversed',
  held: 'collected',
  takenBack: 'refunded',
};

/** One movement of the books. */
export interface Booking {
  readonly line: Line;
  readonly category: GrantCategory;
  /** Signed. Of a debt they stand under `paid`. */
  readonly units: number;
  /** Micro-dollars, signed. */
  readonly dollars: number;
  /** The UTC day; absent: that of the operation. */
  readonly day?: number;
}

/** What an operation booked. */
export interface Booked {
  readonly unit: Unit;
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly books: readonly Booking[];
}

/** The sum of a line of one unit on one UTC day. */
export interface BookRow {
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly unit: Unit;
  readonly line: Line;
  /** Units of paid grants … */
  readonly paid: bigint;
  /** … and of promotional ones. */
  readonly promotional: bigint;
  /** Micro-dollars. */
  readonly dollars: bigint;
}

/** Sums of the books, by day, unit and line. */
export class Books {
  private readonly sums = new Map<string, { -readonly [field in keyof BookRow]: BookRow[field] }>();

  add({ unit, day: ofOperation, books }: Booked): void {
    for (const { line, category, units, dollars, day = ofOperation } of books) {
      const sum = this.sumOf(day, unit, line);
      sum[category] += BigInt(units);
      sum.dollars += BigInt(dollars);
    }
  }

  /** In one order, so that two transactions never wait for each other's rows crosswise. */
  rows(): BookRow[] {
    return [...this.sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }

  private sumOf(day: number, unit: Unit, line: Line) {
    const key = `${day} ${unit} ${line}`;
    let sum = this.sums.get(key);
    if (!sum) this.sums.set(key, (sum = { day, unit, line, paid: 0n, promotional: 0n, dollars: 0n }));
    return sum;
  }
}

/** Adds up what operations booked. */
export function booksOf(booked: Iterable<Booked>): BookRow[] {
  const books = new Books();
  for (const each of booked) books.add(each);
  return books.rows();
}
