import type { MeterBody, ModelBody, PricesBody, RateCardBody } from './card.js';
import { CALL_POOLS, type Pool } from './pools.js';

/** A card without the time from which it is in force; the markup is absent where it is in every price. */
export interface PriceList extends Omit<RateCardBody, 'markup' | 'effective_from'> {
  markup?: string;
}

/** The card as customers pay it: the markup is in every price and shown nowhere. */
export function withMarkup({ markup, models, meters, effective_from: _, ...rest }: RateCardBody): PriceList {
  const effective = (prices: PricesBody): PricesBody =>
    Object.fromEntries(
      Object.entries(prices).map(([pool, price]) => [pool, marked(price, markup, decimalsOf(pool as Pool))]),
    );
  return {
    ...rest,
    models: models.map((model): ModelBody => ({
      ...model,
      prices: effective(model.prices),
      ...(model.tiers && { tiers: model.tiers.map(({ from, prices }) => ({ from, prices: effective(prices) })) }),
    })),
    meters: meters.map((meter): MeterBody => ({ ...meter, unit_price: marked(meter.unit_price, markup, 12) })),
  };
}

/** A price of so many decimals is a whole number of 10⁻¹² dollars for one token, call or unit. */
const decimalsOf = (pool: Pool): number => (CALL_POOLS.includes(pool) ? 9 : 6);

/** A price with the markup, rounded up to 10⁻¹² dollars for one. */
function marked(price: string, markup: string, decimals: number): string {
  const places = fractionOf(markup).length;
  const exact = scaled(price, decimals) * scaled(markup, places);
  const divisor = 10n ** BigInt(places);
  return decimal((exact + divisor - 1n) / divisor, decimals);
}

const fractionOf = (text: string): string => text.split('.')[1] ?? '';

/** A decimal as a whole number of its last place. */
function scaled(text: string, decimals: number): bigint {
  return BigInt(text.split('.')[0]! + fractionOf(text).padEnd(decimals, '0'));
}

/** Without zeros at its end. */
function decimal(scaledBy: bigint, decimals: number): string {
  const digits = scaledBy.toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`.replace(/\.?0+$/, '');
}
