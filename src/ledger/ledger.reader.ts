import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Between, LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { ApiError, invalidField, type Page, type PagingQuery } from '../common/http/index.js';
import { available, type EntryType, fromStored, type HoldStatus, type Unit } from './domain/index.js';
import type { HistoryQuery, HoldDto, SummaryDto, SummaryQuery, TransactionDto } from './ledger.dto.js';
import { summarize } from './summary.js';
import { AccountRow, EntryRow, HoldRow } from './ledger.entities.js';
import type { HoldReference } from './ledger.service.js';
import { typesOf } from './ledger.store.js';
import { findPositions } from './positions.js';
import { parseHoldId, toHold, toTransaction } from './present.js';

/** A balance in its unit. */
export interface Balance {
  balance: number;
  available: number;
  held: number;
}

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
    if (!account) return { data: [], meta: { total: 0, limit, offset } };
    const length = type ? (typesOf(account.types)[type]?.count ?? 0) : account.sequence;
    const times = [from, to].flatMap((time) => (time ? [{ time: time.getTime(), type, length }] : []));
    const found = await findPositions(this.entries.manager.connection, account.id, times);
    const position = (time: Date) => found.find((each) => each.time === time.getTime())!.first;
    const first = from ? position(from) : 1;
    const last = to ? position(to) - 1 : length;
    const total = Math.max(0, last - first + 1);
    const [low, high] =
      order === 'asc'
        ? [first + offset, Math.min(last, first + offset + limit - 1)]
        : [Math.max(first, last - offset - limit + 1), last - offset];
    const number = type ? 'typeSequence' : 'sequence';
    // Both bounds are given, because with one of them MariaDB was seen to plan a scan.
    const where = { accountId: account.id, ...(type ? { type } : {}), [number]: Between(low, high) };
    const rows = low <= high ? await this.entries.find({ where, order: { [number]: order } }) : [];
    return { data: rows.map((row) => toTransaction(unit, row)), meta: { total, limit, offset } };
  }

  /**
   * The account and the number that a hold's id names, whether or not there is a hold of that number.
   * @param owner the account that it must name; without it, any
   */
  async locateHold(id: string, unit: Unit, owner: string | undefined): Promise<HoldReference | undefined> {
    const named = parseHoldId(id);
    const account = named && (await this.accounts.findOneBy({ id: named.accountId, unit, ...(owner === undefined ? {} : { owner }) }));
    return account ? { id, account: account.owner, unit, hold: named.number } : undefined;
  }

  /**
   * Finds a hold by its id, for those who may see it.
   * @param owner the account that it must belong to; without it, any
   * @throws ApiError NOT_FOUND
   */
  async hold(id: string, unit: Unit, owner: string | undefined): Promise<HoldDto> {
    const named = await this.locateHold(id, unit, owner);
    const row = named && (await this.holds.findOneBy({ accountId: parseHoldId(id)!.accountId, number: named.hold }));
    if (!row) throw new ApiError('NOT_FOUND', 'There is no such hold.');
    return toHold(unit, row, Date.now());
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

  /** Opening and closing balance of a period, and the sums of its entries by type and by day or month. */
  summary(owner: string, unit: Unit, query: SummaryQuery): Promise<SummaryDto> {
    checkPeriod(query.from, query.to);
    return summarize(this.accounts.manager.connection, owner, unit, query);
  }
}

function checkPeriod(from: Date | undefined, to: Date | undefined): void {
  if (from && to && from > to) throw invalidField('from', 'must not be later than to');
}
