import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { type BookAccount, type BookRow, dayOf, type Line, POSTINGS, type Unit } from '../domain/index.js';

/** How the units that are owed to customers moved; those that went are positive. */
export interface LiabilityMoves {
  readonly opening: bigint;
  readonly sold: bigint;
  readonly granted: bigint;
  readonly spent: bigint;
  readonly expired: bigint;
  readonly refunded: bigint;
  readonly voided: bigint;
  readonly reversed: bigint;
  readonly closing: bigint;
}

/** The books of one unit over a time. Dollars are micro-dollars. */
export interface FinanceSummary {
  readonly unit: Unit;
  readonly paid: LiabilityMoves;
  readonly promotional: LiabilityMoves;
  /** Units of debt at the end. */
  readonly debt: bigint;
  readonly deferredRevenue: bigint;
  readonly recognizedRevenue: bigint;
  readonly breakage: bigint;
  readonly receivable: bigint;
}

/** What was debited to and credited to an account of the journal on one UTC day, in micro-dollars. */
export interface JournalLine {
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly unit: Unit;
  readonly account: BookAccount;
  readonly debit: bigint;
  readonly credit: bigint;
}

const BOOKED_UNITS: readonly Unit[] = ['USD', 'tokens'];
const ACCOUNTS = ['cash', 'deferred_revenue', 'revenue', 'breakage', 'receivable', 'promotional'] as const;
const DEBT = { owed: 1n, settled: -1n, waived: -1n } as const;

type Sum = Pick<BookRow, 'paid' | 'promotional' | 'dollars'>;
type RawRow = Record<'day' | 'unit' | 'line' | keyof Sum, string | number>;
const SUMS = `CAST(SUM(paid) AS CHAR) AS paid, CAST(SUM(promotional) AS CHAR) AS promotional,
  CAST(SUM(dollars) AS CHAR) AS dollars`;

/** Reads the books: sums by day, so a month costs the same whatever was booked in it. */
@Injectable()
export class FinanceReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** The books of a month (`2026-11`), each unit's. All that was booked before opens it; one statement, one moment. */
  async summary(month: string): Promise<FinanceSummary[]> {
    const { from, to } = daysOf(month);
    const rows = await this.dataSource.query<RawRow[]>(
      `SELECT 0 AS day, unit, line, ${SUMS} FROM finance_day WHERE day < ? GROUP BY unit, line
       UNION ALL
       SELECT 1, unit, line, ${SUMS} FROM finance_day WHERE day >= ? AND day < ? GROUP BY unit, line`,
      [from, from, to],
    );
    return summaryOf(rows.map(bookRow), 1);
  }

  /** The journal of a month (`2026-11`), the oldest day first. */
  async journal(month: string): Promise<JournalLine[]> {
    const { from, to } = daysOf(month);
    const rows = await this.dataSource.query<RawRow[]>(
      `SELECT day, unit, line, ${SUMS} FROM finance_day WHERE day >= ? AND day < ? GROUP BY day, unit, line`,
      [from, to],
    );
    return journalOf(rows.map(bookRow));
  }
}

/** The books of the days from `from` on; those before open them. */
export function summaryOf(rows: readonly BookRow[], from: number): FinanceSummary[] {
  return BOOKED_UNITS.map((unit) => {
    const ofUnit = rows.filter((row) => row.unit === unit);
    const [before, during] = [ofUnit.filter(({ day }) => day < from), ofUnit.filter(({ day }) => day >= from)];
    return {
      unit,
      paid: movesOf(before, during, 'paid'),
      promotional: movesOf(before, during, 'promotional'),
      debt: ofUnit.reduce(
        (sum, { line, paid }) => (line in DEBT ? sum + DEBT[line as keyof typeof DEBT] * paid : sum),
        0n,
      ),
      deferredRevenue: -debited(ofUnit, 'deferred_revenue'),
      recognizedRevenue: -debited(during, 'revenue'),
      breakage: -debited(during, 'breakage'),
      receivable: debited(ofUnit, 'receivable'),
    };
  });
}

/** Each line of the books posts as much to one account as to another, so every day balances. */
export function journalOf(rows: readonly BookRow[]): JournalLine[] {
  const lines = new Map<string, { -readonly [field in keyof JournalLine]: JournalLine[field] }>();
  const post = ({ day, unit }: BookRow, account: BookAccount, side: 'debit' | 'credit', dollars: bigint) => {
    const key = `${day} ${unit} ${account}`;
    const line = lines.get(key) ?? { day, unit, account, debit: 0n, credit: 0n };
    line[side] += dollars;
    lines.set(key, line);
  };
  for (const row of withoutExtensions(rows)) {
    const { dollars } = row;
    const [first, second] = POSTINGS[row.line];
    if (dollars === 0n) continue;
    post(row, dollars > 0n ? first : second, 'debit', dollars > 0n ? dollars : -dollars);
    post(row, dollars > 0n ? second : first, 'credit', dollars > 0n ? dollars : -dollars);
  }
  const place = ({ unit, account }: JournalLine) => BOOKED_UNITS.indexOf(unit) * 10 + ACCOUNTS.indexOf(account);
  return [...lines.values()].sort((a, b) => a.day - b.day || place(a) - place(b));
}

/** What moved into an extension was no breakage. */
function withoutExtensions(rows: readonly BookRow[]): BookRow[] {
  const extended = new Map(rows.flatMap((row) => (row.line === 'extended' ? [[dayAndUnit(row), row.dollars]] : [])));
  const voided = rows.map((row) =>
    row.line === 'voided' ? { ...row, dollars: row.dollars + (extended.get(dayAndUnit(row)) ?? 0n) } : row,
  );
  return voided.filter(({ line }) => line !== 'extended');
}

function dayAndUnit({ day, unit }: BookRow): string {
  return `${day} ${unit}`;
}

function movesOf(
  before: readonly BookRow[],
  during: readonly BookRow[],
  category: 'paid' | 'promotional',
): LiabilityMoves {
  const sum = (rows: readonly BookRow[], isMeant: (line: Line) => boolean) =>
    rows.reduce((total, row) => (isMeant(row.line) ? total + row[category] : total), 0n);
  const of = (...lines: Line[]) => sum(during, (line) => lines.includes(line));
  const opening = sum(before, isLiability);
  return {
    opening,
    sold: of('sold'),
    granted: of('granted', 'extended'),
    spent: -of('spent'),
    expired: -of('expired'),
    refunded: -of('refunded', 'collected'),
    voided: -of('voided'),
    reversed: of('reversed', 'unsold'),
    closing: opening + sum(during, isLiability),
  };
}

/** Whether a line moves what is owed to customers. */
function isLiability(line: Line): boolean {
  return POSTINGS[line][1] === 'deferred_revenue';
}

/** The sum of what was debited to an account, less what was credited. */
function debited(rows: readonly BookRow[], account: BookAccount): bigint {
  return rows.reduce((sum, { line, dollars }) => {
    const [debit, credit] = POSTINGS[line];
    return sum + (debit === account ? dollars : 0n) - (credit === account ? dollars : 0n);
  }, 0n);
}

/** The first days of a UTC month and of the next one. */
function daysOf(month: string): { from: number; to: number } {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return { from: dayOf(Date.UTC(year, number - 1, 1)), to: dayOf(Date.UTC(year, number, 1)) };
}

function bookRow({ day, unit, line, paid, promotional, dollars }: RawRow): BookRow {
  const sums = { paid: BigInt(paid), promotional: BigInt(promotional), dollars: BigInt(dollars) };
  return { day: Number(day), unit: unit as Unit, line: line as Line, ...sums };
}
