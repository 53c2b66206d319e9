import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { type ExactNumber, IsText } from '../common/http/index.js';
import { IsTime } from '../wallet/index.js';

/** Which priced spendings get the prices of which rate card. */
export class RepriceDto extends AccountField {
  /**
   * The beginning of the period, inclusive, as ISO-8601.
   * @example "2026-11-01T00:00:00Z"
   */
  @IsTime()
  from: string;

  /**
   * Its end, exclusive, at most 92 days later.
   * @example "2026-12-01T00:00:00Z"
   */
  @IsTime()
  to: string;

  /**
   * Only spendings of this model, by the id that they bear. Without it, of all models and meters.
   * @example "anthropic/claude-sonnet-4-5"
   */
  @IsOptional()
  @IsText(1, 100)
  model?: string;

  /**
   * The version of the rate card.
   * @example 2
   */
  @ApiProperty({ type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(2_147_483_647)
  rate_card: number;

  /**
   * `false` posts; otherwise the answer says what would be posted.
   * @example true
   */
  @ApiPropertyOptional()
  @IsOptional()
  @IsBoolean()
  dry_run: boolean = true;
}

/** A spending that keeps its price, and why. */
export class SkippedDto {
  /** @example 4521 */
  @ApiProperty({ type: 'integer' })
  transaction_id: number;

  /** @example "user:42" */
  account: string;

  /**
   * The code of the error that it met: `UNPRICED` when the card has no price for it, `INSUFFICIENT_CREDITS` when the
   * balance does not cover the difference, `ACCOUNT_FROZEN`, or `CONFLICT` when the balance has no room for it.
   * @example "INSUFFICIENT_CREDITS"
   */
  reason: string;
}

/** The outcome of a repricing. */
export class RepricingDto {
  /**
   * How many spendings got another price.
   * @example 1204
   */
  @ApiProperty({ type: 'integer' })
  entries: number;

  /**
   * Dollars that were charged in addition.
   * @example 12.5
   */
  @ApiProperty({ type: Number })
  increase: ExactNumber;

  /**
   * Dollars that were given back.
   * @example 340.75
   */
  @ApiProperty({ type: Number })
  decrease: ExactNumber;

  /** The spendings that keep their price; at most 10,000 are listed. */
  skipped: SkippedDto[];

  /** How many more were skipped; absent: none. */
  @ApiPropertyOptional({ type: 'integer' })
  skipped_more?: number;
}
