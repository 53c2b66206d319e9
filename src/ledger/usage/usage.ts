import { bucketAt, type Grain, GRAINS, Tally, type UsageRow } from '../domain/index.js';

/** The lengths of the times that usage is asked for. */
export type UsageInterval = Grain | 'month' | 'total';

/** The time that is asked about, in milliseconds since 1970: from inclusive, to exclusive. */
export interface UsagePeriod {
  readonly from: number;
  readonly to: number;
}

/** Buckets of one grain, from `low` to the one before `high`. */
export interface UsageRange {
  readonly grain: Grain;
  readonly low: number;
  readonly high: number;
}

/** The spending of one value of a dimension; null: spending without it. */
export interface UsageGroup {
  readonly value: string | null;
  readonly tally: Tally;
}

/** Spending over a time, by the values of a dimension. */
export interface Usage {
  /** The intervals in which something was spent, the oldest first; each has all groups of `totals`. */
  readonly series: readonly { readonly start: number; readonly groups: readonly UsageGroup[]; readonly other: Tally }[];
  /** The largest groups of the whole time. */
  readonly totals: readonly UsageGroup[];
  /** The sum of the other values; absent when there are none. */
  readonly rest?: Tally;
  readonly total: Tally;
}

/** Widens a period to whole intervals; one for a total to whole hours. */
export function widened({ from, to }: UsagePeriod, interval: UsageInterval): UsagePeriod {
  if (interval === 'month') return { from: monthOf(from), to: monthOf(to) === to ? to : monthOf(to, 1) };
  const length = GRAINS[interval === 'total' ? 'hour' : interval];
  return { from: Math.floor(from / length) * length, to: Math.ceil(to / length) * length };
}

/** The buckets that make up a widened period. A total takes whole days, and hours before and after them. */
export function rangesOf({ from, to }: UsagePeriod, interval: UsageInterval): UsageRange[] {
  const range = (grain: Grain, low: number, high: number): UsageRange[] =>
    low < high ? [{ grain, low: bucketAt(grain, low), high: bucketAt(grain, high) }] : [];
  if (interval !== 'total') return range(interval === 'hour' ? 'hour' : 'day', from, to);
  const [first, last] = [Math.ceil(from / GRAINS.day) * GRAINS.day, Math.floor(to / GRAINS.day) * GRAINS.day];
  if (first >= last) return range('hour', from, to);
  return [...range('hour', from, first), ...range('day', first, last), ...range('hour', last, to)];
}

/** When the interval begins to which a bucket belongs. */
export function startOf({ grain, bucket }: UsageRow, { from }: UsagePeriod, interval: UsageInterval): number {
  if (interval === 'total') return from;
  const time = bucket * GRAINS[grain];
  return interval === 'month' ? monthOf(time) : time;
}

/** Spending by the values of a dimension. */
export class ByValue {
  private readonly tallies = new Map<string | null, Tally>();

  add(row: UsageRow): void {
    this.of(row.value).addRow(row);
  }

  of(value: string | null): Tally {
    let tally = this.tallies.get(value);
    if (!tally) this.tallies.set(value, (tally = new Tally()));
    return tally;
  }

  /** The largest first, and of equals in the order of their values. */
  groups(): UsageGroup[] {
    const groups = [...this.tallies].map(([value, tally]) => ({ value, tally, amount: tally.amount }));
    return groups.sort((a, b) => compare(b.amount, a.amount) || compare(a.value ?? '', b.value ?? ''));
  }

  /** The sum of all but these values. */
  without(values: ReadonlySet<string | null>): Tally {
    const sum = new Tally();
    for (const [value, tally] of this.tallies) if (!values.has(value)) sum.addAll(tally);
    return sum;
  }
}

/** Makes the answer to a question from the rows of its dimension, in whatever order. */
export class UsageTable {
  private readonly whole = new ByValue();
  private readonly intervals = new Map<number, ByValue>();

  constructor(
    private readonly period: UsagePeriod,
    private readonly interval: UsageInterval,
  ) {}

  add(row: UsageRow): void {
    const start = startOf(row, this.period, this.interval);
    let values = this.intervals.get(start);
    if (!values) this.intervals.set(start, (values = new ByValue()));
    values.add(row);
    this.whole.add(row);
  }

  /** @param limit how many groups it has at most */
  answer(limit: number): Usage {
    const all = this.whole.groups();
    const totals = all.slice(0, limit);
    const shown = new Set(totals.map(({ value }) => value));
    const starts = [...this.intervals.keys()].sort((a, b) => a - b);
    return {
      series: starts.map((start) => {
        const values = this.intervals.get(start)!;
        const other = values.without(shown);
        return { start, groups: totals.map(({ value }) => ({ value, tally: values.of(value) })), other };
      }),
      totals,
      ...(all.length > limit ? { rest: this.whole.without(shown) } : {}),
      total: this.whole.without(new Set()),
    };
  }
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The start of the UTC month of a time, or of the month so many months later. */
function monthOf(time: number, later = 0): number {
  const date = new Date(time);
  date.setUTCHours(0, 0, 0, 0);
  return date.setUTCMonth(date.getUTCMonth() + later, 1);
}
