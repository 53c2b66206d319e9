import { ApiProperty, ApiPropertyOptional, IntersectionType, OmitType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import type { HoldStatus } from '../ledger/index.js';
import { toTime } from './time.rule.js';
import { AccountField } from '../auth/index.js';
import { FormatField, IsText, PagingQuery, toDecimal, toInteger } from '../common/http/index.js';
import { DimensionFields } from './dimensions.dto.js';
import { GrantsQuery } from './grant.dto.js';

const toDate = ({ value }: { value: unknown }): Date => toTime(value);

/** The time that a list or a summary covers. */
export class PeriodQuery extends AccountField {
  /**
   * Only what happened at this time or later: ISO-8601 such as `2026-04-01T00:00:00Z`; a date alone means its start in
   * UTC.
   */
  @IsOptional()
  @Transform(toDate)
  @IsDate({ message: 'from must be an ISO-8601 date or time with a zone' })
  from?: Date;

  /** Only what happened before this time. */
  @IsOptional()
  @Transform(toDate)
  @IsDate({ message: 'to must be an ISO-8601 date or time with a zone' })
  to?: Date;
}

/** What transactions must be; a list of those that are has a cursor in place of an offset. */
export class TransactionFilter extends DimensionFields {
  /** Only what this actor did: `user:<sub>`, `admin:<sub>` or `system`. */
  @IsOptional()
  @IsText(1, 210)
  actor?: string;

  /** Only captures of this hold. */
  @IsOptional()
  @IsText(1, 40)
  hold_id?: string;

  /** Only what belongs to this purchase. */
  @IsOptional()
  @IsText(1, 40)
  purchase_id?: string;

  /** Only amounts from this one on, without regard to their sign. */
  @ApiPropertyOptional({ minimum: 0 })
  @IsOptional()
  @Transform(toDecimal)
  @IsNumber({ allowNaN: false }, { message: 'min_amount must be a number of at least 0 with at most six decimals' })
  min_amount?: number;

  /** Only amounts up to this one, without regard to their sign. */
  @ApiPropertyOptional({ minimum: 0 })
  @IsOptional()
  @Transform(toDecimal)
  @IsNumber({ allowNaN: false }, { message: 'max_amount must be a number of at least 0 with at most six decimals' })
  max_amount?: number;

  /**
   * Only descriptions in which each of these words occurs, also as a part of another word and in whatever case: at most
   * 200 characters.
   */
  @IsOptional()
  @IsText(0, 200)
  q?: string;
}

/** Which transactions to list. */
export class HistoryQuery extends IntersectionType(
  OmitType(PagingQuery, ['offset']),
  IntersectionType(PeriodQuery, TransactionFilter),
) {
  /** How many transactions to pass over; 0 when absent. Not with a filter, whose list goes on by `cursor`. */
  @ApiPropertyOptional({ type: 'integer', default: 0 })
  @IsOptional()
  @Transform(toInteger)
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  offset?: number;

  /** The `next_cursor` of the page before, with the same account, filter and order. */
  @IsOptional()
  @IsText(1, 200)
  cursor?: string;

  /** `asc`: oldest first; `desc`: newest first. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'asc';
}

/** Which transactions to export: those of any period, up to the last one when it begins. */
export class TransactionsExportQuery extends IntersectionType(
  OmitType(HistoryQuery, ['limit', 'offset', 'cursor']),
  FormatField,
) {}

/** Which holds to list. */
export class HoldsQuery extends IntersectionType(PagingQuery, AccountField) {
  /** Only holds of this status. */
  @IsOptional()
  @IsIn(['open', 'captured', 'released', 'expired'])
  status?: HoldStatus;

  /** `asc`: oldest first; `desc`: newest first. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'asc';
}

/** Which grants to export, by the time when they were made. */
export class GrantsExportQuery extends IntersectionType(
  OmitType(GrantsQuery, ['limit', 'offset']),
  IntersectionType(PeriodQuery, FormatField),
) {}

/** What a usage summary covers. */
export class SummaryQuery extends PeriodQuery {
  /** The length of the periods in `series`, in UTC. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['day', 'month'])
  group_by: 'day' | 'month' = 'day';
}

/** The number of a transaction in a path. */
export class TransactionId {
  /**
   * Counts 1, 2, 3 … within the account.
   * @example 2
   */
  @ApiProperty({ type: 'integer' })
  @Transform(toInteger)
  @IsInt()
  @Min(1)
  id: number;
}
