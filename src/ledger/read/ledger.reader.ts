import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Between, type EntityManager, In, LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { Transactions } from '../../common/database/index.js';
import {
  type Account,
  accountName,
  type AccountName,
  type Entry,
  type EntryType,
  type Grant,
  type GrantCategory,
  type GrantStatus,
  hasExpired,
  type Hold,
  type HoldName,
  type HoldStatus,
  ownerAndUnit,
  statusOf,
  type Stored,
  ZERO,
} from '../domain/index.js';
import { AccountRow, EntryRow, GrantRow, HoldRow, ReversalRow } from '../store/index.js';
import { type Balance, balanceOf, stored } from './balance.js';
import { atMoment, grantAt, type Moment, type Source } from './moment.js';
import { findPositions } from './positions.js';
import { type Range, search } from './search.js';
import type { EntrySearch, Listed, Paging, Period, WholeSearch } from './selection.js';
import { summarize, type Summary, type SummaryPeriod } from './summary.js';
import { everyEntry, everyGrant, type GrantSelection } from './whole.js';

/**
 * Reads of the ledger. Positions are numbers without a gap, so a page is a range of the primary key and a time is found
 * by halving. Only a search looks through entries, through a bounded number of them.
 */
@Injectable()
export class LedgerReader {
  constructor(
    @InjectRepository(AccountRow) private readonly accounts: Repository<AccountRow>,
    @InjectRepository(EntryRow) private readonly entries: Repository<EntryRow>,
    @InjectRepository(HoldRow) private readonly holds: Repository<HoldRow>,
    @InjectRepository(ReversalRow) private readonly reversals: Repository<ReversalRow>,
    private readonly transactions: Transactions,
  ) {}

  /** What has expired counts from the moment it is due, whether or not a batch has settled it. */
  async balance(name: AccountName): Promise<Balance> {
    const now = Date.now();
    const rows = await this.accounts
      .createQueryBuilder('a')
      .leftJoin(GrantRow, 'g', 'g.account_id = a.id AND g.is_open = 1')
      .select(['a.balance AS balance', 'a.held AS held', 'a.sequence AS sequence', 'a.next_expiry AS next_expiry'])
      .addSelect('a.frozen', 'frozen')
      .addSelect(['g.category AS category', 'g.expires_at AS expires_at', 'SUM(g.remaining) AS remaining'])
      .where(ownerAndUnit(name))
      .groupBy('a.id')
      .addGroupBy('g.category')
      .addGroupBy('g.expires_at')
      .getRawMany<Record<string, string | number | null>>();
    const [row] = rows;
    if (!row) return balanceOf({ balance: ZERO, held: ZERO, sequence: 0, frozen: null }, []);
    const nextExpiry = row['next_expiry'] === null ? null : Number(row['next_expiry']);
    if (hasExpired({ nextExpiry }, now)) {
      const due = await this.at(name, now, async (_, moment) => moment);
      // A batch may have settled it since: then the row that was read shows too much.
      return due?.due ? balanceOf({ ...due.account, sequence: due.last }, due.due.open) : this.balance(name);
    }
    const account = {
      balance: stored(row['balance']),
      held: stored(row['held']),
      sequence: Number(row['sequence']),
      frozen: row['frozen'] as string | null,
    };
    return balanceOf(
      account,
      rows
        .filter(({ category }) => category !== null)
        .map((each) => ({
          category: each['category'] as GrantCategory,
          expiresAt: each['expires_at'] === null ? null : Number(each['expires_at']),
          remaining: stored(each['remaining']),
        })),
    );
  }

  /** A grant as it is now; undefined when there is none. */
  async grant(name: AccountName, id: number): Promise<Grant | undefined> {
    return this.at(name, Date.now(), async (manager, moment) => {
      const grant = await manager.findOneBy(GrantRow, { accountId: moment.account.id, id });
      return grant ? grantAt(moment, grant) : undefined;
    });
  }

  /** A page of an account's grants, in the order in which they were made. */
  async listGrants(
    name: AccountName,
    { status, category, order, limit, offset }: Paging & { status?: GrantStatus; category?: GrantCategory },
  ): Promise<Listed<Grant>> {
    const listed = await this.at(name, Date.now(), async (manager, moment) => {
      const where = { accountId: moment.account.id, ...(category ? { category } : {}) };
      if (status === undefined) {
        const page = { where, order: { id: order }, take: limit, skip: offset };
        const [rows, total] = await manager.findAndCount(GrantRow, page);
        return { rows: rows.map((row) => grantAt(moment, row)), total };
      }
      // The status follows from the shares and the moment; an account has few grants beside its entries.
      const all = await manager.find(GrantRow, { where, order: { id: order } });
      const found = all.map((row) => grantAt(moment, row)).filter((grant) => statusOf(grant) === status);
      return { rows: found.slice(offset, offset + limit), total: found.length };
    });
    return listed ?? { rows: [], total: 0 };
  }

  /** How much of each of an account's entries was reversed; those of which nothing was are left out. */
  async reversedOf(entries: readonly Entry[]): Promise<ReadonlyMap<number, Stored>> {
    if (entries.length === 0) return new Map();
    const sequences = entries.map(({ sequence }) => sequence);
    const rows = await this.reversals.findBy({
      accountId: entries[0]!.accountId,
      sequence: Between(Math.min(...sequences), Math.max(...sequences)),
    });
    return new Map(rows.map(({ sequence, amount }) => [sequence, amount]));
  }

  async entry(name: AccountName, sequence: number): Promise<Entry | undefined> {
    const account = await this.find(name);
    return (account && (await this.entries.findOneBy({ accountId: account.id, sequence }))) ?? undefined;
  }

  /** A page of the history. Its cost does not grow with the offset or the length of the history. */
  async history(name: AccountName, { type, order, limit, offset, ...period }: Period & Paging): Promise<Listed<Entry>> {
    const account = await this.find(name);
    if (!account) return { rows: [], total: 0 };
    const accountId = account.id;
    const { low: first, high: last } = await this.range(account, { type, ...period });
    const [low, high] =
      order === 'asc'
        ? [first + offset, Math.min(last, first + offset + limit - 1)]
        : [Math.max(first, last - offset - limit + 1), last - offset];
    const number = type ? 'typeSequence' : 'sequence';
    // Both bounds are given, because with one of them MariaDB was seen to plan a scan.
    const where = { accountId, ...(type ? { type } : {}), [number]: Between(low, high) };
    const rows = low <= high ? await this.entries.find({ where, order: { [number]: order } }) : [];
    return { rows, total: Math.max(0, last - first + 1) };
  }

  /**
   * The entries of a period that a filter fits, as many as a page has; fewer when so many were looked through that the
   * rest is for the next page.
   */
  async search(
    name: AccountName,
    { filter, order, limit, rest: begun, ...period }: EntrySearch,
  ): Promise<{ rows: Entry[]; rest?: Range }> {
    const account = await this.find(name);
    const accountId = account?.id ?? 0;
    if (!account || (filter.hold && filter.hold.accountId !== accountId)) return { rows: [] };
    const range = begun ?? (await this.range(account, period));
    const wanted = { accountId, type: period.type, filter, order, limit };
    const { sequences, rest } = await search(this.entries.manager.connection, wanted, range);
    const where = { accountId, sequence: In([...sequences]) };
    return { rows: sequences.length > 0 ? await this.entries.find({ where, order: { sequence: order } }) : [], rest };
  }

  /** The entries of a period that a filter fits, page by page, up to the last one there is at the start. */
  async *everyEntry(name: AccountName, { filter, order, ...period }: WholeSearch): AsyncGenerator<readonly Entry[]> {
    const account = await this.find(name);
    if (!account || (filter?.hold && filter.hold.accountId !== account.id)) return;
    const wanted = { accountId: account.id, type: period.type, filter, order };
    yield* everyEntry(this.entries.manager.connection, wanted, await this.range(account, period));
  }

  /** An account's grants, page by page, up to the last one there is at the start. */
  everyGrant(name: AccountName, selection: GrantSelection): AsyncGenerator<readonly Grant[]> {
    return everyGrant(this.source, name, selection);
  }

  async hold({ accountId, number }: HoldName): Promise<Hold | undefined> {
    return (await this.holds.findOneBy({ accountId, number })) ?? undefined;
  }

  /** The account of an id. */
  async nameOf(id: number): Promise<AccountName | undefined> {
    const account = await this.accounts.findOneBy({ id });
    return account ? accountName(account) : undefined;
  }

  /**
   * A page of an account's holds, in the order in which they were opened; expired ones are those that have expired by
   * `now`.
   */
  async listHolds(
    name: AccountName,
    now: number,
    { status, order, limit, offset }: Paging & { status?: HoldStatus },
  ): Promise<Listed<Hold>> {
    const account = await this.find(name);
    if (!account) return { rows: [], total: 0 };
    const accountId = account.id;
    if (status === undefined) {
      const [low, high] =
        order === 'asc' ? [offset + 1, offset + limit] : [account.holds - offset - limit + 1, account.holds - offset];
      const rows =
        high < 1
          ? []
          : await this.holds.find({ where: { accountId, number: Between(low, high) }, order: { number: order } });
      return { rows, total: account.holds };
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
    return { rows, total };
  }

  /**
   * The sums that a purchase has brought, and that were taken back of it. Few entries of an account are no spending, so
   * only those are looked through.
   */
  async purchaseSums(name: AccountName, purchaseId: string): Promise<{ granted: number; takenBack: number }> {
    const { owner, unit } = ownerAndUnit(name);
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

  summary(name: AccountName, period: SummaryPeriod): Promise<Summary> {
    return summarize(this.source, name, period);
  }

  private get source(): Source {
    return { manager: this.accounts.manager, transactions: this.transactions };
  }

  private at<T>(
    name: AccountName,
    now: number,
    read: (manager: EntityManager, moment: Moment) => Promise<T>,
  ): Promise<T | undefined> {
    return atMoment(this.source, name, now, read);
  }

  /** The numbers of a period's entries, of a type's among their own. */
  private async range(account: Account, { type, from, to }: Period): Promise<Range> {
    const length = type ? (account.types[type]?.count ?? 0) : account.sequence;
    const times = [from, to].flatMap((time) => (time === undefined ? [] : { time, type, length }));
    const found = await findPositions(this.entries.manager, account.id, times);
    const position = (time: number) => found.find((each) => each.time === time)!.first;
    return {
      low: from === undefined ? 1 : position(from),
      high: to === undefined ? length : position(to) - 1,
    };
  }

  private async find(name: AccountName): Promise<Account | undefined> {
    return (await this.accounts.findOneBy(ownerAndUnit(name))) ?? undefined;
  }
}
