import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsOptional, Min } from 'class-validator';
import type { HoldStatus } from '../ledger/index.js';
import { AccountField } from '../auth/index.js';
import { type ExactNumber, PagingQuery, toInteger } from '../common/http/index.js';

const TIME = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** A date alone means its first moment in UTC. JavaScript rolls 31 February over into March, which we call no date. */
const toDate = ({ value }: { value: unknown }): Date => {
  const [, year, month, day] = TIME.exec(String(value)) ?? [];
  const exists = day !== undefined && new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  return new Date(exists ? String(value) : NaN);
};

/** The time that a list or a summary covers. */
class PeriodQuery extends AccountField {
  /** Only what happened at this time or later: ISO-8601 such as `2026-04-01T00:00:00Z`; a date alone means its start in UTC. */
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

/** One movement of a balance. Amounts are in the unit of the ledger: dollars with up to six decimals for credits, whole numbers for tokens. */
export class TransactionDto {
  /**
   * Counts 1, 2, 3 … within the account, without a gap.
   * @example 2
   */
  @ApiProperty({ type: 'integer' })
  id: number;

  /** What kind of movement it is. */
  type: string;

  /** Signed: negative when it was taken from the balance. */
  amount: number;

  /** The balance right after it. */
  balance_after: number;

  /** What it was for, in the words of whoever made it. */
  description: string | null;

  /**
   * When it was made.
   * @example "2026-04-15T11:00:00.000Z"
   */
  created_at: string;

  /**
   * What the client attached; null when nothing.
   * @example { "agent": "researcher", "run": 4521 }
   */
  metadata: Record<string, string | number | boolean> | null;

  /**
   * The language model that used the tokens.
   * @example "large-2026-10"
   */
  model?: string;

  /**
   * The hold that it captured.
   * @example "hold_7_12"
   */
  hold_id?: string;

  /** The purchase that it belongs to. */
  purchase_id?: string;
}

/** A balance; available = balance − held. */
export class BalanceDto {
  balance: number;
  available: number;
  held: number;
}

/** An amount kept back. It lowers `available` at once and never `balance`; after `expires_at` what remains of it is available again. */
export class HoldDto {
  /** @example "hold_7_12" */
  id: string;

  status: HoldStatus;

  /**
   * What was kept back at first, in the unit.
   * @example 5
   */
  amount: number;

  /**
   * What captures took of it.
   * @example 1.25
   */
  captured: number;

  /**
   * What was given back: nothing while it is open, then what the captures left.
   * @example 0
   */
  released: number;

  /** @example "2026-04-15T12:00:00.000Z" */
  expires_at: string;

  /** @example "Agent run #4521" */
  description: string | null;

  /** @example { "agent": "researcher" } */
  metadata: Record<string, string | number | boolean> | null;

  /** @example "2026-04-15T11:00:00.000Z" */
  created_at: string;
}

/** Why an item of a batch was refused. */
export class BatchErrorDto {
  /** @example "INSUFFICIENT_CREDITS" */
  code: string;

  /** @example "The available credits are less than the amount." */
  message: string;

  /** What a client can act on, as in the error of a single request. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  details: unknown;
}

/** What became of one item of a batch. */
export class BatchResultDto {
  status: 'posted' | 'rejected';

  /** The transaction, when it was posted. */
  transaction?: TransactionDto;

  /** The error, when it was rejected. */
  error?: BatchErrorDto;
}

/** How many items of a batch were posted and rejected. */
export class BatchMetaDto {
  /** @example 99 */
  @ApiProperty({ type: 'integer' })
  posted: number;

  /** @example 1 */
  @ApiProperty({ type: 'integer' })
  rejected: number;
}

/** A result for each item of a batch, in order. */
export class BatchAnswer {
  data: BatchResultDto[];

  meta: BatchMetaDto;
}

/** The time that a summary covers: from inclusive, to exclusive. */
export class PeriodDto {
  /** @example "2026-04-01T00:00:00.000Z" */
  from: string;

  /** @example "2026-05-01T00:00:00.000Z" */
  to: string;
}

/** One day or month of a summary. */
export class SeriesItemDto {
  /**
   * The day (`2026-04-15`) or month (`2026-04`), in UTC.
   * @example "2026-04-15"
   */
  period: string;

  /**
   * What came in: deposits and purchases, or grants and purchases of tokens. Zero or more.
   * @example 250
   */
  @ApiProperty({ type: Number })
  deposited: ExactNumber;

  /**
   * What was spent. Zero or more.
   * @example 108
   */
  @ApiProperty({ type: Number })
  debited: ExactNumber;

  /**
   * What refunds took back, less what they gave back.
   * @example 0
   */
  @ApiProperty({ type: Number })
  refunded: ExactNumber;

  /** @example 12 */
  transaction_count: number;
}

/** What happened to a balance in a time; opening + deposited − debited − refunded = closing. */
export class SummaryDto {
  period: PeriodDto;

  /**
   * The balance right before the time.
   * @example 0
   */
  opening_balance: number;

  /**
   * The balance at its end.
   * @example 142
   */
  closing_balance: number;

  /**
   * What came in. Zero or more.
   * @example 250
   */
  @ApiProperty({ type: Number })
  total_deposited: ExactNumber;

  /**
   * What was spent. Zero or more.
   * @example 108
   */
  @ApiProperty({ type: Number })
  total_debited: ExactNumber;

  /**
   * What refunds took back, less what they gave back.
   * @example 0
   */
  @ApiProperty({ type: Number })
  total_refunded: ExactNumber;

  /** @example 12 */
  transaction_count: number;

  /** The days or months in which something happened, oldest first. */
  series: SeriesItemDto[];
}
