import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import type { ExactNumber } from '../common/http/index.js';

/** Which month's books. */
export class MonthQuery {
  /** A month in UTC, such as `2026-11`; the running one when absent. */
  @ApiPropertyOptional()
  @IsOptional()
  @Matches(/^\d{4}-(0[1-9]|1[0-2])$/, { message: 'month must be a year and a month such as 2026-11' })
  month: string = new Date().toISOString().slice(0, 7);
}

/** Which month's journal, and in which form. */
export class JournalQuery extends MonthQuery {
  /** `json`: in the envelope; `csv`: a file with a header line, as RFC 4180 has it. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['json', 'csv'])
  format: 'json' | 'csv' = 'json';
}

/**
 * How the liability moved: the units that are owed to customers, which is what remains or is held of their grants.
 * opening_liability + sold + granted − spent − expired − refunded − voided + reversed = closing_liability, always.
 *
 * Debt is no part of it: a refund counts here when it takes units. What it can't take because it is spent is debt, and
 * counts as `refunded` when it is paid from what comes in or back.
 */
export class LiabilityDto {
  /**
   * Units owed before the month.
   * @example 60
   */
  @ApiProperty({ type: Number })
  opening_liability: ExactNumber;

  /**
   * Units that money was paid for: purchases and paid deposits.
   * @example 190
   */
  @ApiProperty({ type: Number })
  sold: ExactNumber;

  /**
   * Units given without money: promotions, bonuses, token grants. An extension counts as voided, and as granted in the
   * category of the grant that it extends.
   * @example 0
   */
  @ApiProperty({ type: Number })
  granted: ExactNumber;

  /**
   * Units spent: debits, consumption and captures.
   * @example 80
   */
  @ApiProperty({ type: Number })
  spent: ExactNumber;

  /**
   * Units that expired, counted on the day on which they were due.
   * @example 10
   */
  @ApiProperty({ type: Number })
  expired: ExactNumber;

  /**
   * Units that refunds and disputes took, less those that they gave back, and units that paid debts.
   * @example 20
   */
  @ApiProperty({ type: Number })
  refunded: ExactNumber;

  /**
   * Units that administrators voided, and those that moved into extensions.
   * @example 0
   */
  @ApiProperty({ type: Number })
  voided: ExactNumber;

  /**
   * Units that reversals gave back, less those that reversals of deposits and grants took.
   * @example 5
   */
  @ApiProperty({ type: Number })
  reversed: ExactNumber;

  /**
   * Units owed at the end of the month; now, in the running one.
   * @example 145
   */
  @ApiProperty({ type: Number })
  closing_liability: ExactNumber;
}

/** A month's books of one unit. Units are dollars of credits, or tokens; money is in dollars. */
export class UnitBooksDto {
  /** What the units are. */
  @ApiProperty({ enum: ['USD', 'tokens'], example: 'USD' })
  unit: 'USD' | 'tokens';

  /** Grants that were paid for. */
  paid: LiabilityDto;

  /** Grants that were given. */
  promotional: LiabilityDto;

  /** Both together. */
  total: LiabilityDto;

  /**
   * Units that customers owe, because a refund or a dispute took back what they had spent; at the end of the month, or
   * now.
   * @example 0
   */
  @ApiProperty({ type: Number })
  debt: ExactNumber;

  /**
   * Dollars: the price of what remains or is held of paid grants, at the end of the month or now.
   * @example 135.5
   */
  @ApiProperty({ type: Number })
  deferred_revenue: ExactNumber;

  /**
   * Dollars: the price of what was spent in the month, less what refunds and reversals took from it.
   * @example 72.25
   */
  @ApiProperty({ type: Number })
  recognized_revenue: ExactNumber;

  /**
   * Dollars: the price of what expired or was voided in the month. Extensions are none of it.
   * @example 10
   */
  @ApiProperty({ type: Number })
  breakage: ExactNumber;

  /**
   * Dollars that went back for the units of `debt`, at the end of the month or now.
   * @example 0
   */
  @ApiProperty({ type: Number })
  receivable: ExactNumber;
}

/** A month's books. */
export class FinanceSummaryDto {
  /** @example "2026-11" */
  month: string;

  /** Credits, then tokens. */
  units: UnitBooksDto[];
}

/** What one account of the journal was debited and credited on one day. */
export class JournalLineDto {
  /**
   * The day, in UTC.
   * @example "2026-11-03"
   */
  date: string;

  /** The unit whose movements it books. */
  @ApiProperty({ enum: ['USD', 'tokens'], example: 'USD' })
  unit: 'USD' | 'tokens';

  /** The account of the journal. */
  @ApiProperty({
    enum: ['cash', 'deferred_revenue', 'revenue', 'breakage', 'receivable', 'promotional'],
    example: 'cash',
  })
  account: string;

  /**
   * Dollars, with at most six decimals. Zero or more.
   * @example 90
   */
  @ApiProperty({ type: Number })
  debit: ExactNumber;

  /**
   * Dollars, with at most six decimals. Zero or more.
   * @example 0
   */
  @ApiProperty({ type: Number })
  credit: ExactNumber;
}

/** The sums of a journal. */
export class JournalMetaDto {
  /** @example "2026-11" */
  month: string;

  /**
   * Dollars: the sum of all debits, which is the sum of all credits.
   * @example 90
   */
  @ApiProperty({ type: Number })
  debit: ExactNumber;

  /**
   * Dollars: the sum of all credits.
   * @example 90
   */
  @ApiProperty({ type: Number })
  credit: ExactNumber;
}

/** A month's journal, whole: at most 31 days of twelve lines. */
export class JournalDto {
  /** The oldest day first; the debits and credits of each day and unit are equal. */
  data: JournalLineDto[];

  meta: JournalMetaDto;
}
