import type { RateCard } from './card.js';
import type { Pool } from './pools.js';
import type { Usage } from './usage.js';

/** How an amount came about. Prices and amounts are exact decimal strings of dollars. */
export interface Evidence {
  rate_card: number;
  model?: string;
  meter?: string;
  /** The `from` of the tier that applied. */
  tier?: number;
  service_tier?: string;
  lines: { pool?: Pool; meter?: string; quantity: number; unit_price: string; amount: string }[];
  /** The sum of the lines, before it is rounded up to a micro-dollar. */
  exact: string;
}

export interface Priced {
  /** Micro-dollars. */
  readonly amount: number;
  /** The id of the model; null for a meter. */
  readonly model: string | null;
  readonly pricing: Evidence;
}

export interface Unpriced {
  readonly unpriced: { model?: string; meter?: string; pool?: string; service_tier?: string; nearest?: string[] };
}

/** Prices usage, exactly. */
export function price(_card: RateCard, _usage: Usage): Priced | Unpriced {
  throw new Error('not written yet');
}
