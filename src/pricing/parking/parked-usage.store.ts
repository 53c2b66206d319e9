import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThan, type Repository } from 'typeorm';
import { affectedRows, execute, insertRows, Transactions, type Tx } from '../../common/database/index.js';
import { type ParkedReason, ParkedUsageRow } from './parked-usage.entity.js';

/** The most usage that an account may have parked. */
const MOST_PARKED = 10_000;

/** Which parked usage to list. */
export interface ParkedFilter {
  readonly status: ParkedUsageRow['status'];
  readonly account?: string;
  readonly limit: number;
  readonly offset: number;
}

/** Usage that could not be posted. */
export interface Refused {
  readonly id: string;
  readonly reason: ParkedReason;
}

/** The usage is not parked any more. */
export class NotParked extends Error {}

/** The table of parked usage, and how much of it each account has. */
@Injectable()
export class ParkedUsageStore {
  constructor(
    @InjectRepository(ParkedUsageRow) private readonly parked: Repository<ParkedUsageRow>,
    private readonly transactions: Transactions,
  ) {}

  /**
   * Adds usage, in the transaction that remembers its key.
   * @returns false when the account has no room
   */
  async add(tx: Tx, row: ParkedUsageRow): Promise<boolean> {
    const { account } = row;
    const counter = { key: ['account'], how: 'keep' } as const;
    await execute(tx, insertRows(tx, 'parked_account', ['account', 'parked'], [[account, 0]], counter));
    const counted = 'UPDATE parked_account SET parked = parked + 1 WHERE account = ? AND parked < ?';
    if ((await affectedRows(tx, counted, [account, MOST_PARKED])) === 0) return false;
    await tx.manager.insert(ParkedUsageRow, row);
    return true;
  }

  /**
   * Marks usage as posted, in the transaction that writes its entry.
   * @throws NotParked when it was posted meanwhile, which undoes the entry
   */
  async post(tx: Tx, { id, account }: ParkedUsageRow, transactionId: number): Promise<void> {
    const posted =
      "UPDATE parked_usage SET status = 'posted', transaction_id = ?, tried_at = ? WHERE id = ? AND status = 'parked'";
    if ((await affectedRows(tx, posted, [transactionId, Date.now(), id])) === 0) throw new NotParked();
    await affectedRows(tx, 'UPDATE parked_account SET parked = parked - 1 WHERE account = ?', [account]);
  }

  /** Notes why usage could not be posted. */
  async refuse(usages: readonly Refused[], now: number): Promise<void> {
    const refused = "UPDATE parked_usage SET reason = ?, tried_at = ? WHERE id = ? AND status = 'parked'";
    await this.transactions.run(async (tx) => {
      for (const { id, reason } of usages) await affectedRows(tx, refused, [JSON.stringify(reason), now, id]);
    });
  }

  /** A page, the oldest first. */
  async list({ status, account, limit, offset }: ParkedFilter): Promise<{ rows: ParkedUsageRow[]; total: number }> {
    const [rows, total] = await this.parked.findAndCount({
      where: { status, ...(account !== undefined && { account }) },
      order: { createdAt: 'ASC', id: 'ASC' },
      take: limit,
      skip: offset,
    });
    return { rows, total };
  }

  /** The ids of what was not tried for the longest, of those the oldest first. Whole rows have up to 64 KiB. */
  async longestUntried(limit: number, account?: string): Promise<string[]> {
    const rows = await this.parked.find({
      select: { id: true },
      where: { status: 'parked', ...(account !== undefined && { account }) },
      order: { triedAt: 'ASC', createdAt: 'ASC', id: 'ASC' },
      take: limit,
    });
    return rows.map(({ id }) => id);
  }

  /** Those that are still parked. */
  stillParked(ids: readonly string[]): Promise<ParkedUsageRow[]> {
    return this.parked.findBy({ status: 'parked', id: In(ids) });
  }

  /** Whether some was not tried since a time. */
  isUntriedSince(time: number, account?: string): Promise<boolean> {
    return this.parked.existsBy({
      status: 'parked',
      triedAt: LessThan(time),
      ...(account !== undefined && { account }),
    });
  }
}
