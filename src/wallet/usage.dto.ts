import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsOptional, ValidateIf } from 'class-validator';
import { fieldRule, IsText } from '../common/http/index.js';
import { FORMATS, type Format, type UsageBody } from '../pricing/index.js';

/** The members of usage are checked where it is read: once, and with all that they say together. */
const IsUsage = fieldRule('isUsage', (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : 'must be an object',
);

/** Checks an amount only where no usage and no quote stands in its place. */
export const UnlessUsage = () =>
  ValidateIf(({ usage, quote_id }: ChargeFields) => usage === undefined && quote_id === undefined);

/** What usage leaves of itself in a transaction: how much of each pool, which exclude each other. */
export class PoolsDto {
  /**
   * Tokens of the prompt that are in no other pool. Like every pool, a whole number.
   * @example 1200
   */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  input?: number;

  /**
   * Tokens of the prompt that were read from a cache.
   * @example 800
   */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  cache_read?: number;

  /** Tokens that were written to a cache for 5 minutes, or for as long as the provider says. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  cache_write?: number;

  /** Tokens that were written to a cache for an hour. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  cache_write_1h?: number;

  /**
   * Tokens of the answer that are in no other pool.
   * @example 350
   */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  output?: number;

  /** Tokens of reasoning. Without a price of their own they cost as much as output. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  reasoning?: number;

  /** Tokens of audio in the prompt. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  input_audio?: number;

  /** Tokens of audio in the answer. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  output_audio?: number;

  /** Tokens of images in the prompt. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  input_image?: number;

  /** Tokens of images in the answer. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  output_image?: number;

  /** Calls that are billed by the call. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  requests?: number;

  /** Searches of the web. */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  web_searches?: number;
}

/**
 * What was used. Of a model: its pools, or the provider's own object in `raw` with its `format`. Of anything else: a
 * `quantity` of a `meter`.
 */
export class UsageDto extends PoolsDto implements UsageBody {
  /**
   * The model, by its id or an alias in the rate card: 1–100 characters.
   * @example "anthropic/claude-sonnet-4-5"
   */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  model?: string;

  /**
   * The provider's service tier, such as `batch`; absent, `standard` and `default` mean none.
   */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  service_tier?: string;

  /** Whose object `raw` is. */
  @ApiPropertyOptional({ enum: FORMATS })
  format?: Format;

  /**
   * The provider's `usage` or `usageMetadata` object, unchanged. Only `requests` and `web_searches` stand beside it.
   */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  raw?: object;

  /**
   * The meter, by its id in the rate card; it stands alone with `quantity`.
   */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  meter?: string;

  /** How much, in the meter's unit: more than 0, at most six decimals. */
  @ApiPropertyOptional({ minimum: 0.000001, maximum: 1_000_000_000 })
  quantity?: number;
}

/** What a model used. Its tokens are counted, so it needs no price. */
export class ModelUsageDto extends OmitType(UsageDto, ['meter', 'quantity']) {}

/** What can stand in place of an amount of credits. */
export class ChargeFields {
  /**
   * What was used; the rate card prices it. It stands in place of `amount`, not together with it.
   * @example { "model": "anthropic/claude-sonnet-4-5", "input": 1200, "cache_read": 800, "output": 350 }
   */
  @IsOptional()
  @IsUsage()
  usage?: UsageDto;

  /**
   * The quote whose prices are used, not together with `amount`. It goes with `usage` of the same model or meter; in a
   * hold it stands alone, and its amount is the hold's.
   */
  @IsOptional()
  @IsText(1, 100)
  quote_id?: string;
}

/** What can stand in place of a number of tokens. */
export class CountFields {
  /**
   * What a model used; the tokens of all pools are counted. It stands in place of `amount`, not together with it.
   * @example { "model": "anthropic/claude-sonnet-4-5", "input": 1200, "cache_read": 800, "output": 350 }
   */
  @IsOptional()
  @IsUsage()
  usage?: ModelUsageDto;
}

/** The usage of a transaction. */
export class UsedDto extends PoolsDto {
  /** The provider's service tier; absent: the standard one. */
  service_tier?: string;

  /** Whose object the usage was read from. */
  @ApiPropertyOptional({ enum: FORMATS })
  format?: Format;

  /** The SHA-256 of that object as canonical JSON, in hexadecimal. */
  raw_sha256?: string;

  meter?: string;

  /** In the meter's unit. */
  quantity?: number;
}

/** A pool or meter of a pricing. */
export class PricingLineDto {
  /** @example "input" */
  pool?: string;

  meter?: string;

  /**
   * Tokens, calls, or units of the meter.
   * @example 1200
   */
  quantity: number;

  /**
   * Dollars for one, exactly.
   * @example "0.00000375"
   */
  unit_price: string;

  /**
   * Dollars, exactly.
   * @example "0.0045"
   */
  amount: string;
}

/** How an amount follows from usage. */
export class PricingDto {
  /**
   * The version of the rate card.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  rate_card: number;

  /** @example "anthropic/claude-sonnet-4-5" */
  model?: string;

  meter?: string;

  /** The size of prompt from which the prices apply; absent: the usual ones. */
  @ApiPropertyOptional({ type: 'integer' })
  tier?: number;

  service_tier?: string;

  lines: PricingLineDto[];

  /**
   * The sum of the lines in dollars, before it is rounded up to a micro-dollar.
   * @example "0.0045"
   */
  exact: string;
}
