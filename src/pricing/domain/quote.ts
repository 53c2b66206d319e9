import type { RateCard } from './card.js';
import { linesOf, price, type Priced, rate, rateOf, type Unpriced } from './price.js';
import { type Pool, POOLS } from './pools.js';
import { countIn } from './raw-object.js';
import { type ModelUsage, readUsage, type Usage, type UsageBody } from './usage.js';
import { UsageError } from './usage-error.js';

/** What is going to be used at most: `max_output` takes the place of `output` and `reasoning`. */
export interface QuoteBody extends Omit<UsageBody, 'output' | 'reasoning' | 'format' | 'raw'> {
  max_output?: number;
}

/**
 * Prices usage that has not happened yet, `max_output` at the dearer of output and reasoning.
 * @throws UsageError as `readUsage` and `price` do
 */
export function quote(card: RateCard, body: QuoteBody): Priced | Unpriced {
  const usage = readQuote(body);
  return price(card, usage.kind === 'meter' || body.max_output === undefined ? usage : atTheDearer(card, usage));
}

/**
 * The largest `max_output` that `available` micro-dollars pay, rounding included, at most the one that is asked for;
 * 0 when the input alone is too dear, and where there is no price.
 * @throws UsageError as `readUsage` does
 */
export function affordableMaxOutput(card: RateCard, body: QuoteBody, available: number): number {
  const asked = readQuote(body);
  if (asked.kind === 'meter' || body.max_output === undefined) return 0;
  const usage = atTheDearer(card, asked);
  const rating = rate(card, usage);
  if ('unpriced' in rating) return 0;
  const { output = 0, reasoning = 0, ...named } = usage.pools;
  const fixed = linesOf(rating.rates, named);
  const unit = rateOf(rating.rates, POOLS.indexOf(reasoning > 0 ? 'reasoning' : 'output'));
  if (typeof fixed === 'string' || !unit) return 0;
  // The sum rounded up is within the available amount exactly when the sum itself is.
  const left = BigInt(Math.max(available, 0)) * 1_000_000n - BigInt(fixed.sum);
  const most = output + reasoning;
  if (left < 0n) return 0;
  const unitPrice = BigInt(unit.price);
  return unitPrice === 0n || left / unitPrice >= BigInt(most) ? most : Number(left / unitPrice);
}

function readQuote({ max_output, ...body }: QuoteBody): Usage {
  for (const field of ['format', 'raw']) if (field in body) throw new UsageError(field, 'is no field of a quote');
  if (max_output === undefined) return readUsage(body);
  if (body.meter !== undefined || body.quantity !== undefined)
    throw new UsageError('max_output', 'cannot stand beside a meter');
  for (const field of ['output', 'reasoning'])
    if (field in body) throw new UsageError(field, 'can not stand beside max_output');
  countIn('max_output', max_output);
  return readUsage({ ...body, output: max_output });
}

/** The same usage with its output counted as reasoning, where that is dearer. */
function atTheDearer(card: RateCard, usage: ModelUsage): ModelUsage {
  const { output, ...others } = usage.pools;
  const rating = rate(card, usage);
  if (output === undefined || 'unpriced' in rating) return usage;
  const of = (pool: Pool) => rateOf(rating.rates, POOLS.indexOf(pool))?.price;
  const [outputPrice, reasoningPrice] = [of('output'), of('reasoning')];
  if (outputPrice === undefined || reasoningPrice === undefined || reasoningPrice <= outputPrice) return usage;
  return { ...usage, pools: { ...others, reasoning: output } };
}
