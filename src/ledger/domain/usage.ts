import type { Entry, EntryType } from './account.js';
import { DAY_MS } from './effects.js';

/** What spending is summed by: the fields of an entry that say who spent it and for what, and its type. */
export const USAGE_DIMENSIONS = ['model', 'agent', 'actor', 'run_id', 'type'] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** The lengths of the times over which spending is summed, in UTC. */
export const GRAINS = { hour: 3_600_000, day: DAY_MS } as const;
export type Grain = keyof typeof GRAINS;

/** The part of an entry that its usage follows from. */
export type UsageEntry = Pick<
  Entry,
  'sequence' | 'type' | 'amount' | 'createdAt' | 'actor' | 'agent' | 'runId' | 'model' | 'usage'
>;

/** The spending of one value of a dimension in one hour or day, or one quantity of it. */
export interface UsageRow {
  readonly dimension: UsageDimension;
  readonly grain: Grain;
  /** Hours or days since 1970-01-01. */
  readonly bucket: number;
  /** Null: spending without this dimension. */
  readonly value: string | null;
  /** A pool, or `meter:<id>`; null: the spending itself. */
  readonly measure: string | null;
  /** Of the spending, in stored units; of a pool, whole numbers; of a meter, millionths of its unit. */
  readonly sum: bigint;
  /** Entries that spent; 0 for a quantity. */
  readonly count: number;
}

/** A row as it is read, of one dimension: its sum is a number where a double is exact. */
export type UsageSum = Omit<UsageRow, 'dimension' | 'sum'> & { readonly sum: number | bigint };

const SPENDING: ReadonlySet<EntryType> = new Set<EntryType>(['debit', 'consume']);
/** The types of entries that can count as usage. */
export const USAGE_TYPES: readonly EntryType[] = [...SPENDING, 'reversal'];
const MILLION = 1_000_000;

/**
 * The entry that another one corrects, by its number; null when it corrects none. A repricing can reverse an earlier
 * one: what it corrects is the spending that both are about.
 */
export function correctedBy({ reverses, reprices }: Pick<Entry, 'reverses' | 'reprices'>): number | null {
  return reprices ?? reverses;
}

/** The hour or day of a time. */
export function bucketAt(grain: Grain, time: number): number {
  return Math.floor(time / GRAINS[grain]);
}

/** A sum of integers of any length, at the price of a double's while it is short. */
export class Sum {
  private short = 0;
  private long = 0n;

  add(value: number | bigint): void {
    if (typeof value === 'bigint') {
      this.long += value;
      return;
    }
    const next = this.short + value;
    if (Number.isSafeInteger(next)) this.short = next;
    else {
      this.long += BigInt(this.short) + BigInt(value);
      this.short = 0;
    }
  }

  get value(): bigint {
    return this.long === 0n ? BigInt(this.short) : this.long + BigInt(this.short);
  }
}

/** Spending that is added up: an amount, the number of entries, and what was used by pool or meter. */
export class Tally {
  count = 0;
  private readonly spent = new Sum();
  private used?: Map<string, Sum>;

  /** Positive for spending, negative for what was given back. */
  get amount(): bigint {
    return this.spent.value;
  }

  /** How many rows it makes. */
  get rows(): number {
    return 1 + (this.used?.size ?? 0);
  }

  get quantities(): [measure: string, sum: bigint][] {
    return this.used ? [...this.used].map(([measure, { value }]) => [measure, value]) : [];
  }

  add(amount: number, count: number, quantities: readonly Quantity[]): void {
    this.spent.add(amount);
    this.count += count;
    for (const [measure, quantity] of quantities) this.of(measure).add(quantity);
  }

  addRow({ measure, sum, count }: Pick<UsageSum, 'measure' | 'sum' | 'count'>): void {
    if (measure === null) this.spent.add(sum);
    else this.of(measure).add(sum);
    this.count += count;
  }

  addAll(other: Tally): void {
    this.spent.add(other.amount);
    this.count += other.count;
    for (const [measure, sum] of other.quantities) this.of(measure).add(sum);
  }

  private of(measure: string): Sum {
    this.used ??= new Map();
    const found = this.used.get(measure);
    if (found) return found;
    const made = new Sum();
    this.used.set(measure, made);
    return made;
  }
}

type Quantity = readonly [measure: string, quantity: number];
type ByValue = Map<string | null, Tally>;

/**
 * Adds up the usage of one account's entries by the hour. The sum of any parts of a history is that of the whole. A
 * correction counts when it is made, under the dimensions of the spending that it corrects; it changes the amount
 * alone, because it takes nothing back of what was used.
 */
export class UsageSums {
  /** How many rows the hours have. */
  size = 0;
  private readonly hours = new Map<number, ByValue[]>();

  constructor(private readonly dimensions: readonly UsageDimension[] = USAGE_DIMENSIONS) {}

  /**
   * Counts an entry, unless it is neither spending nor a correction of spending.
   * @param corrected the entry that it corrects
   */
  add(entry: UsageEntry, corrected?: UsageEntry): void {
    const subject = corrected ?? entry;
    if (!SPENDING.has(subject.type)) return;
    const hour = this.hour(bucketAt('hour', entry.createdAt));
    const quantities = corrected ? [] : quantitiesOf(entry.usage);
    for (let i = 0; i < hour.length; i++) {
      const value = valueOf(subject, this.dimensions[i]!);
      let tally = hour[i]!.get(value);
      const before = tally?.rows ?? 0;
      if (!tally) hour[i]!.set(value, (tally = new Tally()));
      tally.add(0 - entry.amount, corrected ? 0 : 1, quantities);
      this.size += tally.rows - before;
    }
  }

  /** The sums of the hours and of their days. */
  rows(): UsageRow[] {
    return [...rowsOf('hour', this.hours, this.dimensions), ...rowsOf('day', this.days(), this.dimensions)];
  }

  private hour(bucket: number): ByValue[] {
    let found = this.hours.get(bucket);
    if (!found) this.hours.set(bucket, (found = this.dimensions.map((): ByValue => new Map())));
    return found;
  }

  private days(): Map<number, ByValue[]> {
    const days = new Map<number, ByValue[]>();
    for (const [hour, byDimension] of this.hours) {
      const day = bucketAt('day', hour * GRAINS.hour);
      const sums = days.get(day) ?? this.dimensions.map((): ByValue => new Map());
      days.set(day, sums);
      byDimension.forEach((values, i) => {
        for (const [value, tally] of values) {
          const sum = sums[i]!.get(value) ?? new Tally();
          sums[i]!.set(value, sum);
          sum.addAll(tally);
        }
      });
    }
    return days;
  }
}

function* rowsOf(
  grain: Grain,
  buckets: ReadonlyMap<number, readonly ByValue[]>,
  dimensions: readonly UsageDimension[],
): Generator<UsageRow> {
  for (const [bucket, byDimension] of buckets)
    for (let i = 0; i < byDimension.length; i++)
      for (const [value, tally] of byDimension[i]!) {
        const of = { dimension: dimensions[i]!, grain, bucket, value };
        yield { ...of, measure: null, sum: tally.amount, count: tally.count };
        for (const [measure, sum] of tally.quantities) yield { ...of, measure, sum, count: 0 };
      }
}

function valueOf({ type, model, agent, actor, runId }: UsageEntry, dimension: UsageDimension): string | null {
  switch (dimension) {
    case 'model':
      return model;
    case 'agent':
      return agent;
    case 'actor':
      return actor;
    case 'run_id':
      return runId;
    case 'type':
      return type;
  }
}

/** The quantities of an entry's usage: of its pools the numbers; of a meter millionths, which are whole. */
function quantitiesOf(usage: string | null): readonly Quantity[] {
  if (usage === null) return [];
  const used = JSON.parse(usage) as Record<string, string | number>;
  if ('meter' in used) return [[`meter:${used['meter']}`, Math.round(Number(used['quantity']) * MILLION)]];
  return Object.entries(used).filter((member): member is [string, number] => typeof member[1] === 'number');
}
