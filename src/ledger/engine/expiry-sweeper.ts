import { Injectable, Logger } from '@nestjs/common';
import { Jobs } from '../../common/jobs/index.js';
import { type AccountName, SYSTEM } from '../domain/index.js';
import { LedgerStore } from '../store/index.js';
import { Lanes } from './lanes.js';

/** Until it comes by, each balance settles in memory what has expired. */
const EVERY_MS = 2_000;
/** Few at once, so that no debit waits behind many of them … */
const ACCOUNTS_AT_ONCE = 12;
/** … and so many in one round. At midnight a hundred thousand can be due. */
const ACCOUNTS_A_ROUND = 1_000;

/**
 * Settles the rows of holds and grants that have expired. Nothing waits for it: every decision and every answer counts
 * them as expired.
 */
@Injectable()
export class ExpirySweeper {
  private readonly logger = new Logger(ExpirySweeper.name);

  constructor(
    private readonly lanes: Lanes,
    private readonly store: LedgerStore,
    jobs: Jobs,
  ) {
    jobs.add(
      { everyMs: EVERY_MS },
      {
        work: () => this.sweep(),
        failed: ({ message }) =>
          this.logger.warn(`the sweep of expired holds and grants failed and will be tried again: ${message}`),
      },
    );
  }

  /**
   * Settles what has expired by now.
   * @throws the first error, when all others are settled
   */
  async sweep(): Promise<void> {
    const accounts = await this.store.accountsToSweep(Date.now(), ACCOUNTS_A_ROUND);
    // One that can't be settled keeps none of the others waiting.
    const failures: unknown[] = [];
    for (let done = 0; done < accounts.length; done += ACCOUNTS_AT_ONCE) {
      const some = accounts.slice(done, done + ACCOUNTS_AT_ONCE);
      const settled = await Promise.allSettled(some.map((account) => this.settle(account)));
      failures.push(...settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])));
    }
    if (failures.length > 0) throw failures[0];
  }

  private settle(account: AccountName): Promise<unknown> {
    const sweep = { account, scope: 'sweep', hash: '', traceId: '', actor: SYSTEM, action: { kind: 'claim' } } as const;
    return this.lanes.submit({ operations: [sweep] });
  }
}
