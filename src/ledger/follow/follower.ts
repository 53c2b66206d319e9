import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Transactions } from '../../common/database/index.js';
import { Jobs } from '../../common/jobs/index.js';
import { Metrics } from '../../common/metrics/index.js';
import { dayOf } from '../domain/index.js';
import { Lanes, Repair, type WrittenAccounts } from '../engine/index.js';
import { OverviewStore } from './overview.store.js';

const EVERY_MS = 1_000;
/** A transaction follows few accounts and entries, because on SQLite every debit waits for it … */
const ACCOUNTS = 25;
const ENTRIES = 250;
/** … and is followed by a pause so many times as long while others write, which leaves the processor to them. */
const PAUSE_WHEN_BUSY = 100;
const PAUSE_WHEN_QUIET = 2;
const LONGEST_PAUSE_MS = 3_000;
/** So long a question may wait until all that was written before it is followed. */
const FLUSH_MS = 1_000;

/**
 * Keeps the overview of the accounts, and the lookup of their entries, behind the back of the debits: it follows the
 * accounts that this process has written. What is derived is at most about a second behind, or as much as a busy
 * machine leaves it; a question first follows all that its own process has written.
 */
@Injectable()
export class Follower {
  private readonly logger = new Logger(Follower.name);
  private readonly written: WrittenAccounts;
  private readonly followed?: Counter;
  private tail: Promise<unknown> = Promise.resolve();
  /** How often an account had been written by the end of the last step. */
  private writes = 0;

  constructor(
    lanes: Lanes,
    private readonly transactions: Transactions,
    private readonly store: OverviewStore,
    metrics: Metrics,
    jobs: Jobs,
  ) {
    this.written = lanes.written;
    // It also finds the accounts of which a day of spending is now too old.
    const repair = new Repair(transactions, 'repair', this.written, (after, limit) =>
      store.lost(after, dayOf(Date.now()), limit),
    );
    this.followed = this.measure(metrics);
    const job = (work: () => Promise<boolean>) => ({
      work,
      failed: ({ message }: Error) =>
        this.logger.warn(`the overview of accounts could not be kept and will be tried again: ${message}`),
    });
    jobs.add(
      { everyMs: EVERY_MS },
      job(() => this.keepUp()),
    );
    jobs.add(
      { everyMs: EVERY_MS * 10, atStart: true },
      job(() => repair.work()),
    );
  }

  /** Follows all accounts that this process has written so far, within a second at most. */
  async flush(): Promise<void> {
    const end = performance.now() + FLUSH_MS;
    // What is being followed now is noted again if it was not finished.
    await this.tail;
    let sought = this.written.first();
    while (sought.length > 0 && performance.now() < end) {
      const left = await this.follow(sought.slice(0, ACCOUNTS));
      sought = [...sought.slice(ACCOUNTS), ...left];
    }
  }

  /** Follows some of the accounts, and pauses. */
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

  /** One transaction at a time; those that it does not finish are noted again. */
  private follow(ids: readonly number[]): Promise<readonly number[]> {
    const turn = this.tail.then(async () => {
      for (const id of ids) this.written.forget(id);
      try {
        const { left, entries } = await this.transactions.run((tx) => this.store.follow(tx, ids, ENTRIES, Date.now()));
        this.followed?.inc(entries);
        for (const id of left) this.written.remember(id);
        return left;
      } catch (error) {
        for (const id of ids) this.written.remember(id);
        throw error;
      }
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private measure({ enabled, registry }: Metrics): Counter | undefined {
    if (!enabled) return undefined;
    const behind = () => this.written.size;
    new Gauge({
      name: 'ledger_follower_accounts_behind',
      help: 'Accounts that this process has written and whose overview is not up to date.',
      registers: [registry],
      collect() {
        this.set(behind());
      },
    });
    return new Counter({
      name: 'ledger_follower_entries_total',
      help: 'Entries that can be looked up across accounts since this process started.',
      registers: [registry],
    });
  }
}
