import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import {
  affectedRows,
  describeTable,
  execute,
  insertRows,
  type Raw,
  type Table,
  Transactions,
  type Tx,
} from '../../common/database/index.js';
import { type UsageRow, UsageSums } from '../domain/index.js';
import { UsageSumRow, usageSumRow, UsageWatermarkRow } from '../store/index.js';
import { addEntries } from './entries.js';

const EPOCHS = 2 ** 47;
/** A step ends when it has so many entries or sums: on SQLite every debit waits for its write. */
const ENTRIES = 10_000;
const SUMS = 5_000;

/** An account whose sums are behind its entries. */
export interface Behind {
  readonly accountId: number;
  /** The number of its last entry. */
  readonly sequence: number;
  /** The number of the last entry that is in the sums. */
  readonly watermark: number;
}

/** What is to be added to an account's sums. */
interface Part extends Behind {
  /** The new watermark. */
  readonly upTo: number;
  readonly rows: readonly UsageRow[];
}

/** The statements that keep the sums of usage. */
@Injectable()
export class UsageStore {
  private readonly sums: Table<UsageSumRow>;
  private readonly watermarks: Table<UsageWatermarkRow>;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly transactions: Transactions,
  ) {
    this.sums = describeTable(dataSource, UsageSumRow);
    this.watermarks = describeTable(dataSource, UsageWatermarkRow);
  }

  /**
   * Brings the sums of some accounts a step further. Entries are read and added up outside of a transaction, and only
   * the sums are written in one.
   * @returns how many entries were added, and the accounts of which more may be left
   */
  async step(ids: readonly number[]): Promise<{ added: number; left: number[] }> {
    const [parts, left]: [Part[], number[]] = [[], []];
    let [entries, size] = [ENTRIES, 0];
    for (const behind of await this.behind(ids)) {
      const { accountId, sequence, watermark } = behind;
      const [sums, range] = [new UsageSums(), { low: watermark + 1, high: Math.min(sequence, watermark + entries) }];
      const isEnough = () => size + sums.size >= SUMS;
      const upTo = isEnough() ? watermark : await addEntries(this.dataSource, accountId, range, sums, isEnough);
      entries -= upTo - watermark;
      size += sums.size;
      if (upTo < sequence) left.push(accountId);
      if (upTo > watermark) parts.push({ ...behind, upTo, rows: sums.rows() });
    }
    if (parts.length === 0) return { added: 0, left };
    return { added: await this.transactions.run((tx) => this.add(tx, parts)), left };
  }

  /** Those of these accounts whose sums are behind. */
  async behind(ids: readonly number[]): Promise<Behind[]> {
    if (ids.length === 0) return [];
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT a.id, a.sequence, w.watermark FROM account a LEFT JOIN usage_watermark w ON w.account_id = a.id
       WHERE a.id IN (${marks(ids)})`,
      [...ids],
    );
    return rows.map(behindOf).filter(({ sequence, watermark }) => watermark < sequence);
  }

  /** Those of the next accounts, in the order of their ids, whose sums are behind. */
  async lost(after: number, limit: number): Promise<{ last?: number; lost: number[] }> {
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT a.id, a.sequence, w.watermark
       FROM (SELECT id, sequence FROM account WHERE id > ? ORDER BY id LIMIT ${limit}) a
       LEFT JOIN usage_watermark w ON w.account_id = a.id`,
      [after],
    );
    const found = rows.map(behindOf);
    const lost = found.filter(({ sequence, watermark }) => watermark < sequence);
    return {
      last: found.length < limit ? undefined : Math.max(...found.map(({ accountId }) => accountId)),
      lost: lost.map(({ accountId }) => accountId),
    };
  }

  /**
   * Adds parts to the sums, each unless somebody has moved its watermark. The move itself decides, and no lock before
   * it: so no entry is added twice, also where locks are lost or the outcome of a commit is unknown.
   * @returns how many entries were added
   */
  private async add(tx: Tx, parts: readonly Part[]): Promise<number> {
    const sorted = [...parts].sort((a, b) => a.accountId - b.accountId);
    await this.make(tx, sorted);
    const moved: Part[] = [];
    for (const part of sorted) if (await this.move(tx, part)) moved.push(part);
    const { sums } = this;
    const rows = moved.flatMap((part) => part.rows.map((row) => sums.values(usageSumRow(part.accountId, row))));
    const added = ['billions', 'units', 'count'];
    await execute(tx, insertRows(tx, sums.name, sums.columns, rows, { key: sums.keys, how: 'add', columns: added }));
    return moved.reduce((sum, { watermark, upTo }) => sum + upTo - watermark, 0);
  }

  /** Moves a watermark, unless it was moved before. */
  private async move(tx: Tx, { accountId, watermark, upTo }: Part): Promise<boolean> {
    const sql = 'UPDATE usage_watermark SET watermark = ? WHERE account_id = ? AND watermark = ?';
    return (await affectedRows(tx, sql, [upTo, accountId, watermark])) === 1;
  }

  /** Makes an account's sums anew from its entries. Others may write meanwhile. */
  async rebuild(accountId: number): Promise<void> {
    const values = [accountId];
    await this.transactions.run((tx) =>
      execute(tx, [
        { sql: 'DELETE FROM usage_watermark WHERE account_id = ?', values },
        { sql: 'DELETE FROM usage_sum WHERE account_id = ?', values },
      ]),
    );
    while ((await this.step(values)).left.length > 0);
  }

  /** Makes the watermarks that are missing. */
  private async make(tx: Tx, parts: readonly Part[]): Promise<void> {
    const { name, columns, keys, values } = this.watermarks;
    const made = parts
      .filter(({ watermark }) => watermark === 0)
      .map(({ accountId }) => values({ accountId, watermark: 0, epoch: randomInt(EPOCHS) }));
    await execute(tx, insertRows(tx, name, columns, made, { key: keys, how: 'keep' }));
  }
}

function behindOf(row: Raw): Behind {
  return {
    accountId: Number(row['id']),
    sequence: Number(row['sequence']),
    watermark: Number(row['watermark'] ?? 0),
  };
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
