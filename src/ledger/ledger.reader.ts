import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Between, LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { ApiError, invalidField, type Page, type PagingQuery } from '../common/http/index.js';
import { available, dayOf, type EntryType, fromStored, type HoldStatus, startOfDay, type Unit } from './domain/index.js';
import type { HistoryQuery, HoldDto, SeriesItemDto, SummaryDto, SummaryQuery, TransactionDto } from './ledger.dto.js';
import { AccountRow, DailyTotalRow, EntryRow, HoldRow } from './ledger.entities.js';
import type { HoldReference } from './ledger.service.js';
import { parseHoldId, toHold, toTransaction } from './present.js';

/** A balance in its unit. */
export interface Balance {
  balance: number;
  available: number;
  held: number;
}

/** What one type of entry came to on one day. */
type DaySum = Pick<DailyTotalRow, 'day' | 'type' | 'amount' | 'count'>;

/** What several came to, by what it means to the customer; stored integers. */
type Sum = Omit<SeriesItemDto, 'period'>;

const DEFAULT_DAYS = 30;
const MAX_DAY = 2 ** 31 - 1;

/** Reads of the ledger. None of them scans the history: positions are numbers without a gap, so a page is a range of the primary key and a time is found by halving. */
@Injectable()
export class LedgerReader {
  constructor(
    @InjectRepository(AccountRow) private readonly accounts: Repository<AccountRow>,
    @InjectRepository(EntryRow) private readonly entries: Repository<EntryRow>,
    @InjectRepository(HoldRow) private readonly holds: Repository<HoldRow>,
  ) {}

  /** Holds that have expired no longer count, whether or not a sweep has settled them; the account and their sum come from one statement. */
  async balance(owner: string, unit: Unit): Promise<Balance> {
    const row = await this.accounts
      .createQueryBuilder('a')
      .select(['a.balance AS balance', 'a.held AS held'])
      .addSelect(
        (sub) =>
          sub
            .select('SUM(h.amount - h.captured)')
            .from(HoldRow, 'h')
            .where("h.accountId = a.id AND h.status = 'open' AND h.expiresAt <= :now"),
        'expired',
      )
      .where({ owner, unit })
      .setParameter('now', Date.now())
      .getRawOne<Record<'balance' | 'held' | 'expired', string | number | null>>();
    const [balance, held] = row ? [Number(row.balance), Number(row.held) - Number(row.expired)] : [0, 0];
    return { balance: fromStored(unit, balance), available: fromStored(unit, available({ balance, held })), held: fromStored(unit, held) };
  }

  /** @throws ApiError NOT_FOUND */
  async transaction(owner: string, unit: Unit, id: number): Promise<TransactionDto> {
    const account = await this.accounts.findOneBy({ owner, unit });
    const entry = account && (await this.entries.findOneBy({ accountId: account.id, sequence: id }));
    if (!entry) throw new ApiError('NOT_FOUND', `This account has no transaction ${id}.`);
    return toTransaction(unit, entry);
  }

  /** A page of the history. Its cost does not grow with the offset or the length of the history. */
  async history(
    owner: string,
    unit: Unit,
    { type, from, to, order, limit, offset }: HistoryQuery & { type?: EntryType },
  ): Promise<Page<TransactionDto>> {
    checkPeriod(from, to);
    const account = await this.accounts.findOneBy({ owner, unit });
    const line = account && new Line(this.entries, account, type);
    if (!line) return { data: [], meta: { total: 0, limit, offset } };
    const first = from ? await line.firstSince(from.getTime()) : 1;
    const last = to ? (await line.firstSince(to.getTime())) - 1 : line.length;
    const total = Math.max(0, last - first + 1);
    const [low, high] =
      order === 'asc'
        ? [first + offset, Math.min(last, first + offset + limit - 1)]
        : [Math.max(first, last - offset - limit + 1), last - offset];
    const rows = low <= high ? await line.between(low, high, order) : [];
    return { data: rows.map((row) => toTransaction(unit, row)), meta: { total, limit, offset } };
  }

  /**
   * Finds a hold by its id, for whoever may see it.
   * @param owner the account that it must belong to; without it, any
   * @throws ApiError NOT_FOUND
   */
  async hold(id: string, unit: Unit, owner: string | undefined): Promise<{ hold: HoldDto; reference: HoldReference }> {
    const named = parseHoldId(id);
    const account = named && (await this.accounts.findOneBy({ id: named.accountId, unit, ...(owner === undefined ? {} : { owner }) }));
    const row = account && (await this.holds.findOneBy({ accountId: account.id, number: named.number }));
    if (!row) throw new ApiError('NOT_FOUND', 'There is no such hold.');
    return { hold: toHold(unit, row, Date.now()), reference: { account: account.owner, unit, hold: row.number } };
  }

  /** A page of an account's holds, in the order in which they were opened. */
  async listHolds(
    owner: string,
    unit: Unit,
    { status, order, limit, offset }: PagingQuery & { status?: HoldStatus; order: 'asc' | 'desc' },
  ): Promise<Page<HoldDto>> {
    const now = Date.now();
    const account = await this.accounts.findOneBy({ owner, unit });
    if (!account) return { data: [], meta: { total: 0, limit, offset } };
    const accountId = account.id;
    if (status === undefined) {
      const [low, high] = order === 'asc' ? [offset + 1, offset + limit] : [account.holds - offset - limit + 1, account.holds - offset];
      const rows = high < 1 ? [] : await this.holds.find({ where: { accountId, number: Between(low, high) }, order: { number: order } });
      return { data: rows.map((row) => toHold(unit, row, now)), meta: { total: account.holds, limit, offset } };
    }
    const open = { accountId, status: 'open' } as const;
    const where =
      status === 'open'
        ? { ...open, expiresAt: MoreThan(now) }
        : status === 'expired'
          ? [
              { accountId, status },
              { ...open, expiresAt: LessThanOrEqual(now) },
            ]
          : { accountId, status };
    const [rows, total] = await this.holds.findAndCount({ where, order: { number: order }, take: limit, skip: offset });
    return { data: rows.map((row) => toHold(unit, row, now)), meta: { total, limit, offset } };
  }

  /** What a purchase has brought, and how much of it has been taken back; stored integers. Few entries of an account are no spending, so only those are looked through. */
  async purchaseSums(owner: string, unit: Unit, purchaseId: string): Promise<{ granted: number; takenBack: number }> {
    const rows = await this.entries
      .createQueryBuilder('e')
      .innerJoin(AccountRow, 'a', 'a.id = e.accountId')
      .select(['e.type AS type', 'SUM(e.amount) AS amount'])
      .where('a.owner = :owner AND a.unit = :unit AND e.purchaseId = :purchaseId', { owner, unit, purchaseId })
      .andWhere("e.type IN ('deposit', 'purchase', 'refund')")
      .groupBy('e.type')
      .getRawMany<{ type: EntryType; amount: string | number }>();
    const sum = (wanted: (type: EntryType) => boolean) =>
      rows.reduce((total, { type, amount }) => total + (wanted(type) ? Number(amount) : 0), 0);
    return { granted: sum((type) => type !== 'refund'), takenBack: 0 - sum((type) => type === 'refund') };
  }

  /** The accounts with holds that have expired, a bounded number of them. */
  async accountsToSweep(limit: number): Promise<{ account: string; unit: Unit }[]> {
    const rows = await this.accounts.find({
      where: { nextExpiry: LessThanOrEqual(Date.now()) },
      order: { nextExpiry: 'asc' },
      take: limit,
    });
    return rows.map(({ owner, unit }) => ({ account: owner, unit }));
  }

  /**
   * Sums the whole days from the daily totals, and only the days that the period cuts from their entries. The account and the totals come from
   * one statement, so they show one moment; the entries up to it never change.
   */
  async summary(owner: string, unit: Unit, query: SummaryQuery): Promise<SummaryDto> {
    const to = query.to?.getTime() ?? Date.now();
    // Whole days by default: today and the twenty-nine before it, when `to` is now.
    const from = query.from?.getTime() ?? startOfDay(dayOf(to - 1) - DEFAULT_DAYS + 1);
    checkPeriod(new Date(from), new Date(to));
    const days = wholeDays(from, query.to ? to : undefined);
    const account = (await this.accounts
      .createQueryBuilder('a')
      .leftJoinAndMapMany('a.totals', DailyTotalRow, 't', 't.accountId = a.id AND t.day BETWEEN :first AND :last', days)
      .where({ owner, unit })
      .getOne()) as (AccountRow & { totals: DailyTotalRow[] }) | null;

    let [opening, closing, sums]: [number, number, DaySum[]] = [0, 0, []];
    if (account) {
      const line = new Line(this.entries, account);
      const [first, end] = [await line.firstSince(from), query.to ? await line.firstSince(to) : line.length + 1];
      [opening, closing] = [await line.balanceBefore(first), await line.balanceBefore(end)];
      const edges = await Promise.all(
        days.cut.map((day) =>
          line.sums(Math.max(from, startOfDay(day)), query.to ? Math.min(to, startOfDay(day + 1)) : startOfDay(day + 1), day),
        ),
      );
      sums = [...account.totals, ...edges.flat()].sort((a, b) => a.day - b.day);
    }
    const { all, series } = sumUp(sums, query.group_by);
    return {
      period: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
      opening_balance: fromStored(unit, opening),
      closing_balance: fromStored(unit, closing),
      total_deposited: fromStored(unit, all.deposited),
      total_debited: fromStored(unit, all.debited),
      total_refunded: fromStored(unit, all.refunded),
      transaction_count: all.transaction_count,
      series: [...series].map(([period, sum]) => ({
        period,
        deposited: fromStored(unit, sum.deposited),
        debited: fromStored(unit, sum.debited),
        refunded: fromStored(unit, sum.refunded),
        transaction_count: sum.transaction_count,
      })),
    };
  }
}

/** The days that lie wholly in the period, and those that it cuts. Without an end the last day is whole: it has no entries beyond now. */
function wholeDays(from: number, to: number | undefined): { first: number; last: number; cut: number[] } {
  const first = dayOf(from - 1) + 1;
  const last = to === undefined ? MAX_DAY : dayOf(to) - 1;
  if (to !== undefined && first > last + 1) return { first, last, cut: [dayOf(from)] };
  return {
    first,
    last,
    cut: [...(startOfDay(first) > from ? [first - 1] : []), ...(to !== undefined && startOfDay(last + 1) < to ? [last + 1] : [])],
  };
}

/** The entries of an account, or those of one type, numbered 1, 2, 3 … by time. */
class Line {
  readonly length: number;
  private readonly position: 'sequence' | 'typeSequence';

  constructor(
    private readonly entries: Repository<EntryRow>,
    private readonly account: AccountRow,
    private readonly type?: EntryType,
  ) {
    this.position = type ? 'typeSequence' : 'sequence';
    this.length = type ? ((JSON.parse(account.counts) as Partial<Record<EntryType, number>>)[type] ?? 0) : account.sequence;
  }

  /** The position of the first entry at or after a time; one past the end when there is none. Times never run backwards within an account, so halving finds it. */
  async firstSince(time: number): Promise<number> {
    if (time > this.account.lastAt) return this.length + 1;
    let [low, high] = [1, this.length + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = await this.entries.findOneOrFail({ where: this.at(middle), select: { createdAt: true } });
      if (row.createdAt >= time) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Both bounds are given, because with one of them MariaDB was seen to plan a scan. */
  between(low: number, high: number, order: 'asc' | 'desc'): Promise<EntryRow[]> {
    return this.entries.find({ where: { ...this.where(), [this.position]: Between(low, high) }, order: { [this.position]: order } });
  }

  async balanceBefore(position: number): Promise<number> {
    if (position <= 1) return 0;
    const row = await this.entries.findOneOrFail({ where: this.at(position - 1), select: { balanceAfter: true } });
    return row.balanceAfter;
  }

  async sums(from: number, to: number, day: number): Promise<DaySum[]> {
    const [first, end] = [await this.firstSince(from), await this.firstSince(to)];
    if (first >= end) return [];
    const rows = await this.entries
      .createQueryBuilder('e')
      .select(['e.type AS type', 'SUM(e.amount) AS amount', 'COUNT(e.amount) AS count'])
      .where('e.account_id = :account AND e.sequence BETWEEN :first AND :last', { account: this.account.id, first, last: end - 1 })
      .groupBy('e.type')
      .getRawMany<{ type: EntryType; amount: string | number; count: string | number }>();
    return rows.map(({ type, amount, count }) => ({ day, type, amount: Number(amount), count: Number(count) }));
  }

  private where() {
    return { accountId: this.account.id, ...(this.type ? { type: this.type } : {}) };
  }

  private at(position: number) {
    return { ...this.where(), [this.position]: position };
  }
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
  const zero = (): Sum => ({ deposited: 0, debited: 0, refunded: 0, transaction_count: 0 });
  const [all, series] = [zero(), new Map<string, Sum>()];
  for (const { day, type, amount, count } of sums) {
    const period = new Date(startOfDay(day)).toISOString().slice(0, by === 'day' ? 10 : 7);
    if (!series.has(period)) series.set(period, zero());
    for (const sum of [all, series.get(period)!]) {
      sum[MEANING[type]] += MEANING[type] === 'deposited' ? amount : -amount;
      sum.transaction_count += count;
    }
  }
  return { all, series };
}

function checkPeriod(from: Date | undefined, to: Date | undefined): void {
  if (from && to && from > to) throw invalidField('from', 'must not be later than to');
}
