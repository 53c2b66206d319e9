import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsInt, IsObject, IsOptional, Max, Min } from 'class-validator';
import { AccountField } from '../../auth/index.js';
import { PoolsDto, PricingDto } from '../../wallet/index.js';

/** What is going to be used: of a model its pools, with `max_output` for all of its output; or of a meter. */
export class QuotedUsageDto extends OmitType(PoolsDto, ['output', 'reasoning']) {
  /**
   * The model, by its id or an alias in the rate card.
   * @example "anthropic/claude-sonnet-4-5"
   */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  model?: string;

  /** The provider's service tier, such as `batch`; absent, `standard` and `default` mean none. */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  service_tier?: string;

  /**
   * The most tokens of output and reasoning together; they are quoted at the dearer of the two prices.
   * @example 4000
   */
  @ApiPropertyOptional({ type: 'integer', minimum: 0 })
  max_output?: number;

  /** The meter, by its id in the rate card; it stands alone with `quantity`. */
  @ApiPropertyOptional({ minLength: 1, maxLength: 100 })
  meter?: string;

  /** How much, in the meter's unit: more than 0, at most six decimals. */
  @ApiPropertyOptional({ minimum: 0.000001 })
  quantity?: number;
}

/** What to quote. */
export class NewQuoteDto extends AccountField {
  /**
   * What is going to be used.
   * @example { "model": "anthropic/claude-sonnet-4-5", "input": 12000, "max_output": 4000 }
   */
  @IsObject()
  usage: QuotedUsageDto;

  /**
   * Seconds until it expires, 1–3600; 300 by default.
   * @example 300
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3_600)
  expires_in?: number;
}

/** What usage would cost, and the rate card that it binds. Amounts are US dollars. */
export class QuoteDto {
  /**
   * Names the quote in a debit, capture or hold of the same account.
   * @example "quo_0123456789abcdef0123456789abcdef"
   */
  id: string;

  /** @example "user:42" */
  account: string;

  /**
   * What the usage costs at most, rounded up to a micro-dollar.
   * @example 0.096
   */
  amount: number;

  /** How the amount follows from the usage. */
  pricing: PricingDto;

  /**
   * The version of the rate card that it binds.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  rate_card: number;

  /**
   * The available balance.
   * @example 140
   */
  available: number;

  /**
   * Whether the available balance pays the amount.
   * @example true
   */
  affordable: boolean;

  /**
   * The most output that the available balance pays, at most `max_output`; 0 when the input alone is too dear; absent
   * where no `max_output` was sent.
   * @example 4000
   */
  @ApiPropertyOptional({ type: 'integer' })
  affordable_max_output?: number;

  /**
   * From then on it binds nothing.
   * @example "2026-04-15T11:05:00.000Z"
   */
  expires_at: string;
}
