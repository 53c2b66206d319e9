import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, In } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import {
  type Account,
  accountName,
  available,
  debtOf,
  type Entry,
  hasExpired,
  type Stored,
  type Unit,
} from '../domain/index.js';
import { LedgerReader } from '../read/index.js';
import { AccountRow, EntryRow } from '../store/index.js';
import { Follower } from './follower.js';
import { spentLately } from './spent.js';

/** A request looks through no more accounts than this, in statements of so many. */
const MOST_LOOKED = 50_000;
const CHUNK = 10_000;
const FIRST_CHUNK = 500;
/** Accounts that are found by a filter's own index and then sorted, when no more than this fit it. */
const FEW = 10_000;

/** An order, its column in the overview, and the index of the same name; the largest and newest first. */
const ORDERS = { balance: 'balance', spent_30d: 'spent_30d', last_activity: 'last_at', created: 'created_at' } as const;
const INDEXES = { balance: 'balance', spent_30d: 'spent', last_activity: 'activity', created: 'created' } as const;

/** How accounts may be listed. */
export type AccountOrder = keyof typeof ORDERS;

/** What accounts are listed. */
export interface AccountsWanted {
  readonly unit: Unit;
  readonly order: AccountOrder;
  /** How the names of their owners begin. */
  readonly prefix?: string;
  readonly inDebt?: boolean;
  /** The least and the greatest balance. */
  readonly least?: Stored;
  readonly most?: Stored;
  readonly limit: number;
  /** The page begins after this account. */
  readonly after?: Place;
}

/** An account's place in an order: the value that it is ordered by, and its id. */
export interface Place {
  readonly at: number;
  readonly id: number;
}

/** An account as administrators see it. What has expired is not in its balance. */
export interface AccountView extends Pick<
  Account,
  'id' | 'owner' | 'unit' | 'balance' | 'held' | 'lastAt' | 'frozen' | 'note'
> {
  readonly available: Stored;
  readonly debt: Stored;
  readonly spent30d: bigint;
  /** When its first entry was made. */
  readonly createdAt: number;
}

/** A part of a WHERE clause, with its values. */
interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** A filter; one that narrows a list down has an index of the overview. */
interface Filter extends Condition {
  readonly index?: string;
}

/**
 * Lists accounts across owners. The overview decides which and in what order; what is shown of each is read from the
 * account itself.
 */
@Injectable()
export class AccountsReader {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly ledger: LedgerReader,
    private readonly follower: Follower,
  ) {}

  /** A page of accounts. It may be short and have another after it, when few of the accounts looked through fit. */
  async list(wanted: AccountsWanted): Promise<{ rows: AccountView[]; rest?: Place }> {
    await this.follower.flush();
    const filters = filtersOf(wanted);
    const { found, rest } = (await this.fromFew(wanted, filters)) ?? (await this.fromOrder(wanted, filters));
    const ids = found.map(({ id }) => id);
    const views = await this.views(await this.dataSource.manager.findBy(AccountRow, { id: In(ids) }));
    return { rows: ids.flatMap((id) => views.get(id) ?? []), rest };
  }

  /** The accounts of an owner, of one unit or both, that have entries; and what administrators said of it. */
  async ofOwner(owner: string): Promise<{ views: AccountView[] } & Pick<Account, 'frozen' | 'note'>> {
    const rows = await this.dataSource.manager.findBy(AccountRow, { owner });
    const { frozen, note } = rows[0] ?? { frozen: null, note: null };
    return { views: [...(await this.views(rows)).values()], frozen, note };
  }

  /** Reads the index of a filter that few accounts fit; undefined when there is no such filter. */
  private async fromFew(wanted: AccountsWanted, filters: readonly Filter[]): Promise<Page | undefined> {
    for (const { index, sql, values } of filters) {
      if (index === undefined) continue;
      const [counted] = await this.dataSource.query<Raw[]>(
        `SELECT COUNT(*) AS number FROM (SELECT 1 AS one FROM ${this.by(index)} WHERE unit = ? AND ${sql} LIMIT ${FEW + 1}) few`,
        [wanted.unit, ...values],
      );
      if (Number(counted!['number']) > FEW) continue;
      const { limit, after } = wanted;
      return pageOf(
        await this.read(wanted, this.by(index), [UNIT(wanted), ...filters, ...from(wanted, after)], limit + 1),
        limit,
      );
    }
    return undefined;
  }

  /** Walks along the order, a part of it at a time. */
  private async fromOrder(wanted: AccountsWanted, filters: readonly Filter[]): Promise<Page> {
    const { limit, order } = wanted;
    const index = this.by(INDEXES[order]);
    // An order by balance begins and ends with those that may fit.
    const bounds = order === 'balance' ? filters.filter((each) => each.index === 'balance') : [];
    const found: Place[] = [];
    let [after, size] = [wanted.after, filters.length === bounds.length ? limit + 1 : FIRST_CHUNK];
    for (let left = MOST_LOOKED; left > 0; left -= size, size = CHUNK) {
      const part = all([UNIT(wanted), ...bounds, ...from(wanted, after)]);
      const ordered = `WHERE ${part.sql} ORDER BY ${ORDERS[order]} DESC, account_id DESC LIMIT`;
      const inPart = `(SELECT * FROM ${index} ${ordered} ${size}) part`;
      found.push(...(await this.read(wanted, inPart, filters, limit + 1 - found.length, part.values)));
      if (found.length > limit) return pageOf(found, limit);
      const [end] = await this.dataSource.query<Raw[]>(
        `SELECT account_id, ${ORDERS[order]} AS place FROM ${index} ${ordered} 1 OFFSET ${size - 1}`,
        [...part.values],
      );
      if (!end) return { found };
      after = placeOf(end);
      // Where the driver waits for nothing, neither do other requests get a turn.
      await setImmediate();
    }
    return { found, rest: after };
  }

  private async read(
    wanted: AccountsWanted,
    table: string,
    filters: readonly Condition[],
    limit: number,
    values: readonly (string | number)[] = [],
  ): Promise<Place[]> {
    const fitting = all(filters);
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT account_id, ${ORDERS[wanted.order]} AS place FROM ${table} WHERE ${fitting.sql || '1 = 1'}
       ORDER BY place DESC, account_id DESC LIMIT ${limit}`,
      [...values, ...fitting.values],
    );
    return rows.map(placeOf);
  }

  /** The overview, read by one of its indexes. */
  private by(index: string): string {
    const name = `account_overview_${index}`;
    const hint = engineOf(this.dataSource) === 'mysql' ? `FORCE INDEX (${name})` : `INDEXED BY ${name}`;
    return `account_overview ${hint}`;
  }

  private async views(accounts: readonly Account[]): Promise<Map<number, AccountView>> {
    const ids = accounts.map(({ id }) => id);
    const [firsts, spent] = await Promise.all([
      this.dataSource.manager.find(EntryRow, {
        select: { accountId: true, createdAt: true },
        where: { accountId: In(ids), sequence: 1 },
      }),
      spentLately(this.dataSource, ids, Date.now()),
    ]);
    const begun = new Map(firsts.map(({ accountId, createdAt }: Entry) => [accountId, createdAt]));
    const views = new Map<number, AccountView>();
    for (const account of accounts) {
      const { id, owner, unit, lastAt, frozen, note } = account;
      const createdAt = begun.get(id);
      if (createdAt === undefined) continue;
      // Few are due at any time: the sweep settles them within seconds.
      const { balance, held } = hasExpired(account, Date.now())
        ? await this.ledger.balance(accountName(account))
        : account;
      const sums = { balance, held, available: available({ balance, held }), debt: debtOf({ balance, held }) };
      views.set(id, {
        id,
        owner,
        unit,
        lastAt,
        frozen,
        note,
        createdAt,
        ...sums,
        spent30d: spent.get(id)?.amount ?? 0n,
      });
    }
    return views;
  }
}

interface Page {
  readonly found: readonly Place[];
  readonly rest?: Place;
}

function pageOf(found: readonly Place[], limit: number): Page {
  return found.length > limit ? { found: found.slice(0, limit), rest: found[limit - 1] } : { found };
}

function placeOf(raw: Raw): Place {
  return { at: Number(raw['place']), id: Number(raw['account_id']) };
}

const UNIT = ({ unit }: AccountsWanted): Condition => ({ sql: 'unit = ?', values: [unit] });

function all(conditions: readonly Condition[]): Condition {
  return {
    sql: conditions.map(({ sql }) => sql).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  };
}

function filtersOf({ prefix, inDebt, least, most }: AccountsWanted): Filter[] {
  const filters: Filter[] = [];
  // Names are ASCII, so none that begins like this comes after this.
  if (prefix !== undefined)
    filters.push({ index: 'owner', sql: 'owner >= ? AND owner <= ?', values: [prefix, `${prefix}\x7f`] });
  if (inDebt === true) filters.push({ index: 'debt', sql: 'debt > ?', values: [0] });
  if (inDebt === false) filters.push({ sql: 'debt = ?', values: [0] });
  if (least !== undefined || most !== undefined)
    filters.push({
      index: 'balance',
      sql: 'balance >= ? AND balance <= ?',
      values: [least ?? Number.MIN_SAFE_INTEGER, most ?? Number.MAX_SAFE_INTEGER],
    });
  return filters;
}

/** The accounts after a place. */
function from({ order }: AccountsWanted, after: Place | undefined): Condition[] {
  if (!after) return [];
  const column = ORDERS[order];
  return [{ sql: `${column} <= ? AND (${column} < ? OR account_id < ?)`, values: [after.at, after.at, after.id] }];
}
