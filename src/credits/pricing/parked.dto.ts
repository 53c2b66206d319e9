import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsText, PagingQuery } from '../../common/http/index.js';

/** Which parked usage to list. */
export class ParkedQuery extends PagingQuery {
  /** Only usage of this account, such as `user:42`. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;

  /** `parked`: what waits; `posted`: what has become a debit. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['parked', 'posted'])
  status: 'parked' | 'posted' = 'parked';
}

/** Why usage is parked. */
export class ParkedReasonDto {
  /** @example "UNPRICED" */
  code: string;

  /** @example "Nothing prices this usage, so nothing was charged." */
  message: string;

  /** As in the error of a request. */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  details: object | null;
}

/** Usage that waits for a price. */
export class ParkedUsageDto {
  /** @example "park_0123456789abcdef0123456789abcdef" */
  id: string;

  /** @example "user:42" */
  account: string;

  status: 'parked' | 'posted';

  /**
   * What was used, as it was sent, without a `raw` of more than 4,096 characters.
   * @example { "model": "house/new-model", "input": 1200, "output": 350 }
   */
  @ApiProperty({ type: 'object', additionalProperties: true })
  usage: object;

  /** @example "Agent run #4521" */
  description?: string;

  /** What the client attached. */
  @ApiPropertyOptional({ type: 'object', additionalProperties: true })
  metadata?: Record<string, string | number | boolean>;

  /** @example "researcher" */
  agent?: string;

  /** @example "run-4521" */
  run_id?: string;

  /** The model that was named beside the usage. */
  model?: string;

  /**
   * Who asked for it.
   * @example "user:42"
   */
  actor: string;

  /** The key that the client sent. */
  idempotency_key?: string;

  /**
   * The trace id of the request.
   * @example "4bf92f3577b34da6a3ce929d0e0e4736"
   */
  trace_id: string;

  /** Why it was not posted, the last time that it was tried. */
  reason: ParkedReasonDto;

  /** The debit that it became, by its number within the account. */
  @ApiPropertyOptional({ type: 'integer' })
  transaction_id?: number;

  /** @example "2026-04-15T11:00:00.000Z" */
  created_at: string;

  /** When posting was tried last; absent: never. */
  tried_at?: string;
}

/** Which parked usage to post. */
export class PostParkedDto {
  /** Only usage of this account, such as `user:42`; by default all. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;
}

/** What came of posting. */
export class PostedParkedDto {
  /**
   * How many became debits.
   * @example 12
   */
  @ApiProperty({ type: 'integer' })
  posted: number;

  /**
   * How many were tried and stay parked, each with its reason.
   * @example 0
   */
  @ApiProperty({ type: 'integer' })
  parked: number;

  /**
   * Whether to ask again: some was not tried since the card in force was made, or this request posted some and did
   * not try all. Who asks until it is false comes to an end.
   * @example false
   */
  more: boolean;
}
