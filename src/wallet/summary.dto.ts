import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { ExactNumber } from '../common/http/index.js';

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

  /**
   * What expired, counted when it was due. Absent: nothing.
   * @example 10
   */
  @ApiPropertyOptional({ type: Number })
  expired?: ExactNumber;

  /**
   * What was forfeited, or moved into an extension. Absent: nothing.
   * @example 10
   */
  @ApiPropertyOptional({ type: Number })
  voided?: ExactNumber;

  /**
   * What reversals gave back, less what they took. Absent: nothing.
   * @example 10
   */
  @ApiPropertyOptional({ type: Number })
  reversed?: ExactNumber;

  /** @example 12 */
  transaction_count: number;
}

/**
 * What happened to a balance in a time; opening + deposited − debited − refunded − expired − voided +
 * reversed = closing.
 */
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

  /**
   * What expired, counted when it was due. Zero or more.
   * @example 0
   */
  @ApiProperty({ type: Number })
  total_expired: ExactNumber;

  /**
   * What was forfeited, or moved into an extension. Zero or more.
   * @example 0
   */
  @ApiProperty({ type: Number })
  total_voided: ExactNumber;

  /**
   * What reversals gave back, less what they took.
   * @example 0
   */
  @ApiProperty({ type: Number })
  total_reversed: ExactNumber;

  /** @example 12 */
  transaction_count: number;

  /** The days or months in which something happened, oldest first. */
  series: SeriesItemDto[];
}
