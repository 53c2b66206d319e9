import type { RateCard, Rate, Rates } from './card.js';
import { add, formatDecimal, PRICE_DECIMALS, times } from './decimal.js';
import { type Pool, POOLS, type Pools, PROMPT_POOLS } from './pools.js';
import { type MeterUsage, type ModelUsage, QUANTITY_SCALE, type Usage } from './usage.js';
import { UsageError } from './usage-error.js';

/** One line of a receipt. */
export interface Line {
  pool?: Pool;
  meter?: string;
  /** Tokens or calls; of a meter its units. */
  quantity: number;
  /** The effective price of one. */
  unit_price: string;
  amount: string;
}

/** How an amount came about. Prices and amounts are exact decimal strings of dollars. */
export interface Evidence {
  rate_card: number;
  model?: string;
  meter?: string;
  /** The `from` of the tier that applied. */
  tier?: number;
  service_tier?: string;
  lines: Line[];
  /** The sum of the lines, before it is rounded up to a micro-dollar. */
  exact: string;
}

export interface Priced {
  /** Micro-dollars, above zero. */
  readonly amount: number;
  /** The id of the model; null for a meter. */
  readonly model: string | null;
  readonly pricing: Evidence;
}

/** Why nothing prices the usage: the first thing that has no price. */
export interface Unpriced {
  readonly unpriced: { model?: string; meter?: string; pool?: string; service_tier?: string; nearest?: string[] };
}

/** What prices a model's usage. */
export interface Rating {
  readonly model: string;
  readonly rates: Rates;
}

/** 10⁻¹² dollars in a micro-dollar. */
const MICRO = 1_000_000;
/** What the ledger holds at most: beyond it a JSON number no longer tells micro-dollars apart. */
const MAX_AMOUNT = 2 ** 33 * 1_000_000 - 1;
const REASONING = POOLS.indexOf('reasoning');
const OUTPUT = POOLS.indexOf('output');

/**
 * Prices usage, exactly.
 * @throws UsageError when it costs nothing, or more than the ledger holds
 */
export function price(card: RateCard, usage: Usage): Priced | Unpriced {
  if (usage.kind === 'meter') return priceMeter(card, usage);
  const rating = rate(card, usage);
  return 'unpriced' in rating ? rating : priceLines(card, usage, rating);
}

/** Finds what prices a model's usage, by its service tier and the size of its prompt. */
export function rate(card: RateCard, { model: name, serviceTier, pools, unpriced }: ModelUsage): Rating | Unpriced {
  const model = card.model(name);
  if (!model) return { unpriced: withNearest({ model: name }, card.nearest('models', name)) };
  if (unpriced !== null) return { unpriced: { model: model.id, pool: unpriced } };
  const tiers = card.rates(model, serviceTier);
  if (!tiers) return { unpriced: { model: model.id, service_tier: card.missingTier(model, serviceTier!) } };
  const prompt = tiers.length === 1 ? 0 : promptOf(pools);
  return { model: model.id, rates: tiers.find(({ from }) => from === undefined || from <= prompt)! };
}

/** The rate of a pool. Reasoning without a price costs what output does. */
export function rateOf({ rates }: Rates, pool: number): Rate | undefined {
  return rates[pool] ?? (pool === REASONING ? rates[OUTPUT] : undefined);
}

/** The exact cost in 10⁻¹² dollars, and its lines; or the first pool that has no price. */
export function linesOf(rates: Rates, pools: Pools): { lines: Line[]; sum: number | bigint } | Pool {
  const lines: Line[] = [];
  let sum: number | bigint = 0;
  for (let i = 0; i < POOLS.length; i++) {
    const pool = POOLS[i]!;
    const quantity = pools[pool];
    if (quantity === undefined) continue;
    const unit = rateOf(rates, i);
    if (!unit) return pool;
    const amount = times(quantity, unit.price);
    lines.push({ pool, quantity, unit_price: unit.text, amount: formatDecimal(amount, PRICE_DECIMALS) });
    sum = add(sum, amount);
  }
  return { lines, sum };
}

function priceLines(card: RateCard, { serviceTier, pools }: ModelUsage, { model, rates }: Rating): Priced | Unpriced {
  const priced = linesOf(rates, pools);
  if (typeof priced === 'string') return { unpriced: { model, pool: priced } };
  const pricing: Evidence = {
    rate_card: card.version,
    model,
    ...(rates.from !== undefined && { tier: rates.from }),
    ...(serviceTier !== null && { service_tier: serviceTier }),
    lines: priced.lines,
    exact: formatDecimal(priced.sum, PRICE_DECIMALS),
  };
  return { amount: roundUp(priced.sum, MICRO), model, pricing };
}

function priceMeter(card: RateCard, { meter, quantity }: MeterUsage): Priced | Unpriced {
  const unit = card.meterRate(meter);
  if (!unit) return { unpriced: withNearest({ meter }, card.nearest('meters', meter)) };
  const cost = times(quantity, unit.price);
  const exact = formatDecimal(cost, PRICE_DECIMALS + Math.log10(QUANTITY_SCALE));
  const line: Line = { meter, quantity: quantity / QUANTITY_SCALE, unit_price: unit.text, amount: exact };
  const pricing: Evidence = { rate_card: card.version, meter, lines: [line], exact };
  return { amount: roundUp(cost, MICRO * QUANTITY_SCALE), model: null, pricing };
}

/** The micro-dollars that a cost takes, rounded up once. */
function roundUp(cost: number | bigint, perMicro: number): number {
  const amount =
    typeof cost === 'number'
      ? (cost - (cost % perMicro)) / perMicro + (cost % perMicro === 0 ? 0 : 1)
      : Number((cost + BigInt(perMicro) - 1n) / BigInt(perMicro));
  if (amount === 0) throw new UsageError('', 'costs nothing, so there is nothing to charge');
  if (amount > MAX_AMOUNT) throw new UsageError('', 'costs more than an account can hold');
  return amount;
}

function promptOf(pools: Pools): number {
  let sum = 0;
  for (const pool of PROMPT_POOLS) sum += pools[pool] ?? 0;
  return sum;
}

function withNearest<T extends object>(named: T, found: string[]): T & { nearest?: string[] } {
  return found.length > 0 ? { ...named, nearest: found } : named;
}
