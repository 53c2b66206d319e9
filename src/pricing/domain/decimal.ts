/** Digits of the numbers that prices and factors are computed with: 10⁻¹² dollars, and 10⁻¹² of a factor. */
export const PRICE_DECIMALS = 12;

/**
 * The integer of a decimal string, in units of its `decimals`-th decimal. Undefined when it is not written as one, is
 * negative, or has more decimals.
 */
export function parseDecimal(text: unknown, decimals: number): bigint | undefined {
  if (typeof text !== 'string' || text.length > 40) return undefined;
  const [, whole, fraction = ''] = /^(0|[1-9]\d*)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === undefined || fraction.length > decimals) return undefined;
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

/** The shortest decimal string of an integer above or equal to zero, in units of its `decimals`-th decimal. */
export function formatDecimal(value: number | bigint, decimals: number): string {
  const digits = value.toString().padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  let end = digits.length;
  while (end > point && digits.charCodeAt(end - 1) === ZERO_DIGIT) end--;
  return end === point ? digits.slice(0, point) : `${digits.slice(0, point)}.${digits.slice(point, end)}`;
}

const ZERO_DIGIT = 48;

/** The quotient, rounded up. Both are above or equal to zero. */
export function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

/** A product of two integers above or equal to zero: a number where that is exact. */
export function times(a: number, b: number | bigint): number | bigint {
  const product = typeof b === 'number' ? a * b : Infinity;
  return product <= Number.MAX_SAFE_INTEGER ? product : BigInt(a) * BigInt(b);
}

/** A sum of two integers above or equal to zero: a number where that is exact. */
export function add(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === 'number' && typeof b === 'number' && a + b <= Number.MAX_SAFE_INTEGER) return a + b;
  return BigInt(a) + BigInt(b);
}

/** The integer as a number where that is exact. */
export function compact(value: bigint): number | bigint {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
