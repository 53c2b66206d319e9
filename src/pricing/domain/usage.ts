import { createHash } from 'node:crypto';
import { stringify } from 'safe-stable-stringify';
import { EXTRACTORS, type Format, FORMATS } from './formats.js';
import { CALL_POOLS, type Pool, POOLS, type Pools } from './pools.js';
import { countIn, objectAt } from './raw-object.js';
import { UsageError } from './usage-error.js';

/** Usage as a request carries it: pools, or a provider's own object in `raw`, or a quantity of a meter. */
export interface UsageBody extends Partial<Record<Pool, number>> {
  model?: string;
  service_tier?: string;
  format?: Format;
  raw?: object;
  meter?: string;
  quantity?: number;
}

/** What a model used. */
export interface ModelUsage {
  readonly kind: 'model';
  /** As the caller names it: an id or an alias. */
  readonly model: string;
  /**
   * In lower case; null: the standard one. Where a provider's object says several things that change the price, their
   * names are joined by `+`, for example `batch+us`.
   */
  readonly serviceTier: string | null;
  readonly pools: Pools;
  readonly format: Format | null;
  /** SHA-256 of the provider's object as canonical JSON (sorted names, no white space), in hexadecimal. */
  readonly rawHash: string | null;
  /** A count of the provider's object that is known to be billed and has no pool: nothing prices this usage. */
  readonly unpriced: string | null;
}

/** What was used of something that is billed by the unit. */
export interface MeterUsage {
  readonly kind: 'meter';
  readonly meter: string;
  /** Millionths of the meter's unit, an integer above zero. */
  readonly quantity: number;
}

export type Usage = ModelUsage | MeterUsage;

/** Stored integers per unit of a meter. */
export const QUANTITY_SCALE = 1_000_000;
const MAX_QUANTITY = 1_000_000_000;
const MAX_NAME = 100;
const MEMBERS = new Set<string>([...POOLS, 'model', 'service_tier', 'format', 'raw', 'meter', 'quantity']);

/**
 * Reads usage.
 * @throws UsageError when it is malformed, contradicts itself, or is zero in sum
 */
export function readUsage(body: UsageBody): Usage {
  const members = Object.keys(body).filter((name) => body[name as keyof UsageBody] !== undefined);
  const unknown = members.find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw new UsageError(unknown, 'is not known');
  return body.meter === undefined && body.quantity === undefined ? readModel(body) : readMeter(body, members);
}

function readMeter(body: UsageBody, members: string[]): MeterUsage {
  const other = members.find((name) => name !== 'meter' && name !== 'quantity');
  if (other !== undefined) throw new UsageError(other, 'cannot stand beside a meter');
  const meter = nameIn('meter', body.meter);
  const stored = Math.round((body.quantity ?? 0) * QUANTITY_SCALE);
  if (!(stored > 0 && body.quantity! <= MAX_QUANTITY && stored / QUANTITY_SCALE === body.quantity))
    throw new UsageError(
      'quantity',
      `must be a number above 0 with at most 6 decimals, and at most ${MAX_QUANTITY.toLocaleString('en')}`,
    );
  return { kind: 'meter', meter, quantity: stored };
}

function readModel(body: UsageBody): ModelUsage {
  const model = nameIn('model', body.model);
  const beside = body.service_tier === undefined ? undefined : nameIn('service_tier', body.service_tier).toLowerCase();
  if (body.raw === undefined && body.format !== undefined) throw new UsageError('raw', 'must stand beside format');
  if (body.raw !== undefined) return readRaw(body, model, beside);
  const pools = poolsOf(body);
  if (isEmpty(pools)) throw new UsageError('', 'must count something above zero');
  return { kind: 'model', model, serviceTier: orStandard(beside), pools, format: null, rawHash: null, unpriced: null };
}

function readRaw(body: UsageBody, model: string, beside: string | undefined): ModelUsage {
  const format = FORMATS.find((each) => each === body.format);
  if (!format) throw new UsageError('format', `must be one of ${FORMATS.join(', ')}`);
  const doubled = POOLS.find((pool) => body[pool] !== undefined && !CALL_POOLS.includes(pool));
  if (doubled) throw new UsageError(doubled, 'cannot stand beside raw');
  const extracted = EXTRACTORS[format](objectAt('raw', body.raw));
  const twice = CALL_POOLS.find((pool) => body[pool] !== undefined && extracted.pools[pool] !== undefined);
  if (twice) throw new UsageError(twice, 'is in raw already');
  const { requests, web_searches } = body;
  const pools = poolsOf({ ...extracted.pools, ...(requests && { requests }), ...(web_searches && { web_searches }) });
  const unpriced = extracted.unpriced ?? null;
  if (isEmpty(pools) && unpriced === null) throw new UsageError('raw', 'must count something above zero');
  const serviceTier = tierOf(extracted.serviceTier, extracted.variants ?? [], beside);
  const rawHash = createHash('sha256').update(stringify(body.raw)!).digest('hex');
  return { kind: 'model', model, serviceTier, pools, format, rawHash, unpriced };
}

/**
 * The service tier, with what else changes the price.
 * @param said the provider's word for it, undefined without one
 */
function tierOf(said: string | undefined, variants: (string | undefined)[], beside: string | undefined): string | null {
  const more = variants.filter((each) => each !== undefined && orStandard(each) !== null);
  const joined = (tier: string | undefined) => [orStandard(tier), ...more].filter(Boolean).join('+') || null;
  const word = orStandard(beside);
  if (beside === undefined || (said !== undefined && word === orStandard(said))) return joined(said);
  if (word !== null && word === joined(said)) return word;
  if (said === undefined) return joined(beside);
  throw new UsageError('service_tier', `contradicts raw, where it is ${said}`);
}

function orStandard(tier: string | undefined): string | null {
  return tier === undefined || tier === 'standard' || tier === 'default' ? null : tier;
}

function poolsOf(body: Partial<Record<Pool, number>>): Pools {
  const pools: Partial<Record<Pool, number>> = {};
  for (const pool of POOLS) {
    const count = body[pool];
    if (count !== undefined && countIn(pool, count) > 0) pools[pool] = count;
  }
  return pools;
}

function isEmpty(pools: Pools): boolean {
  for (const _ in pools) return false;
  return true;
}

function nameIn(field: string, value: unknown): string {
  const fits = typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME;
  // What the database could not keep as it is.
  if (fits && !value.includes('\0') && value.isWellFormed()) return value;
  throw new UsageError(field, `must be well-formed text of 1 to ${MAX_NAME} characters, without NUL`);
}

/** What an entry keeps of usage: the pools, or the meter and its quantity. The model is a field of the entry. */
export interface UsageRecord extends Pools {
  service_tier?: string;
  format?: Format;
  /** The SHA-256 of the provider's object. */
  raw_sha256?: string;
  meter?: string;
  quantity?: number;
}

/** What an entry keeps of usage. Its text follows from it alone, so equal usage has equal text. */
export function usageRecord(usage: Usage): UsageRecord {
  if (usage.kind === 'meter') return { meter: usage.meter, quantity: usage.quantity / QUANTITY_SCALE };
  const { pools, serviceTier, format, rawHash } = usage;
  const record: UsageRecord = { ...pools };
  if (serviceTier !== null) record.service_tier = serviceTier;
  if (format !== null) record.format = format;
  if (rawHash !== null) record.raw_sha256 = rawHash;
  return record;
}

/** The text that an entry keeps. */
export function usageText(usage: Usage): string {
  return JSON.stringify(usageRecord(usage));
}

/** The number of tokens, for accounts that count them: the sum of all token pools. */
export function tokensOf({ pools }: ModelUsage): number {
  return POOLS.reduce((sum, pool) => (CALL_POOLS.includes(pool) ? sum : sum + (pools[pool] ?? 0)), 0);
}
