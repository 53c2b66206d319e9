/** A transaction of a history, of which the usage takes these fields. */
export interface Spent {
  readonly id: number;
  readonly type: string;
  /** In the smallest parts of the unit. */
  readonly amount: bigint;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: Readonly<Record<string, string | null | undefined>>;
  readonly quantities?: Readonly<Record<string, bigint>>;
  /** The transaction that it corrects. */
  readonly corrects?: number | null;
}

/** A sum in one interval. */
export interface NaiveSum {
  amount: bigint;
  count: number;
  quantities: Record<string, bigint>;
}

const SPENDING = new Set(['debit', 'consume']);
const nothing = (): NaiveSum => ({ amount: 0n, count: 0, quantities: {} });

/**
 * Usage as the contract words it, from the whole history at once: the sums by the start of their interval and by value.
 * The value of spending without the dimension is the empty text.
 */
export function naiveUsage(
  history: readonly Spent[],
  dimension: string,
  startOf: (at: number) => number | undefined,
): Map<number, Map<string, NaiveSum>> {
  const sums = new Map<number, Map<string, NaiveSum>>();
  for (const spent of history) {
    const corrected = spent.corrects ? history.find(({ id }) => id === spent.corrects) : undefined;
    const subject = corrected ?? spent;
    const start = startOf(spent.at);
    if (!SPENDING.has(subject.type) || start === undefined) continue;
    const value = (dimension === 'type' ? subject.type : subject.by[dimension]) ?? '';
    const values = sums.get(start) ?? new Map<string, NaiveSum>();
    const sum = values.get(value) ?? nothing();
    sums.set(start, values.set(value, sum));
    sum.amount -= spent.amount;
    if (corrected) continue;
    sum.count += 1;
    for (const [measure, quantity] of Object.entries(spent.quantities ?? {}))
      sum.quantities[measure] = (sum.quantities[measure] ?? 0n) + quantity;
  }
  return sums;
}
