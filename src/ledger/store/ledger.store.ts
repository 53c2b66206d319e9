import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, LessThanOrEqual } from 'typeorm';
import {
  ask,
  execute,
  forUpdate,
  insertRows,
  isMysql,
  type Raw,
  rewriteRows,
  type Statement,
  type Tx,
  updateRows,
  type Value,
  write,
} from '../../common/database/index.js';
import {
  type Account,
  accountName,
  type AccountName,
  type Effects,
  emptyAccount,
  type Grant,
  type Hold,
  type HoldName,
  type Known,
  keyOf,
  type PurchaseState,
  recall,
  type Remembered,
  type Replay,
  type State,
} from '../domain/index.js';
import { accountId } from './account-id.js';
import { AccountRow } from './entities.js';
import { readReversed } from './reversed.js';
import { describeLedger, type LedgerTables } from './tables.js';
import { changesOf, type CommitMarker, type RowChange } from './write.js';

/** An operation's key, and the account in which it is looked for. */
export type KeyName = Pick<Remembered, 'accountId' | 'scope' | 'key'>;

/** What the lock of a batch's accounts lets it know. */
export interface Locked {
  readonly accounts: readonly Account[];
  /** The open grants of all of them, in no order. */
  readonly open: readonly Grant[];
  /** By account and `keyOf`. */
  readonly replays: ReadonlyMap<number, ReadonlyMap<string, Replay>>;
  /** The number of the last batch that was committed under the marker that was asked for. */
  readonly committed: number | undefined;
}

/** A version that no state of an account has had. */
export function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1);
}

/** How often two accounts may have one id before something else must be wrong. */
export const PROBES = 8;

/**
 * The ledger's statements. It is called inside the engine's transactions alone, and knows rows and not their meaning.
 */
@Injectable()
export class LedgerStore {
  private readonly tables: LedgerTables;
  private readonly remembered: string;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.tables = describeLedger(dataSource);
    const { operation, entry, hold } = this.tables;
    this.remembered = `SELECT ${operation.select}, ${entry.select}, ${hold.select}
      FROM operation
      LEFT JOIN entry ON entry.account_id = operation.account_id AND entry.sequence = operation.sequence AND entry.created_at = operation.created_at
      LEFT JOIN hold ON hold.account_id = operation.account_id AND hold.number = operation.hold
      WHERE `;
  }

  /** The ids of the accounts of these names; an account that is missing is made, empty. */
  async accountIds(tx: Tx, names: readonly AccountName[]): Promise<number[]> {
    const ids = new Map<AccountName, number>();
    let sought = names.map((name) => ({ name, id: accountId(name) }));
    for (let probe = 1; sought.length > 0; probe++) {
      if (probe > PROBES) throw new Error(`no id is free for ${sought[0]!.name}`);
      let owners = await this.namesOf(tx, sought);
      const missing = sought.filter(({ id }) => !owners.has(id));
      if (missing.length > 0) {
        await this.make(tx, missing);
        owners = await this.namesOf(tx, sought);
      }
      for (const { name, id } of sought) if (owners.get(id) === name) ids.set(name, id);
      sought = sought.filter(({ name }) => !ids.has(name)).map(({ name }) => ({ name, id: accountId(name, probe) }));
    }
    return names.map((name) => ids.get(name)!);
  }

  /**
   * Locks the accounts, in the order of their ids, so that two batches never wait for each other crosswise; says what
   * is known under the keys, and the last batch that was committed under the marker.
   */
  async lock(tx: Tx, ids: readonly number[], keys: readonly KeyName[], marker?: CommitMarker): Promise<Locked> {
    const { account, grant } = this.tables;
    // Forced: a walk over all rows would wait for those that other batches have locked, and they for these.
    const [among, parameter] = isMysql(tx)
      ? ['FORCE INDEX (PRIMARY) WHERE id IN (?)', ids]
      : ['WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids)];
    const ofAccounts = isMysql(tx)
      ? 'FORCE INDEX (balance_grant_open) WHERE account_id IN (?)'
      : 'WHERE account_id IN (SELECT value FROM json_each(?))';
    const [accounts, open, ...others] = await ask<Raw>(tx, [
      { sql: `SELECT ${account.select} FROM account ${among} ORDER BY id${forUpdate(tx)}`, values: [parameter] },
      { sql: `SELECT ${grant.select} FROM balance_grant ${ofAccounts} AND is_open = 1`, values: [parameter] },
      ...either(
        tx,
        keys,
        this.remembered,
        '(operation.account_id = ? AND operation.scope = ? AND operation.idempotency_key = ?)',
        (key) => [key.accountId, key.scope, key.key],
      ),
      ...(marker
        ? [{ sql: 'SELECT number FROM commit_marker WHERE bucket = ? AND id = ?', values: [marker.bucket, marker.id] }]
        : []),
    ]);
    const [last] = marker ? others.pop()! : [];
    return {
      accounts: accounts!.map((raw) => account.read(raw)),
      open: open!.map((raw) => grant.read(raw)),
      replays: this.replays(others.flat()),
      committed: last && Number(last['number']),
    };
  }

  /**
   * The account's open holds that have expired by `now`, the oldest first and at most `limit` of them; and when the
   * first of the others expires.
   */
  async expiredHolds(tx: Tx, id: number, now: number, limit: number): Promise<Pick<Known, 'expired' | 'nextExpiry'>> {
    const { hold } = this.tables;
    const open = "FROM hold WHERE account_id = ? AND status = 'open' AND expires_at";
    const [due, [next]] = (await ask<Raw>(tx, [
      { sql: `SELECT ${hold.select} ${open} <= ? ORDER BY expires_at LIMIT ?`, values: [id, now, limit] },
      { sql: `SELECT MIN(expires_at) AS next_expiry ${open} > ?`, values: [id, now] },
    ])) as [Raw[], [Raw]];
    const expired = due.map((raw) => hold.read(raw));
    if (expired.length === limit) return { expired, nextExpiry: expired.at(-1)!.expiresAt };
    return { expired, nextExpiry: next['next_expiry'] === null ? null : Number(next['next_expiry']) };
  }

  /** The accounts with holds or grants that have expired by `now`, at most `limit` of them. */
  async accountsToSweep(now: number, limit: number): Promise<AccountName[]> {
    const accounts = this.dataSource.getRepository(AccountRow);
    return (
      await accounts.find({ where: { nextExpiry: LessThanOrEqual(now) }, order: { nextExpiry: 'asc' }, take: limit })
    ).map(accountName);
  }

  /** Those of these grants that exist. */
  async grants(tx: Tx, accountId: number, ids: readonly number[]): Promise<Grant[]> {
    const { grant } = this.tables;
    const head = `SELECT ${grant.select} FROM balance_grant WHERE `;
    const rows = await ask<Raw>(
      tx,
      either(tx, ids, head, '(account_id = ? AND id = ?)', (id) => [accountId, id]),
    );
    return rows.flat().map((raw) => grant.read(raw));
  }

  /** An entry that is to be reversed or repriced, and how much of it was before; undefined when there is none. */
  reversed(tx: Tx, accountId: number, sequence: number): Promise<State['reversed']> {
    return readReversed(tx, this.tables, accountId, sequence);
  }

  /** What the ledger knows of a purchase. Few entries of an account are refunds, so only those are looked through. */
  async purchase(tx: Tx, accountId: number, purchaseId: string): Promise<PurchaseState> {
    const { entry } = this.tables;
    const [grants, refunds] = (await ask<Raw>(tx, [
      {
        sql: 'SELECT id FROM balance_grant WHERE account_id = ? AND purchase_id = ? ORDER BY id',
        values: [accountId, purchaseId],
      },
      {
        sql: `SELECT ${entry.select} FROM entry WHERE account_id = ? AND type = 'refund' AND purchase_id = ? ORDER BY sequence`,
        values: [accountId, purchaseId],
      },
    ])) as [Raw[], Raw[]];
    return { grants: grants.map(({ id }) => Number(id)), refunds: refunds.map((raw) => entry.read(raw)) };
  }

  /** Those of these holds that exist. */
  async holds(tx: Tx, names: readonly HoldName[]): Promise<Hold[]> {
    const { hold } = this.tables;
    const head = `SELECT ${hold.select} FROM hold WHERE `;
    const term = '(account_id = ? AND number = ?)';
    const rows = await ask<Raw>(
      tx,
      either(tx, names, head, term, ({ accountId: id, number }) => [id, number]),
    );
    return rows.flat().map((raw) => hold.read(raw));
  }

  /**
   * Writes the effects of a batch, and that this attempt at it was committed.
   * @param commit whether the transaction ends with it
   * @throws FenceLost when one of its accounts is no longer as it was known, or a unique key is taken
   */
  async write(tx: Tx, effects: Effects, marker: CommitMarker, now: number, commit: boolean): Promise<void> {
    if (effects.accounts.length === 0) return;
    const { name, mutable, mutableValues } = this.tables.account;
    const rewrites = effects.accounts.map((account) => ({
      must: [account.id, account.version],
      set: [...mutableValues(account), marker.version],
    }));
    await write(
      tx,
      rewriteRows(tx, name, ['id', 'version'], [...mutable, 'version'], rewrites),
      [
        ...changesOf(effects, marker, now).flatMap((change) => this.statements(tx, change)),
        ...effects.marked.map(({ id, frozen, note }) => ({
          sql: 'UPDATE account SET frozen = ?, note = ? WHERE id = ?',
          values: [frozen, note, id],
        })),
      ],
      commit,
    );
  }

  /** Removes the markers of lanes that will write no more: these, and those that have not written since `before`. */
  async forgetMarkers(tx: Tx, ids: readonly string[], before: number): Promise<void> {
    await execute(tx, [
      ...ids.map((id) => ({ sql: 'DELETE FROM commit_marker WHERE id = ?', values: [id] })),
      { sql: 'DELETE FROM commit_marker WHERE written_at < ?', values: [before] },
    ]);
  }

  private statements(tx: Tx, { table, how, rows, columns: changed }: RowChange): Statement[] {
    if (rows.length === 0) return [];
    const { name, columns, keys, mutable, values } = this.tables[table];
    const written = rows.map((row) => values(row as never));
    if (how === 'insert') return insertRows(tx, name, columns, written);
    const conflict = { key: keys, columns: changed ?? mutable };
    if (how === 'update') return updateRows(tx, name, columns, written, conflict);
    return insertRows(tx, name, columns, written, { ...conflict, how });
  }

  private async namesOf(tx: Tx, sought: readonly { id: number }[]): Promise<Map<number, AccountName>> {
    const head = 'SELECT id, owner, unit FROM account WHERE ';
    const rows = (
      await ask<Pick<Account, 'id' | 'owner' | 'unit'>>(
        tx,
        either(tx, sought, head, 'id = ?', ({ id }) => [id]),
      )
    ).flat();
    return new Map(rows.map((row) => [Number(row.id), accountName(row)]));
  }

  private async make(tx: Tx, missing: readonly { id: number; name: AccountName }[]): Promise<void> {
    const { account } = this.tables;
    const rows = missing.map(({ id, name }) => account.values(emptyAccount(id, newVersion(), name)));
    await execute(
      tx,
      insertRows(tx, account.name, account.columns, rows, { key: account.keys, how: 'keep', columns: [] }),
    );
  }

  private replays(rows: readonly Raw[]): Map<number, Map<string, Replay>> {
    const { operation, entry, hold } = this.tables;
    const found = new Map<number, Map<string, Replay>>();
    for (const raw of rows) {
      const row = operation.read(raw);
      const outcome = recall(
        row,
        raw['entry_sequence'] === null ? undefined : entry.read(raw),
        raw['hold_number'] === null ? undefined : hold.read(raw),
      );
      const ofAccount = found.get(row.accountId) ?? new Map<string, Replay>();
      found.set(row.accountId, ofAccount.set(keyOf(row), { hash: row.hash, outcome }));
    }
    return found;
  }
}

/**
 * Point reads in one statement; on SQLite one by one, where each takes microseconds and the statement stays prepared.
 */
function either<T>(tx: Tx, items: readonly T[], head: string, term: string, values: (item: T) => Value[]): Statement[] {
  if (items.length === 0) return [];
  if (isMysql(tx)) return [{ sql: head + items.map(() => term).join(' OR '), values: items.flatMap(values) }];
  return items.map((item) => ({ sql: head + term, values: values(item) }));
}
