/** What a balance counts. An owner has one account per unit. */
export type Unit = 'USD' | 'tokens';

/** How a unit is stored and how far it reaches. */
export interface UnitRule {
  /** Stored integers per one of the unit: micro-dollars for USD, one for tokens. */
  readonly scale: number;
  /** Amounts and balances stay within ± this many stored integers. */
  readonly limit: number;
}

/**
 * Stored numbers stay below 2^53, where JSON numbers are exact integers. Dollars end earlier, at 2^33: from there on doubles lie more than a
 * micro-dollar apart, so two amounts would share one JSON number and one of them would be rounded silently.
 */
export const UNITS: Readonly<Record<Unit, UnitRule>> = {
  USD: { scale: 1_000_000, limit: 2 ** 33 * 1_000_000 - 1 },
  tokens: { scale: 1, limit: Number.MAX_SAFE_INTEGER },
};

/**
 * The stored integer of an amount as JSON carries it; undefined when it is no multiple of the smallest part or beyond the limit.
 * The product can miss by one near the limit, so its neighbours are tried too; dividing back decides.
 */
export function toStored(unit: Unit, amount: number): number | undefined {
  const { scale, limit } = UNITS[unit];
  const near = Math.round(amount * scale);
  return [near, near - 1, near + 1].find((stored) => Math.abs(stored) <= limit && stored / scale === amount);
}

/** The amount as JSON carries it: the double nearest to the exact decimal. */
export function fromStored(unit: Unit, stored: number): number {
  return stored / UNITS[unit].scale;
}

/** The exact decimal of a stored integer, however large: sums of amounts end nowhere. */
export function decimalOf(unit: Unit, stored: bigint): string {
  const decimals = Math.log10(UNITS[unit].scale);
  const digits = (stored < 0n ? -stored : stored).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(whole.length).replace(/0+$/, '');
  return `${stored < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}
