import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import {
  ask,
  describeTable,
  execute,
  forUpdate,
  insertRows,
  isMysql,
  type Raw,
  type Table,
  type Tx,
} from '../../common/database/index.js';
import { debtOf, type Entry, type Stored, type Unit } from '../domain/index.js';
import { LookupRow, OverviewRow } from '../store/index.js';
import { hashesOf } from './lookup-key.js';
import { spentLately } from './spent.js';

/** What one transaction has followed. */
export interface Followed {
  readonly entries: number;
  /** The accounts of which more is left. */
  readonly left: readonly number[];
}

/** An account and the part of its entries that is followed now. */
interface Part {
  readonly row: OverviewRow;
  /** The number of its last entry. */
  readonly sequence: number;
  /** The last entry that was followed before. */
  readonly after: number;
}

type Light = Pick<Entry, 'accountId' | 'sequence' | 'type' | 'actor' | 'traceId' | 'idempotencyKey' | 'createdAt'>;

/** The statements that bring the overview of accounts up to date. */
@Injectable()
export class OverviewStore {
  private readonly overview: Table<OverviewRow>;
  private readonly lookup: Table<LookupRow>;

  constructor(@InjectDataSource() private readonly dataSource: DataSource) {
    this.overview = describeTable(dataSource, OverviewRow);
    this.lookup = describeTable(dataSource, LookupRow);
  }

  /**
   * Follows accounts, at most `room` entries of them in all. The lock of the overview's rows decides which entries are
   * to be followed, so two followers of one account take turns and never follow an entry twice.
   */
  async follow(tx: Tx, ids: readonly number[], room: number, now: number): Promise<Followed> {
    const sorted = [...ids].sort((a, b) => a - b);
    const watermarks = await this.lock(tx, sorted);
    const parts: Part[] = [];
    const left: number[] = [];
    let rest = room;
    // Read under the lock, so no follower writes an older state over a newer one.
    for (const { row, sequence } of await this.accounts(tx, [...watermarks.keys()])) {
      const after = watermarks.get(row.accountId)!;
      const watermark = Math.min(Math.max(sequence, after), after + rest);
      rest -= watermark - after;
      if (watermark < sequence) left.push(row.accountId);
      parts.push({ row: { ...row, watermark }, sequence, after });
    }
    const entries = await this.entries(tx, parts);
    const spent = await spentLately(
      tx,
      parts.map(({ row }) => row.accountId),
      now,
    );
    for (const { row } of parts) {
      const { amount, rollsOn } = spent.get(row.accountId) ?? { amount: 0n, rollsOn: null };
      Object.assign(row, { spent: Math.min(Number(amount), Number.MAX_SAFE_INTEGER), rollsOn });
    }
    await this.write(tx, parts, entries);
    return { entries: entries.length, left };
  }

  /**
   * Those of the next accounts, in the order of their ids, that have entries which were not followed, or a day of
   * spending that is too old by `today`.
   * @returns also the last account that was looked at; undefined after the end
   */
  async lost(after: number, today: number, limit: number): Promise<{ last?: number; lost: number[] }> {
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT a.id, a.sequence, o.watermark, o.rolls_on, a.balance - a.held AS available, o.debt
       FROM (SELECT id, sequence, balance, held FROM account WHERE id > ? ORDER BY id LIMIT ${limit}) a
       LEFT JOIN account_overview o ON o.account_id = a.id`,
      [after],
    );
    const ids = rows.map(({ id }) => Number(id));
    const lost = rows.filter(
      (raw) =>
        Number(raw['sequence']) > Number(raw['watermark'] ?? 0) ||
        (raw['rolls_on'] !== null && Number(raw['rolls_on']) <= today) ||
        // A hold makes no entry, but can pay or make a debt.
        (raw['debt'] !== null && Number(raw['debt']) !== Math.max(0, -Number(raw['available']))),
    );
    return { last: rows.length < limit ? undefined : Math.max(...ids), lost: lost.map(({ id }) => Number(id)) };
  }

  /** Locks the rows of those accounts that have entries, and says up to which entry each was followed. */
  private async lock(tx: Tx, ids: readonly number[]): Promise<Map<number, number>> {
    const from = `account_overview${isMysql(tx) ? ' FORCE INDEX (PRIMARY)' : ''}`;
    const sql = `SELECT account_id, watermark FROM ${from} WHERE account_id IN (${marks(ids)}) ORDER BY account_id${forUpdate(tx)}`;
    const read = async () =>
      new Map(
        ((await tx.query(sql, [...ids])) as Raw[]).map((raw) => [Number(raw['account_id']), Number(raw['watermark'])]),
      );
    const found = await read();
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length === 0) return found;
    const made = (await this.accounts(tx, missing)).map(({ row }) => this.overview.values(row));
    const { name, columns, keys } = this.overview;
    await execute(tx, insertRows(tx, name, columns, made, { key: keys, how: 'keep' }));
    return made.length > 0 ? read() : found;
  }

  /** Accounts as their overview is to show them; those without an entry are left out. */
  private async accounts(tx: Tx, ids: readonly number[]): Promise<Omit<Part, 'after'>[]> {
    if (ids.length === 0) return [];
    const rows = (await tx.query(
      `SELECT a.id, a.owner, a.unit, a.balance, a.held, a.sequence, a.last_at, e.created_at
       FROM account a JOIN entry e ON e.account_id = a.id AND e.sequence = 1 WHERE a.id IN (${marks(ids)})`,
      [...ids],
    )) as Raw[];
    return rows.map((raw) => {
      const balance = Number(raw['balance']) as Stored;
      const row = {
        accountId: Number(raw['id']),
        unit: raw['unit'] as Unit,
        owner: String(raw['owner']),
        balance,
        debt: debtOf({ balance, held: Number(raw['held']) as Stored }),
        spent: 0,
        rollsOn: null,
        lastAt: Number(raw['last_at']),
        createdAt: Number(raw['created_at']),
        watermark: 0,
      };
      return { row, sequence: Number(raw['sequence']) };
    });
  }

  private async entries(tx: Tx, parts: readonly Part[]): Promise<Light[]> {
    const ranges = parts.filter(({ row, after }) => row.watermark > after);
    const found = await ask<Raw>(
      tx,
      ranges.map(({ row, after }) => ({
        sql: `SELECT sequence, type, actor, trace_id, idempotency_key, created_at FROM entry
              WHERE account_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence`,
        values: [row.accountId, after, row.watermark],
      })),
    );
    return found.flatMap((rows, i) =>
      rows.map((raw) => ({
        accountId: ranges[i]!.row.accountId,
        sequence: Number(raw['sequence']),
        type: raw['type'] as Entry['type'],
        actor: String(raw['actor']),
        traceId: raw['trace_id'] as string | null,
        idempotencyKey: raw['idempotency_key'] as string | null,
        createdAt: Number(raw['created_at']),
      })),
    );
  }

  private async write(tx: Tx, parts: readonly Part[], entries: readonly Light[]): Promise<void> {
    const { lookup, overview } = this;
    const rows = lookupsOf(entries).map(lookup.values);
    const accounts = parts.map(({ row }) => overview.values(row));
    const changing = ['balance', 'debt', 'spent_30d', 'rolls_on', 'last_at', 'watermark'];
    await execute(tx, [
      ...insertRows(tx, lookup.name, lookup.columns, rows, { key: lookup.keys, how: 'keep' }),
      ...insertRows(tx, overview.name, overview.columns, accounts, {
        key: overview.keys,
        how: 'set',
        columns: changing,
      }),
    ]);
  }
}

/** The rows by which entries are found, in the order of their key. */
function lookupsOf(entries: readonly Light[]): LookupRow[] {
  const rows = new Map<string, LookupRow>();
  for (const entry of entries) {
    const { accountId, sequence, createdAt } = entry;
    for (const hash of hashesOf(entry)) {
      const name = `${hash} ${createdAt} ${accountId}`;
      const row = rows.get(name);
      if (row) row.last = sequence;
      else rows.set(name, { hash, createdAt, accountId, last: sequence, first: sequence });
    }
  }
  return [...rows.values()].sort((a, b) => a.hash - b.hash || a.createdAt - b.createdAt || a.accountId - b.accountId);
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
