import type { Pool, Pools } from './pools.js';

/** The formats of providers' usage objects that are understood. */
export const FORMATS = ['openai_chat', 'openai_responses', 'anthropic', 'gemini', 'bedrock'] as const;
export type Format = (typeof FORMATS)[number];

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
  /** null: the standard one. */
  readonly serviceTier: string | null;
  readonly pools: Pools;
  readonly format: Format | null;
  /** SHA-256 of the provider's object as canonical JSON, in hexadecimal. */
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

/** Usage that is malformed, contradicts itself or amounts to nothing. */
export class UsageError extends Error {
  /** @param field below `usage`, for example `raw.prompt_tokens` */
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads usage.
 * @throws UsageError
 */
export function readUsage(_body: UsageBody): Usage {
  throw new Error('not written yet');
}

/**
 * The text that an entry keeps: the pools, `service_tier`, `format`, `raw_sha256`; or `meter` and `quantity`. The
 * model is a field of the entry.
 */
export function usageText(_usage: Usage): string {
  throw new Error('not written yet');
}

/** The number of tokens, for accounts that count them: the sum of all token pools. */
export function tokensOf(_usage: ModelUsage): number {
  throw new Error('not written yet');
}
