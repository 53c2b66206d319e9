import type { Pool } from './pools.js';

/** Decimal strings: dollars per million tokens, per thousand of `requests` and `web_searches`. */
export type PricesBody = Partial<Record<Pool, string>>;

/** A model's prices. */
export interface ModelBody {
  id: string;
  aliases?: string[];
  prices: PricesBody;
  /** Prices for all of a request whose prompt has at least `from` tokens. */
  tiers?: { from: number; prices: PricesBody }[];
  /** Factors on every price, by the name of the service tier. */
  service_tiers?: Record<string, string>;
}

/** Something that is billed by the unit, at a decimal string of dollars. */
export interface MeterBody {
  id: string;
  unit_price: string;
  unit: string;
}

/** A rate card as it is made and shown. */
export interface RateCardBody {
  effective_from?: string;
  currency: 'USD';
  markup: string;
  models: ModelBody[];
  meters: MeterBody[];
  notes?: string[];
}

/** A bad line of a rate card. */
export interface Problem {
  /** For example `models[3].prices.input`. */
  field: string;
  message: string;
}

/** A rate card that prices usage. */
export interface RateCard {
  readonly version: number;
}

/** Every bad line of a rate card; empty when it is good. */
export function checkCard(_body: unknown): Problem[] {
  throw new Error('not written yet');
}

/** Makes a card that prices usage, of a body without problems. */
export function compileCard(_version: number, _body: RateCardBody): RateCard {
  throw new Error('not written yet');
}

/** The id of the model that an id or alias names. */
export function canonicalModel(_card: RateCard, _name: string): string | undefined {
  throw new Error('not written yet');
}
