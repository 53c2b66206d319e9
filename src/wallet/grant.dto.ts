import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, Max, Min } from 'class-validator';
import { AccountField, OtherAccountField } from '../auth/index.js';
import { IsMetadata, IsText, PagingQuery, toInteger } from '../common/http/index.js';
import type { GrantCategory, GrantSource, GrantStatus } from '../ledger/index.js';
import { IsTime } from './time.rule.js';

/** The account of a deposit or token grant, and the terms of the grant that it makes. */
export class DepositTerms extends OtherAccountField {
  /**
   * At most 50 keys (1–40 characters) with strings (up to 500 characters), numbers or booleans.
   * @example { "ticket": "SUP-1204" }
   */
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string | number | boolean>;

  /**
   * `paid` or `promotional`; a deposit is `paid` and a token grant `promotional` unless it says otherwise.
   * @example "paid"
   */
  @IsOptional()
  @IsIn(['paid', 'promotional'])
  category?: GrantCategory;

  /**
   * 0–100, 50 when absent. The lowest burns first.
   * @example 50
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(100)
  priority?: number;

  /** When it expires: an ISO-8601 time in the future; not together with `expires_in_days`. Without either: never. */
  @ApiPropertyOptional({ format: 'date-time' })
  @IsOptional()
  @IsTime()
  expires_at?: string;

  /**
   * The days of 24 hours until it expires, 1–3650; not together with `expires_at`.
   * @example 365
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(3650)
  expires_in_days?: number;

  /**
   * `true`: an account that has never moved is a 404, which guards against a mistyped name.
   * @example false
   */
  @IsOptional()
  @IsBoolean()
  existing?: boolean;
}

/** The number of a grant in a path. */
export class GrantId {
  /**
   * The id of the transaction that made it.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  id: number;
}

/** Which grants to list. */
export class GrantsQuery extends IntersectionType(PagingQuery, AccountField) {
  /** Only grants of this status. */
  @IsOptional()
  @IsIn(['active', 'voided', 'expired', 'used'])
  status?: GrantStatus;

  /** Only grants of this category. */
  @IsOptional()
  @IsIn(['paid', 'promotional'])
  category?: GrantCategory;

  /** `asc`: oldest first; `desc`: newest first. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'asc';
}

/** Why an administrator forfeits what remains of a grant. */
export class VoidGrantDto {
  /**
   * The account of the grant: ids count within it.
   * @example "user:42"
   */
  @IsText(1, 205)
  account: string;

  /**
   * 1–500 characters. It becomes the description of the transaction.
   * @example "Promotion was granted twice"
   */
  @IsText(1, 500)
  reason: string;
}

/** Until when an administrator extends a grant, and why. */
export class ExtendGrantDto extends VoidGrantDto {
  /**
   * An ISO-8601 time, later than the grant expires now.
   * @example "2030-01-01T00:00:00.000Z"
   */
  @IsTime()
  expires_at: string;
}

/** A grant: an amount that came in together, with its own terms; amount = the sum of the other six amounts. */
export class BalanceGrantDto {
  /**
   * The id of the transaction that made it.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  id: number;

  /** @example "user:42" */
  account: string;

  @ApiProperty({ enum: ['deposit', 'grant', 'purchase', 'bonus', 'return', 'extension'] })
  source: GrantSource;

  /** @example 50 */
  amount: number;

  /**
   * Spent, or gone into a debt.
   * @example 12.5
   */
  used: number;

  /**
   * Kept by open holds.
   * @example 0
   */
  held: number;

  /** @example 0 */
  expired: number;

  /**
   * Forfeited, or moved into the grant that extends it.
   * @example 0
   */
  voided: number;

  /**
   * Taken back by refunds, disputes and reversals.
   * @example 0
   */
  taken_back: number;

  /** @example 37.5 */
  remaining: number;

  @ApiProperty({ enum: ['paid', 'promotional'] })
  category: GrantCategory;

  /**
   * 0–100, the lowest burns first.
   * @example 50
   */
  @ApiProperty({ type: 'integer' })
  priority: number;

  /**
   * Dollars that were paid for the whole.
   * @example 50
   */
  price: number;

  /** `active` while anything is remaining or held; else `voided`, `expired` or `used`, the first that has a share. */
  @ApiProperty({ enum: ['active', 'voided', 'expired', 'used'] })
  status: GrantStatus;

  /** When it expires; absent: never. */
  @ApiPropertyOptional({ format: 'date-time' })
  expires_at?: string;

  /** The purchase that brought it. */
  purchase_id?: string;

  /** The id of the grant that it extends. */
  @ApiPropertyOptional({ type: 'integer' })
  extends?: number;

  /** @example "2026-04-15T11:00:00.000Z" */
  created_at: string;
}

/** A part of a grant. */
export class GrantPartDto {
  /**
   * The id of the grant.
   * @example 1
   */
  @ApiProperty({ type: 'integer' })
  grant_id: number;

  /**
   * In the unit, more than 0.
   * @example 1.25
   */
  amount: number;
}
