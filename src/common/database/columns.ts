/** For BIGINT columns with values below 2^53. One driver returns them as text, the other as numbers. */
export const integer = {
  asIs: true,
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};

/** For BIGINT sums that may exceed 2^53. One driver reads them as doubles, so a query must select them as text. */
export const sum = {
  to: (value: bigint) => value.toString(),
  from: (value: string) => BigInt(value),
};

/** For columns that store a value as JSON text. */
export const json = {
  to: (value: unknown) => (value === null ? null : JSON.stringify(value)),
  from: (value: string | null): unknown => (value === null ? null : JSON.parse(value)),
};
