import type { RateCard } from './card.js';
import type { Priced, Unpriced } from './price.js';
import type { UsageBody } from './usage.js';

/** What is going to be used at most: `max_output` takes the place of `output` and `reasoning`. */
export interface QuoteBody extends Omit<UsageBody, 'output' | 'reasoning' | 'format' | 'raw'> {
  max_output?: number;
}

/** Prices usage that has not happened yet, `max_output` at the dearer of output and reasoning. */
export function quote(_card: RateCard, _usage: QuoteBody): Priced | Unpriced {
  throw new Error('not written yet');
}

/**
 * The largest `max_output` that `available` micro-dollars pay, rounding included, at most the one asked for; 0 when
 * the input alone is too dear.
 */
export function affordableMaxOutput(_card: RateCard, _usage: QuoteBody, _available: number): number {
  throw new Error('not written yet');
}
