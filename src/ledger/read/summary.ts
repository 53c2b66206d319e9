import { type EntityManager, LessThanOrEqual } from 'typeorm';
import {
  type Account,
  type AccountName,
  dayOf,
  type EntryType,
  startOfDay,
  type Stored,
  ZERO,
} from '../domain/index.js';
import { AccountRow, DailyTotalRow, EntryRow } from '../store/index.js';
import { atMoment, type Moment, type Source } from './moment.js';
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

/** Sums of entries by what they mean to the customer. */
export interface Sums {
  /** Amounts that came in … */
  deposited: bigint;
  /** … were spent … */
  debited: bigint;
  /** … were taken back by refunds and disputes, less those given back … */
  refunded: bigint;
  /** … expired, counted when they were due … */
  expired: bigint;
  /** … were forfeited or moved into an extension … */
  voided: bigint;
  /** … and were given back by reversals, less those that reversals took. */
  reversed: bigint;
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

/** Entries that count at another time than the history says, or that no batch has made yet. */
interface Apart extends DaySum {
  readonly at: number;
}

/**
 * Sums whole days from the daily totals, and the days that the period cuts from the sums that entries carry: so the
 * cost grows with neither. Expiry is booked when it was due and not when its entry was made, so it stands apart.
 */
export async function summarize(source: Source, name: AccountName, period: SummaryPeriod): Promise<Summary> {
  const now = Date.now();
  const to = period.to ?? now;
  const from = period.from ?? startOfDay(dayOf(to - 1) - DEFAULT_DAYS + 1);
  const found = await atMoment(source, name, now, (manager, moment) => sumsAt(manager, moment, period, from));
  return { from, to, ...(found ?? { opening: ZERO, closing: ZERO, ...sumUp([], period.by) }) };
}

async function sumsAt(
  manager: EntityManager,
  moment: Moment,
  { to, by }: SummaryPeriod,
  from: number,
): Promise<Omit<Summary, 'from' | 'to'>> {
  const days = daysOf(from, to);
  const { account, totals } = await read(manager, moment.account.id, days);
  const types = (Object.keys(account.types) as EntryType[]).filter((type) => type !== 'expire');
  const times = [...new Set(days.cuts.flatMap((cut) => [cut.from, cut.to]))];
  const ends = [from, ...(to === undefined ? [] : [to])];
  const positions = await findPositions(manager, account.id, [
    ...ends.map((time) => ({ time, length: account.sequence })),
    ...ends.map((time) => ({ time, type: 'expire' as const, length: account.types.expire?.count ?? 0 })),
    ...types.flatMap((type) => times.map((time) => ({ time, type, length: account.types[type]!.count }))),
  ]);
  const find = (time: number, type?: EntryType) => positions.find((each) => each.time === time && each.type === type)!;
  const edges = days.cuts.flatMap((cut) =>
    types.map((type) => between(cut.day, type, find(cut.from, type), find(cut.to, type))),
  );
  const apart = [...(await readExpiry(manager, account)), ...settledNow(moment)];
  const balanceAt = (time: number, entered: bigint) =>
    Number(apart.reduce((sum, { at, amount }) => (at < time ? sum + amount : sum), entered)) as Stored;
  const enteredAt = (time: number) => BigInt(find(time).balance) - find(time, 'expire').typeTotal;
  const entered = BigInt(account.balance) - (account.types.expire?.total ?? 0n);
  const sums = [
    ...totals.filter(({ type }) => type !== 'expire'),
    ...edges.filter(({ count }) => count > 0),
    ...apart.filter(({ at }) => at >= from && at < (to ?? Infinity)),
  ].sort((a, b) => a.day - b.day);
  const closing = to === undefined ? balanceAt(Infinity, entered) : balanceAt(to, enteredAt(to));
  return { opening: balanceAt(from, enteredAt(from)), closing, ...sumUp(sums, by) };
}

/** Entries that a batch would make now. */
function settledNow({ due }: Moment): Apart[] {
  return (due?.entries ?? []).map(({ type, amount, createdAt, expiredAt }) => {
    const at = expiredAt ?? createdAt;
    return { at, day: dayOf(at), type, amount: BigInt(amount), count: 1 };
  });
}

/** The account's entries of expiry, by the time at which they were due. */
async function readExpiry(manager: EntityManager, { id, types }: Account): Promise<Apart[]> {
  const rows = await manager
    .createQueryBuilder(EntryRow, 'e')
    .select(['e.expiredAt AS at', 'CAST(SUM(e.amount) AS CHAR) AS amount', 'COUNT(*) AS count'])
    .where({ accountId: id, type: 'expire', typeSequence: LessThanOrEqual(types.expire?.count ?? 0) })
    .groupBy('e.expiredAt')
    .getRawMany<Record<'at' | 'amount' | 'count', string | number>>();
  return rows.map(({ at, amount, count }) => ({
    at: Number(at),
    day: dayOf(Number(at)),
    type: 'expire',
    amount: BigInt(amount),
    count: Number(count),
  }));
}

/**
 * The account with the totals of its days from `first` to `last`, which come from one statement and show one moment.
 */
async function read(manager: EntityManager, id: number, { first, last }: { first: number; last: number }) {
  const { entities, raw } = await manager
    .createQueryBuilder(AccountRow, 'a')
    .leftJoin(DailyTotalRow, 't', 't.account_id = a.id AND t.day BETWEEN :first AND :last', { first, last })
    .addSelect(['t.day AS day', 't.type AS type', 'CAST(t.amount AS CHAR) AS amount', 't.count AS count'])
    .where({ id })
    .getRawAndEntities<Record<'day' | 'type' | 'amount' | 'count', string | number | null>>();
  const totals = raw
    .filter(({ day }) => day !== null)
    .map(({ day, type, amount, count }) => ({
      day: Number(day),
      type: type as EntryType,
      amount: BigInt(amount!),
      count: Number(count),
    }));
  return { account: entities[0]!, totals };
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

/** What a type of entry means to the customer, and whether its amounts count as they are or negated. */
const MEANING: Readonly<Record<EntryType, readonly [sum: keyof Omit<Sums, 'count'>, sign: 1n | -1n]>> = {
  deposit: ['deposited', 1n],
  purchase: ['deposited', 1n],
  grant: ['deposited', 1n],
  debit: ['debited', -1n],
  consume: ['debited', -1n],
  refund: ['refunded', -1n],
  expire: ['expired', -1n],
  void: ['voided', -1n],
  reversal: ['reversed', 1n],
};

function sumUp(sums: readonly DaySum[], by: 'day' | 'month'): Pick<Summary, 'all' | 'series'> {
  const zero = (): Sums => ({
    deposited: 0n,
    debited: 0n,
    refunded: 0n,
    expired: 0n,
    voided: 0n,
    reversed: 0n,
    count: 0,
  });
  const [all, series] = [zero(), new Map<string, Sums>()];
  for (const { day, type, amount, count } of sums) {
    const period = new Date(startOfDay(day)).toISOString().slice(0, by === 'day' ? 10 : 7);
    if (!series.has(period)) series.set(period, zero());
    const [meaning, sign] = MEANING[type];
    for (const sum of [all, series.get(period)!]) {
      sum[meaning] += sign * amount;
      sum.count += count;
    }
  }
  return { all, series };
}
