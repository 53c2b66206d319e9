import { setImmediate } from 'node:timers/promises';
import { bucketAt, type Grain, GRAINS, Sum, Tally, type UsageSum } from '../domain/index.js';

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
export function startOf(
  { grain, bucket }: Pick<UsageSum, 'grain' | 'bucket'>,
  { from }: UsagePeriod,
  interval: UsageInterval,
): number {
  if (interval === 'total') return from;
  const time = bucket * GRAINS[grain];
  return interval === 'month' ? monthOf(time) : time;
}

/** Spending by the values of a dimension. */
export class ByValue {
  private readonly tallies = new Map<string | null, Tally>();

  add(row: UsageSum): void {
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
}

/**
 * Makes the answer to a question, in two readings of the same sums: the first ranks the values, the second adds up the
 * largest ones. It keeps a number for each value of the whole period, and a tally only for those that are shown.
 */
export class UsageTable {
  private readonly amounts = new Map<string | null, Sum>();
  private readonly intervals = new Map<number, { readonly all: Tally; readonly shown: ByValue }>();
  private readonly totals = new ByValue();
  private shown: ReadonlySet<string | null> = new Set();

  constructor(
    private readonly period: UsagePeriod,
    private readonly interval: UsageInterval,
  ) {}

  /** The first reading, in whatever order; quantities are passed over. */
  rank(row: UsageSum): void {
    if (row.measure !== null) return;
    const start = startOf(row, this.period, this.interval);
    let interval = this.intervals.get(start);
    if (!interval) this.intervals.set(start, (interval = { all: new Tally(), shown: new ByValue() }));
    interval.all.addRow(row);
    let amount = this.amounts.get(row.value);
    if (!amount) this.amounts.set(row.value, (amount = new Sum()));
    amount.add(row.sum);
  }

  /** Between the readings: the largest values, of equals in the order of the values. They are those shown. */
  async show(limit: number): Promise<(string | null)[]> {
    const largest: Ranked[] = [];
    let looked = 0;
    for (const [value, { value: amount }] of this.amounts) {
      if (++looked % RANKED_AT_ONCE === 0) await setImmediate();
      const ranked = { value, amount };
      if (largest.length === limit && isBefore(largest.at(-1)!, ranked)) continue;
      if (largest.length === limit) largest.pop();
      let [low, high] = [0, largest.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (isBefore(ranked, largest[middle]!)) high = middle;
        else low = middle + 1;
      }
      largest.splice(low, 0, ranked);
    }
    const values = largest.map(({ value }) => value);
    this.shown = new Set(values);
    return values;
  }

  /** The second reading; other values are passed over. */
  add(row: UsageSum): void {
    if (!this.shown.has(row.value)) return;
    this.intervals.get(startOf(row, this.period, this.interval))!.shown.add(row);
    this.totals.add(row);
  }

  answer(): Usage {
    const groups = (by: ByValue) => [...this.shown].map((value) => ({ value, tally: by.of(value) }));
    const starts = [...this.intervals.keys()].sort((a, b) => a - b);
    const total = sumOf([...this.intervals.values()].map(({ all }) => all));
    const totals = groups(this.totals);
    return {
      series: starts.map((start) => {
        const { all, shown } = this.intervals.get(start)!;
        const some = groups(shown);
        return { start, groups: some, other: without(all, some) };
      }),
      totals,
      ...(this.amounts.size > this.shown.size ? { rest: without(total, totals) } : {}),
      total,
    };
  }
}

/** After so many values others get a turn. */
const RANKED_AT_ONCE = 10_000;

interface Ranked {
  readonly value: string | null;
  readonly amount: bigint;
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return compare(b.amount, a.amount) < 0 || (a.amount === b.amount && compare(a.value ?? '', b.value ?? '') < 0);
}

/** The spending of tallies, without their quantities. */
function sumOf(tallies: readonly Tally[]): Tally {
  const sum = new Tally();
  for (const { amount, count } of tallies) sum.addRow({ measure: null, sum: amount, count });
  return sum;
}

function without(all: Tally, groups: readonly UsageGroup[]): Tally {
  const shown = sumOf(groups.map(({ tally }) => tally));
  const rest = sumOf([all]);
  rest.addRow({ measure: null, sum: -shown.amount, count: -shown.count });
  return rest;
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
