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
const CHUNK = 2_000;
const FIRST_CHUNK = 250;
/** A filter that fits no more accounts than this is the index that is read, whatever the order. */
const FEW = 1_000;

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
export interface AccountView extends Pick<Account, 'id' | 'owner' | 'unit' | 'balance' | 'held' | 'lastAt'> {
  readonly available: Stored;
  readonly debt: Stored;
  readonly spent30d: bigint;
  /** When its first entry was made. */
  readonly createdAt: number;
}

interface Candidate extends Place {
  readonly owner: string;
  readonly balance: number;
  readonly debt: number;
}

interface Condition {
  readonly index: string;
  readonly sql: string;
  readonly values: readonly (string | number)[];
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
    const { found, rest } = (await this.fromFew(wanted)) ?? (await this.fromOrder(wanted));
    const ids = found.map(({ id }) => id);
    const views = await this.views(await this.dataSource.manager.findBy(AccountRow, { id: In(ids) }));
    return { rows: ids.flatMap((id) => views.get(id) ?? []), rest };
  }

  /** The accounts of an owner, of one unit or both, that have entries. */
  async ofOwner(owner: string): Promise<AccountView[]> {
    const views = await this.views(await this.dataSource.manager.findBy(AccountRow, { owner }));
    return [...views.values()];
  }

  /** Reads the index of a filter that few accounts fit; undefined when there is no such filter. */
  private async fromFew(wanted: AccountsWanted): Promise<Page | undefined> {
    for (const condition of conditionsOf(wanted)) {
      const rows = await this.read(wanted, condition, FEW + 1);
      if (rows.length > FEW) continue;
      const { after } = wanted;
      const fitting = rows.filter((row) => fits(wanted, row) && (!after || compare(after, row) < 0)).sort(compare);
      const found = fitting.slice(0, wanted.limit);
      return { found, rest: fitting.length > found.length ? found.at(-1) : undefined };
    }
    return undefined;
  }

  /** Walks along the order. */
  private async fromOrder(wanted: AccountsWanted): Promise<Page> {
    const { limit, order } = wanted;
    const found: Candidate[] = [];
    let [after, size] = [wanted.after, Math.max(FIRST_CHUNK, limit + 1)];
    for (let left = MOST_LOOKED; left > 0; left -= size, size = CHUNK) {
      const rows = await this.read(wanted, { index: INDEXES[order], ...inOrder(wanted, after) }, size);
      for (const row of rows.filter((each) => fits(wanted, each))) {
        if (found.length === limit) return { found, rest: found.at(-1) };
        found.push(row);
      }
      if (rows.length < size) return { found };
      after = rows.at(-1);
      // Where the driver waits for nothing, neither do other requests get a turn.
      await setImmediate();
    }
    return { found, rest: after };
  }

  private async read({ unit, order }: AccountsWanted, condition: Condition, limit: number): Promise<Candidate[]> {
    const hint = engineOf(this.dataSource) === 'mysql' ? 'FORCE INDEX' : 'INDEXED BY';
    const index = `account_overview_${condition.index}`;
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT account_id, owner, balance, debt, ${ORDERS[order]} AS place
       FROM account_overview ${hint} ${hint === 'FORCE INDEX' ? `(${index})` : index}
       WHERE unit = ? AND ${condition.sql} LIMIT ${limit}`,
      [unit, ...condition.values],
    );
    return rows.map((raw) => ({
      id: Number(raw['account_id']),
      at: Number(raw['place']),
      owner: String(raw['owner']),
      balance: Number(raw['balance']),
      debt: Number(raw['debt']),
    }));
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
      const { id, owner, unit, lastAt } = account;
      const createdAt = begun.get(id);
      if (createdAt === undefined) continue;
      // Few are due at any time: the sweep settles them within seconds.
      const { balance, held } = hasExpired(account, Date.now())
        ? await this.ledger.balance(accountName(account))
        : account;
      const sums = { balance, held, available: available({ balance, held }), debt: debtOf({ balance, held }) };
      views.set(id, { id, owner, unit, lastAt, createdAt, ...sums, spent30d: spent.get(id)?.amount ?? 0n });
    }
    return views;
  }
}

interface Page {
  readonly found: readonly Candidate[];
  readonly rest?: Place;
}

/** The order of a list. */
function compare(a: Place, b: Place): number {
  return b.at - a.at || b.id - a.id;
}

function fits({ prefix = '', inDebt, least, most }: AccountsWanted, { owner, balance, debt }: Candidate): boolean {
  return (
    owner.startsWith(prefix) &&
    (inDebt === undefined || debt > 0 === inDebt) &&
    (least === undefined || balance >= least) &&
    (most === undefined || balance <= most)
  );
}

/** The filters that have an index, without an order. */
function conditionsOf({ prefix, inDebt, least, most }: AccountsWanted): Condition[] {
  const conditions: Condition[] = [];
  // Names are ASCII, so no name that begins like this comes after this.
  if (prefix !== undefined)
    conditions.push({ index: 'owner', sql: 'owner >= ? AND owner <= ?', values: [prefix, `${prefix}\x7f`] });
  if (inDebt === true) conditions.push({ index: 'debt', sql: 'debt > ?', values: [0] });
  if (least !== undefined || most !== undefined)
    conditions.push({
      index: 'balance',
      sql: 'balance >= ? AND balance <= ?',
      values: [least ?? Number.MIN_SAFE_INTEGER, most ?? Number.MAX_SAFE_INTEGER],
    });
  return conditions;
}

/** The accounts after a place; of an order by balance, only those that may fit. */
function inOrder({ order, least, most }: AccountsWanted, after: Place | undefined): Omit<Condition, 'index'> {
  const column = ORDERS[order];
  const bounded = order === 'balance';
  const high = Math.min(after?.at ?? Number.MAX_SAFE_INTEGER, (bounded ? most : undefined) ?? Number.MAX_SAFE_INTEGER);
  const low = (bounded ? least : undefined) ?? Number.MIN_SAFE_INTEGER;
  const place = after ?? { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
  return {
    sql: `${column} <= ? AND ${column} >= ? AND (${column} < ? OR account_id < ?) ORDER BY ${column} DESC, account_id DESC`,
    values: [high, low, place.at, place.id],
  };
}
