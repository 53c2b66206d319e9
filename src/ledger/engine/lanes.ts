import { randomBytes } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Transactions } from '../../common/database/index.js';
import type { Answer } from '../domain/index.js';
import { BUCKETS, bucketOf, LedgerStore } from '../store/index.js';
import { AccountIds } from './account-ids.js';
import { Attempts, Committer } from './committer.js';
import { type Commit, Lane } from './lane.js';
import { LedgerMetrics } from './ledger.metrics.js';
import type { Submission } from './submission.js';
import { WrittenAccounts } from './written-accounts.js';

/** SQLite works on the thread that asks it. */
const LANES = { mysql: { length: 4, blocking: false }, sqlite: { length: 1, blocking: true } } as const;
/** Long after the last question about one of its commits. */
const MARKERS_KEPT_MS = 7 * 86_400_000;

/**
 * Brings the operations of many requests into few transactions (group commit). A lane belongs to a range of buckets, so
 * that an account always falls to the same lane, and a batch to one shard, were there any; it has one transaction in
 * flight, so a busy account pays for one lock and one fsync a batch.
 */
@Injectable()
export class Lanes implements OnApplicationShutdown {
  /** The accounts of the batches that were committed, as long as their overview … */
  readonly written = new WrittenAccounts();
  /** … or the sums of their usage are behind. */
  readonly used = new WrittenAccounts();
  private readonly lanes: readonly Lane[];
  private readonly ids: AccountIds;

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
    metrics: LedgerMetrics,
  ) {
    this.ids = new AccountIds(transactions, store);
    const committer = new Committer(transactions, store, this.ids, [this.written, this.used]);
    const commit: Commit = (batch, attempts, fences) =>
      metrics.measure(batch, () => committer.commit(batch, attempts, fences));
    const process = `${Date.now().toString(36)}${randomBytes(6).toString('hex')}`;
    const { length, blocking } = LANES[transactions.engine];
    this.lanes = Array.from(
      { length },
      (_, i) => new Lane(commit, new Attempts((i * BUCKETS) / length, `${process}-${i}`), blocking),
    );
    metrics.watchQueue(() => this.lanes.reduce((sum, lane) => sum + lane.operations, 0));
  }

  /**
   * Answers when the operations are durable.
   * @returns an answer for each
   * @throws LedgerUnavailable when the lane's queue is full or the database is not available
   */
  submit(submission: Submission): Promise<readonly Answer[]> {
    const bucket = bucketOf(this.ids.likely(submission.operations[0].account));
    return this.lanes[Math.floor((bucket * this.lanes.length) / BUCKETS)]!.submit(submission);
  }

  /** Every accepted operation is answered before the database closes. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.idle()));
    const ids = this.lanes.filter(({ attempts }) => attempts.hasWritten).map(({ attempts }) => attempts.id);
    const before = Date.now() - MARKERS_KEPT_MS;
    // If it can't be done now, the next process that stops does it.
    await this.transactions.run((tx) => this.store.forgetMarkers(tx, ids, before)).catch(() => undefined);
  }
}
