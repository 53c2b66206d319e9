import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsOptional, Min } from 'class-validator';
import type { HoldStatus } from '../ledger/index.js';
import { toTime } from './time.rule.js';
import { AccountField } from '../auth/index.js';
import { PagingQuery, toInteger } from '../common/http/index.js';

const toDate = ({ value }: { value: unknown }): Date => toTime(value);

/** The time that a list or a summary covers. */
class PeriodQuery extends AccountField {
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

/** Which transactions to list. */
export class HistoryQuery extends IntersectionType(PagingQuery, PeriodQuery) {
  /** `asc`: oldest first; `desc`: newest first. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['asc', 'desc'])
  order: 'asc' | 'desc' = 'asc';
}

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
