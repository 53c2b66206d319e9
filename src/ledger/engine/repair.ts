import { setTimeout } from 'node:timers/promises';
import type { Transactions } from '../../common/database/index.js';
import { Lease } from '../../common/jobs/index.js';
import type { WrittenAccounts } from './written-accounts.js';

const EVERY_MS = 600_000;
const PAUSE_MS = 50;
/** Accounts that one statement looks at. */
const CHUNK = 1_000;
/** It waits while more accounts than this are to be followed. */
const BELOW = 5_000;

/**
 * Finds, among the next accounts in the order of their ids, those that nobody follows.
 * @returns also the last account that was looked at; undefined after the end
 */
export type FindLost = (after: number, limit: number) => Promise<{ last?: number; lost: readonly number[] }>;

/**
 * Finds what nobody follows any more, such as accounts that a process wrote before it crashed. It looks at all
 * accounts, a chunk at a time, at the start and then in one process every ten minutes.
 */
export class Repair {
  private readonly lease: Lease;
  /** The account after which the round under way goes on; undefined while none is. */
  private after: number | undefined;
  private isFirst = true;

  /** @param name that of the lease */
  constructor(
    transactions: Transactions,
    name: string,
    private readonly written: WrittenAccounts,
    private readonly find: FindLost,
  ) {
    this.lease = new Lease(transactions, { table: 'follow_lease', name, everyMs: EVERY_MS, lookBackMs: 0 });
  }

  /** Looks at some accounts, and pauses; true when it is to go on. */
  async work(): Promise<boolean> {
    if (this.after === undefined) {
      if (!(await this.isDue())) return false;
      this.after = 0;
    }
    if (this.written.size < BELOW) {
      const { last, lost } = await this.find(this.after, CHUNK);
      for (const id of lost) this.written.remember(id);
      this.after = last;
      if (last === undefined) return false;
    }
    await setTimeout(PAUSE_MS, undefined, { ref: false });
    return true;
  }

  private async isDue(): Promise<boolean> {
    const isTaken = (await this.lease.take(Date.now())) !== undefined;
    // Accounts that this process has forgotten are known to no other.
    const isDue = isTaken || this.isFirst || this.written.overflowed;
    this.isFirst = false;
    this.written.overflowed = false;
    return isDue;
  }
}
