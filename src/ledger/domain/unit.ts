/** The unit that a balance counts. An owner has one account per unit. */
export type Unit = 'USD' | 'tokens';

declare const stored: unique symbol;
/** An amount as the ledger stores it: an integer of the unit's smallest parts. */
export type Stored = number & { readonly [stored]: true };

declare const json: unique symbol;
/** An amount as JSON carries it: dollars with at most six decimals, or whole tokens. */
export type JsonAmount = number & { readonly [json]: true };

/** How a unit is stored and how far it reaches. */
interface UnitRule {
  /** Stored integers per one of the unit: micro-dollars for USD, one for tokens. */
  readonly scale: number;
  /** Amounts and balances stay within ± this many stored integers. */
  readonly limit: Stored;
}

/** No amount. */
export const ZERO = 0 as Stored;

/**
 * Stored numbers stay below 2^53, where JSON numbers are exact integers. Dollars end earlier, at 2^33: from there on
 * doubles lie more than a micro-dollar apart, so two amounts would share one JSON number and one of them would be
 * rounded silently.
 */
export const UNITS: Readonly<Record<Unit, UnitRule>> = {
  USD: { scale: 1_000_000, limit: (2 ** 33 * 1_000_000 - 1) as Stored },
  tokens: { scale: 1, limit: Number.MAX_SAFE_INTEGER as Stored },
};

/** The sum of two amounts. */
export function plus(a: Stored, b: Stored): Stored {
  return (a + b) as Stored;
}

/** The first amount less the second. */
export function minus(a: Stored, b: Stored): Stored {
  return (a - b) as Stored;
}

/** The amount with the other sign. */
export function negate(amount: Stored): Stored {
  return minus(ZERO, amount);
}

/**
 * The stored integer of an amount as JSON carries it; undefined when it is no multiple of the smallest part or beyond
 * the limit. The product can miss by one near the limit, so its neighbours are tried too; dividing back decides.
 */
export function toStored(unit: Unit, amount: number): Stored | undefined {
  const { scale, limit } = UNITS[unit];
  const near = Math.round(amount * scale);
  return [near, near - 1, near + 1].find((each) => Math.abs(each) <= limit && each / scale === amount) as
    Stored | undefined;
}

/** The amount as JSON carries it: the double nearest to the exact decimal. */
export function fromStored(unit: Unit, amount: Stored): JsonAmount {
  return (amount / UNITS[unit].scale) as JsonAmount;
}

/** The exact decimal of a stored integer, however large: sums of amounts end nowhere. */
export function decimalOf(unit: Unit, amount: bigint): string {
  const decimals = Math.log10(UNITS[unit].scale);
  const digits = (amount < 0n ? -amount : amount).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(whole.length).replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${whole}${fraction && `.${fraction}`}`;
}
