import { Controller, Get, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AdminOnly } from '../auth/index.js';
import { data, type Data, Endpoint, exactNumber, ExactNumbers } from '../common/http/index.js';
import {
  decimalOf,
  FinanceReader,
  type FinanceSummary,
  type JournalLine,
  type LiabilityMoves,
  startOfDay,
  type Unit,
} from '../ledger/index.js';
import {
  FinanceSummaryDto,
  JournalDto,
  JournalQuery,
  type LiabilityDto,
  MonthQuery,
  type UnitBooksDto,
} from './finance.dto.js';

/** The month's closing, for accountants. */
@ApiTags('Admin: finance')
@Controller('admin/finance')
export class FinanceController {
  constructor(private readonly reader: FinanceReader) {}

  @Get('summary')
  @AdminOnly()
  @ExactNumbers()
  @Endpoint({
    summary: "A month's books",
    description:
      'What is owed to customers in units, paid and promotional apart, and what that is worth in dollars of its price. A month that has not begun has the balances of now, and nothing moves in it. Expiry is booked on the day on which it was due, once the sweep has ended the grant, which takes seconds.',
    answers: FinanceSummaryDto,
    errors: ['FORBIDDEN'],
  })
  summary(@Query() { month }: MonthQuery): Promise<Data<FinanceSummaryDto>> {
    const units = this.reader.summary(month).then((summaries) => summaries.map(booksOf));
    return data(units.then((each) => ({ month, units: each })));
  }

  @Get('journal')
  @AdminOnly()
  @ExactNumbers()
  @Endpoint({
    summary: "A month's journal",
    description:
      'Debits and credits in dollars by day, unit and account. Each day balances. With `format=csv` the answer is a file (`text/csv`) with the same columns and no sums.',
    answers: JournalDto,
    as: 'bare',
    errors: ['FORBIDDEN'],
  })
  async journal(
    @Query() { month, format }: JournalQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JournalDto | string> {
    const lines = await this.reader.journal(month);
    if (format === 'json') return journalOf(month, lines);
    void reply
      .type('text/csv; charset=utf-8')
      .header('Content-Disposition', `attachment; filename="journal-${month}.csv"`);
    return csvOf(lines);
  }
}

const dollars = (amount: bigint) => exactNumber(decimalOf('USD', amount));

function booksOf({ unit, paid, promotional, debt, ...money }: FinanceSummary): UnitBooksDto {
  const total = Object.fromEntries(
    Object.entries(paid).map(([name, amount]) => [name, amount + promotional[name as keyof LiabilityMoves]]),
  ) as unknown as LiabilityMoves;
  return {
    unit,
    paid: liabilityOf(unit, paid),
    promotional: liabilityOf(unit, promotional),
    total: liabilityOf(unit, total),
    debt: exactNumber(decimalOf(unit, debt)),
    deferred_revenue: dollars(money.deferredRevenue),
    recognized_revenue: dollars(money.recognizedRevenue),
    breakage: dollars(money.breakage),
    receivable: dollars(money.receivable),
  };
}

function liabilityOf(unit: Unit, { opening, closing, ...moves }: LiabilityMoves): LiabilityDto {
  const shown = (amount: bigint) => exactNumber(decimalOf(unit, amount));
  return {
    opening_liability: shown(opening),
    sold: shown(moves.sold),
    granted: shown(moves.granted),
    spent: shown(moves.spent),
    expired: shown(moves.expired),
    refunded: shown(moves.refunded),
    voided: shown(moves.voided),
    reversed: shown(moves.reversed),
    closing_liability: shown(closing),
  };
}

function journalOf(month: string, lines: readonly JournalLine[]): JournalDto {
  const sum = (side: 'debit' | 'credit') => dollars(lines.reduce((total, line) => total + line[side], 0n));
  return {
    data: lines.map(({ day, unit, account, debit, credit }) => {
      return { date: dateOf(day), unit, account, debit: dollars(debit), credit: dollars(credit) };
    }),
    meta: { month, debit: sum('debit'), credit: sum('credit') },
  };
}

/** No field can hold a comma, a quote or a formula, so none is quoted. */
function csvOf(lines: readonly JournalLine[]): string {
  const rows = lines.map(({ day, unit, account, debit, credit }) =>
    [dateOf(day), unit, account, decimalOf('USD', debit), decimalOf('USD', credit)].join(','),
  );
  return ['date,unit,account,debit,credit', ...rows, ''].join('\r\n');
}

function dateOf(day: number): string {
  return new Date(startOfDay(day)).toISOString().slice(0, 10);
}
