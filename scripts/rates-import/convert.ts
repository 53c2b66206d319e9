import type { ModelInfo, ModelPrice, TieredPrices } from '@pydantic/genai-prices';
import { type ModelBody, type Pool, POOLS, priceDecimals, type PricesBody } from '../../src/pricing/domain/index.js';
import { parseDecimal } from '../../src/pricing/domain/decimal.js';
import type { ProviderRule } from './providers.js';

/** The library's units and the pools that they are. A unit that is not here has no pool. */
const POOL_OF: Readonly<Record<string, Pool>> = {
  input_mtok: 'input',
  cache_read_mtok: 'cache_read',
  cache_write_mtok: 'cache_write',
  cache_write_1h_mtok: 'cache_write_1h',
  output_mtok: 'output',
  output_reasoning_mtok: 'reasoning',
  input_audio_mtok: 'input_audio',
  output_audio_mtok: 'output_audio',
  input_image_mtok: 'input_image',
  output_image_mtok: 'output_image',
  requests_kcount: 'requests',
  web_searches_kcount: 'web_searches',
};

/** Words of the data's own comments on prices that nobody has looked up at the provider's. */
const HEARSAY = /openrouter pricing|open router|on OpenRouter|trusting/i;

/** A model of the card, or why it is not on it; and what a reader should know of it. */
export interface Converted {
  readonly model?: ModelBody;
  readonly left?: string;
  readonly remarks: readonly string[];
}

/**
 * Turns a model of the data into a line of the card.
 * @param day prices are those in force then, in ISO 8601
 */
export function convert(rule: ProviderRule, info: ModelInfo, day: string): Converted {
  const left = reasonToLeave(rule, info);
  if (left !== undefined) return { left, remarks: [] };
  const { prices, remarks } = pricesOn(info, day);
  try {
    const { base, tiers } = splitTiers(prices);
    const [own, ...others] = [base, ...tiers.map((tier) => tier.prices)].map((each) => completed(rule, info.id, each));
    if (Object.keys(own!).length === 0) return { left: 'has no price for any pool', remarks: [] };
    return {
      model: {
        id: `${rule.name}/${(rule.rename ?? String)(info.id)}`,
        aliases: exactNames(rule, info),
        prices: own!,
        ...(tiers.length > 0 && { tiers: tiers.map(({ from }, i) => ({ from, prices: others[i]! })) }),
        ...(rule.batch?.test(info.id) && { service_tiers: { batch: '0.5' } }),
      },
      remarks: [...remarks, ...cachedMedia(prices)],
    };
  } catch (error) {
    return { left: (error as Error).message, remarks: [] };
  }
}

function reasonToLeave({ without }: ProviderRule, { id, deprecated, price_comments: comments }: ModelInfo) {
  if (deprecated) return 'is deprecated';
  if (without?.test(id)) return 'is left out by decision: it is old, or its price in the data is doubtful';
  return comments && HEARSAY.test(comments) ? 'has a price that the data took from a reseller' : undefined;
}

/** The prices of a day: the last that has begun, at the dearest hours. */
function pricesOn({ prices }: ModelInfo, day: string): { prices: ModelPrice; remarks: string[] } {
  if (!Array.isArray(prices)) return { prices, remarks: [] };
  let chosen: ModelPrice = {};
  const remarks: string[] = [];
  for (const { constraint, prices: each } of prices) {
    if (constraint?.type === 'start_date' && constraint.start_date > day) {
      remarks.push(`has other prices from ${constraint.start_date} on`);
      continue;
    }
    if (constraint?.type !== 'time_of_date' || firstPrice(each) > firstPrice(chosen)) chosen = each;
  }
  return { prices: chosen, remarks };
}

function firstPrice(prices: ModelPrice): number {
  const value = prices['input_mtok'];
  return typeof value === 'object' ? value.base : (value ?? 0);
}

const isTiered = (value: number | TieredPrices | undefined): value is TieredPrices => typeof value === 'object';

/** The library names each unit's steps, "more than start"; a card names all prices of each step, "at least from". */
function splitTiers(prices: ModelPrice): { base: PricesBody; tiers: { from: number; prices: PricesBody }[] } {
  const starts = Object.values(prices).flatMap((value) =>
    isTiered(value) ? value.tiers.map(({ start }) => start) : [],
  );
  const above = (start: number | undefined) =>
    Object.fromEntries(
      Object.entries(prices).flatMap(([unit, value]) => {
        const pool = POOL_OF[unit];
        return pool && value !== undefined ? [[pool, exact(pool, priceAbove(value, start))]] : [];
      }),
    ) as PricesBody;
  const tiers = [...new Set(starts)].sort((a, b) => a - b).map((start) => ({ from: start + 1, prices: above(start) }));
  return { base: above(undefined), tiers };
}

function priceAbove(value: number | TieredPrices, start: number | undefined): number {
  if (!isTiered(value)) return value;
  const reached = value.tiers.filter((tier) => start !== undefined && tier.start <= start);
  return reached.reduce((last, tier) => (tier.start >= last.start ? tier : last), { start: -1, price: value.base })
    .price;
}

/**
 * The shortest decimal of a double.
 * @throws Error when it has more decimals than a card's prices, so that it is a rounding error or no price at all
 */
function exact(pool: Pool, value: number): string {
  const text = String(value);
  if (parseDecimal(text, priceDecimals(pool)) === undefined)
    throw new Error(`has an inexact price, ${text} for ${pool}`);
  return text;
}

/** With images and audio at the price of text where the provider charges it, in the order of the pools. */
function completed(rule: ProviderRule, id: string, prices: PricesBody): PricesBody {
  const all: PricesBody = {
    ...(rule.imageAsText?.test(id) && { input_image: prices.input }),
    ...(rule.audioAsText?.test(id) && { input_audio: prices.input }),
    ...prices,
  };
  return Object.fromEntries(POOLS.flatMap((pool) => (all[pool] === undefined ? [] : [[pool, all[pool]]])));
}

/** Cached audio and images have no pool of their own. */
function cachedMedia(prices: ModelPrice): string[] {
  const cached = JSON.stringify(prices['cache_read_mtok']);
  return ['audio', 'image'].flatMap((medium) => {
    const own = prices[`cache_${medium}_read_mtok`];
    return own === undefined || JSON.stringify(own) === cached
      ? []
      : [`cached ${medium} costs what cached text does; the provider asks $${JSON.stringify(own)} per million`];
  });
}

/** The names by which the data knows the model exactly; patterns match too much. */
function exactNames(rule: ProviderRule, { id, match }: ModelInfo): string[] {
  const clauses = 'or' in match ? match.or : [match];
  const equal = clauses.flatMap((clause) => ('equals' in clause ? [clause.equals] : []));
  const names = new Set([id, ...equal, ...(rule.snapshots?.[id] ?? [])]);
  return [...names].filter((name) => name !== `${rule.name}/${id}`).sort();
}
