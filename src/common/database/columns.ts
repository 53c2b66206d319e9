/**
 * For BIGINT columns, which arrive as text from one driver and as numbers from the other; all of ours are below 2^53.
 */
export const integer = {
  asIs: true,
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};

/**
 * For BIGINT columns whose sums may be beyond 2^53. One driver reads them as doubles, so a query has to ask for them as
 * text.
 */
export const sum = {
  to: (value: bigint) => value.toString(),
  from: (value: string) => BigInt(value),
};

/** For columns that keep a value as JSON text. */
export const json = {
  to: (value: unknown) => (value === null ? null : JSON.stringify(value)),
  from: (value: string | null): unknown => (value === null ? null : JSON.parse(value)),
};
