/** For BIGINT columns, which arrive as text from one driver and as numbers from the other; all of ours are below 2^53. */
export const integer = {
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};

/** For BIGINT columns whose sums may be beyond 2^53. One driver reads them as doubles, so a query has to ask for them as text. */
export const sum = {
  to: (value: bigint) => value.toString(),
  from: (value: string) => BigInt(value),
};
