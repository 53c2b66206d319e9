import type { DataSource } from 'typeorm';
import { exactNumber } from '../common/http/index.js';
import { dayOf, decimalOf, type EntryType, fromStored, startOfDay, type Unit } from './domain/index.js';
import type { SeriesItemDto, SummaryDto, SummaryQuery } from './ledger.dto.js';
import { AccountRow, DailyTotalRow } from './ledger.entities.js';
import { typesOf } from './ledger.store.js';
import { findPositions, type Position } from './positions.js';

/** What one type of entry came to on one day. */
interface DaySum {
  readonly day: number;
  readonly type: EntryType;
  readonly amount: bigint;
  readonly count: number;
}

/** What several came to, by what it means to the customer; stored integers. */
interface Sum {
  deposited: bigint;
  debited: bigint;
  refunded: bigint;
  count: number;
}

/** Of a period that cuts a day, the part in which that day lies. */
interface Cut {
  readonly day: number;
  readonly from: number;
  readonly to: number;
}

const DEFAULT_DAYS = 30;
const MAX_DAY = 2 ** 31 - 1;

/**
 * Sums whole days from the daily totals, and the days that the period cuts from the sums that entries carry: so the cost grows with neither. The
 * account and the totals come from one statement, so they show one moment; the entries up to it never change.
 */
export async function summarize(dataSource: DataSource, owner: string, unit: Unit, query: SummaryQuery): Promise<SummaryDto> {
  const now = Date.now();
  const to = query.to?.getTime() ?? now;
  // Whole days by default: today and the twenty-nine before it, when `to` is now.
  const from = query.from?.getTime() ?? startOfDay(dayOf(to - 1) - DEFAULT_DAYS + 1);
  const { first, last, cuts } = daysOf(from, query.to ? to : undefined);
  const account = await read(dataSource, owner, unit, first, last);
  let [opening, closing, sums]: [number, number, DaySum[]] = [0, 0, []];
  if (account) {
    const { id, sequence: length, types } = account;
    const cutTimes = cuts.flatMap((cut) => [cut.from, cut.to]);
    const positions = await findPositions(dataSource, id, [
      { time: from, length },
      ...(query.to ? [{ time: to, length }] : []),
      ...Object.entries(types).flatMap(([type, { count }]) =>
        [...new Set(cutTimes)].map((time) => ({ time, type: type as EntryType, length: count })),
      ),
    ]);
    const find = (time: number, type?: EntryType) => positions.find((each) => each.time === time && each.type === type)!;
    [opening, closing] = [find(from).balance, query.to ? find(to).balance : account.balance];
    const edges = cuts.flatMap((cut) =>
      (Object.keys(types) as EntryType[]).map((type) => between(cut.day, type, find(cut.from, type), find(cut.to, type))),
    );
    sums = [...account.totals, ...edges.filter(({ count }) => count > 0)].sort((a, b) => a.day - b.day);
  }
  const { all, series } = sumUp(sums, query.group_by);
  const exact = (stored: bigint) => exactNumber(decimalOf(unit, stored));
  return {
    period: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    opening_balance: fromStored(unit, opening),
    closing_balance: fromStored(unit, closing),
    total_deposited: exact(all.deposited),
    total_debited: exact(all.debited),
    total_refunded: exact(all.refunded),
    transaction_count: all.count,
    series: [...series].map(([period, { deposited, debited, refunded, count }]): SeriesItemDto => ({
      period,
      deposited: exact(deposited),
      debited: exact(debited),
      refunded: exact(refunded),
      transaction_count: count,
    })),
  };
}

/** The account with the totals of its days from `first` to `last`. */
async function read(dataSource: DataSource, owner: string, unit: Unit, first: number, last: number) {
  const rows = await dataSource
    .createQueryBuilder(AccountRow, 'a')
    .leftJoin(DailyTotalRow, 't', 't.account_id = a.id AND t.day BETWEEN :first AND :last', { first, last })
    .select(['a.id AS id', 'a.balance AS balance', 'a.sequence AS sequence', 'a.types AS types'])
    .addSelect(['t.day AS day', 't.type AS type', 'CAST(t.amount AS CHAR) AS amount', 't.count AS count'])
    .where({ owner, unit })
    .getRawMany<Record<'id' | 'balance' | 'sequence' | 'types' | 'day' | 'type' | 'amount' | 'count', string | number | null>>();
  const [row] = rows;
  if (!row) return undefined;
  const totals = rows
    .filter(({ day }) => day !== null)
    .map(({ day, type, amount, count }) => ({
      day: Number(day),
      type: type as EntryType,
      amount: BigInt(amount!),
      count: Number(count),
    }));
  return { id: Number(row.id), balance: Number(row.balance), sequence: Number(row.sequence), types: typesOf(String(row.types)), totals };
}

/** The days that lie wholly in the period, and those that it cuts. Without an end the last day is whole: it has no entries beyond now. */
function daysOf(from: number, to: number | undefined): { first: number; last: number; cuts: Cut[] } {
  const first = dayOf(from - 1) + 1;
  const last = to === undefined ? MAX_DAY : dayOf(to) - 1;
  if (to !== undefined && first > last + 1) return { first, last, cuts: [{ day: dayOf(from), from, to }] };
  const cuts: Cut[] = [];
  if (startOfDay(first) > from) cuts.push({ day: first - 1, from, to: startOfDay(first) });
  if (to !== undefined && startOfDay(last + 1) < to) cuts.push({ day: last + 1, from: startOfDay(last + 1), to });
  return { first, last, cuts };
}

function between(day: number, type: EntryType, start: Position, end: Position): DaySum {
  return { day, type, amount: end.typeTotal - start.typeTotal, count: end.first - start.first };
}

const MEANING: Readonly<Record<EntryType, 'deposited' | 'debited' | 'refunded'>> = {
  deposit: 'deposited',
  purchase: 'deposited',
  grant: 'deposited',
  debit: 'debited',
  consume: 'debited',
  refund: 'refunded',
};

function sumUp(sums: readonly DaySum[], by: 'day' | 'month'): { all: Sum; series: Map<string, Sum> } {
  const zero = (): Sum => ({ deposited: 0n, debited: 0n, refunded: 0n, count: 0 });
  const [all, series] = [zero(), new Map<string, Sum>()];
  for (const { day, type, amount, count } of sums) {
    const period = new Date(startOfDay(day)).toISOString().slice(0, by === 'day' ? 10 : 7);
    if (!series.has(period)) series.set(period, zero());
    for (const sum of [all, series.get(period)!]) {
      sum[MEANING[type]] += MEANING[type] === 'deposited' ? amount : -amount;
      sum.count += count;
    }
  }
  return { all, series };
}
