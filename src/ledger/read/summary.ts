import type { DataSource } from 'typeorm';
import {
  type AccountName,
  dayOf,
  type EntryType,
  ownerAndUnit,
  startOfDay,
  type Stored,
  ZERO,
} from '../domain/index.js';
import { AccountRow, DailyTotalRow } from '../store/index.js';
import { findPositions, type Position } from './positions.js';

/** The time that a summary covers: from inclusive, to exclusive. Times are milliseconds since 1970. */
export interface SummaryPeriod {
  /** Absent: the start of the UTC day twenty-nine days before the end. */
  readonly from?: number;
  /** Absent: now. */
  readonly to?: number;
  /** The length of the periods of the series, in UTC. */
  readonly by: 'day' | 'month';
}

/** A balance over a time. */
export interface Summary {
  readonly from: number;
  readonly to: number;
  readonly opening: Stored;
  readonly closing: Stored;
  readonly all: Sums;
  /** By day (`2026-04-15`) or month (`2026-04`), those without an entry left out, the oldest first. */
  readonly series: ReadonlyMap<string, Sums>;
}

/**
 * Sums of entries by what they mean to the customer: amounts that came in, were spent, and were taken back less those
 * given back.
 */
export interface Sums {
  deposited: bigint;
  debited: bigint;
  refunded: bigint;
  count: number;
}

/** The sum of one type of entry on one day. */
interface DaySum {
  readonly day: number;
  readonly type: EntryType;
  readonly amount: bigint;
  readonly count: number;
}

/** Of a period that cuts a day, the part that lies in that day. */
interface Cut {
  readonly day: number;
  readonly from: number;
  readonly to: number;
}

const DEFAULT_DAYS = 30;
const MAX_DAY = 2 ** 31 - 1;

/**
 * Sums whole days from the daily totals, and the days that the period cuts from the sums that entries carry: so the
 * cost grows with neither. The account and the totals come from one statement, so they show one moment; the entries up
 * to it never change.
 */
export async function summarize(dataSource: DataSource, name: AccountName, period: SummaryPeriod): Promise<Summary> {
  const to = period.to ?? Date.now();
  const from = period.from ?? startOfDay(dayOf(to - 1) - DEFAULT_DAYS + 1);
  const days = daysOf(from, period.to);
  const account = await read(dataSource, name, days);
  if (!account) return { from, to, opening: ZERO, closing: ZERO, ...sumUp([], period.by) };
  const types = Object.keys(account.types) as EntryType[];
  const times = [...new Set(days.cuts.flatMap((cut) => [cut.from, cut.to]))];
  const positions = await findPositions(dataSource, account.id, [
    ...[from, ...(period.to === undefined ? [] : [period.to])].map((time) => ({ time, length: account.sequence })),
    ...types.flatMap((type) => times.map((time) => ({ time, type, length: account.types[type]!.count }))),
  ]);
  const find = (time: number, type?: EntryType) => positions.find((each) => each.time === time && each.type === type)!;
  const edges = days.cuts.flatMap((cut) =>
    types.map((type) => between(cut.day, type, find(cut.from, type), find(cut.to, type))),
  );
  const sums = [...account.totals, ...edges.filter(({ count }) => count > 0)].sort((a, b) => a.day - b.day);
  const closing = period.to === undefined ? account.balance : find(period.to).balance;
  return { from, to, opening: find(from).balance, closing, ...sumUp(sums, period.by) };
}

/** The account with the totals of its days from `first` to `last`. */
async function read(dataSource: DataSource, name: AccountName, { first, last }: { first: number; last: number }) {
  const { entities, raw } = await dataSource
    .createQueryBuilder(AccountRow, 'a')
    .leftJoin(DailyTotalRow, 't', 't.account_id = a.id AND t.day BETWEEN :first AND :last', { first, last })
    .addSelect(['t.day AS day', 't.type AS type', 'CAST(t.amount AS CHAR) AS amount', 't.count AS count'])
    .where(ownerAndUnit(name))
    .getRawAndEntities<Record<'day' | 'type' | 'amount' | 'count', string | number | null>>();
  const [account] = entities;
  if (!account) return undefined;
  const totals = raw
    .filter(({ day }) => day !== null)
    .map(({ day, type, amount, count }) => ({
      day: Number(day),
      type: type as EntryType,
      amount: BigInt(amount!),
      count: Number(count),
    }));
  return { ...account, totals };
}

/**
 * The days that lie wholly in the period, and those that it cuts. Without an end the last day is whole: it has no
 * entries beyond now.
 */
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

function sumUp(sums: readonly DaySum[], by: 'day' | 'month'): Pick<Summary, 'all' | 'series'> {
  const zero = (): Sums => ({ deposited: 0n, debited: 0n, refunded: 0n, count: 0 });
  const [all, series] = [zero(), new Map<string, Sums>()];
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
