/** For BIGINT columns, which arrive as text from one driver and as numbers from the other; all of ours are below 2^53. */
export const integer = {
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};
