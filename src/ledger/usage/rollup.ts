import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Transactions } from '../../common/database/index.js';
import { Jobs } from '../../common/jobs/index.js';
import { Metrics } from '../../common/metrics/index.js';
import { Lanes, Repair, type WrittenAccounts } from '../engine/index.js';
import { UsageStore } from './usage.store.js';

const EVERY_MS = 1_000;
/** The most accounts of a step. */
const ACCOUNTS = 500;
/** A step is followed by a pause so many times as long while others write … */
const PAUSE_WHEN_BUSY = 10;
const PAUSE_WHEN_QUIET = 1;
/** … but no longer, so that steps of 10,000 entries keep up with 20,000 debits a second. */
const LONGEST_PAUSE_MS = 300;
/** The gauge of entries looks at no more accounts than this. */
const GAUGED = 1_000;

/**
 * Sums up usage behind the back of the debits: it follows the accounts that this process has written, and finds those
 * that nobody follows. A question adds what is missing, so it never waits for this.
 */
@Injectable()
export class UsageRollup {
  private readonly logger = new Logger(UsageRollup.name);
  private readonly written: WrittenAccounts;
  private readonly added?: Counter;
  private writes = 0;

  constructor(
    lanes: Lanes,
    transactions: Transactions,
    private readonly store: UsageStore,
    metrics: Metrics,
    jobs: Jobs,
  ) {
    this.written = lanes.used;
    this.added = this.measure(metrics);
    const repair = new Repair(transactions, 'usage', this.written, (after, limit) => store.lost(after, limit));
    const failed = ({ message }: Error) =>
      this.logger.warn(`usage could not be summed up and will be tried again: ${message}`);
    jobs.add({ everyMs: EVERY_MS }, { work: () => this.keepUp(), failed });
    jobs.add({ everyMs: EVERY_MS * 10, atStart: true }, { work: () => repair.work(), failed });
  }

  /** Sums up some of the accounts, and pauses. */
  private async keepUp(): Promise<boolean> {
    const begun = performance.now();
    const some = this.written.first(ACCOUNTS);
    if (some.length === 0) return false;
    await this.follow(some);
    // On SQLite nobody writes during the step itself, so the time since the last one counts too.
    const isBusy = this.written.writes > this.writes;
    this.writes = this.written.writes;
    const pause = (performance.now() - begun) * (isBusy ? PAUSE_WHEN_BUSY : PAUSE_WHEN_QUIET);
    await setTimeout(Math.min(pause, LONGEST_PAUSE_MS), undefined, { ref: false });
    return this.written.size > 0;
  }

  /** One step; the accounts that it does not finish are noted again. */
  private async follow(ids: readonly number[]): Promise<void> {
    for (const id of ids) this.written.forget(id);
    try {
      const { left, added } = await this.store.step(ids);
      this.added?.inc(added);
      for (const id of left) this.written.remember(id);
    } catch (error) {
      for (const id of ids) this.written.remember(id);
      throw error;
    }
  }

  private measure({ enabled, registry }: Metrics): Counter | undefined {
    if (!enabled) return undefined;
    const { written, store } = this;
    new Gauge({
      name: 'ledger_usage_accounts_behind',
      help: 'Accounts that this process has written and whose usage is not summed up.',
      registers: [registry],
      collect() {
        this.set(written.size);
      },
    });
    new Gauge({
      name: 'ledger_usage_entries_behind',
      help: 'Entries of those accounts that are not summed up; of a thousand accounts when there are more.',
      registers: [registry],
      async collect() {
        const behind = await store.behind(written.first(GAUGED));
        this.set(behind.reduce((sum, { sequence, watermark }) => sum + sequence - watermark, 0));
      },
    });
    return new Counter({
      name: 'ledger_usage_entries_total',
      help: 'Entries whose usage was summed up since this process started.',
      registers: [registry],
    });
  }
}
