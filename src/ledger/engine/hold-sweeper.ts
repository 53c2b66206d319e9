import { Injectable, Logger } from '@nestjs/common';
import { Jobs } from '../../common/jobs/index.js';
import { SYSTEM } from '../domain/index.js';
import { LedgerStore } from '../store/index.js';
import { Lanes } from './lanes.js';

/** Until it comes by, each balance adds up what expired holds keep in their rows. */
const EVERY_MS = 2_000;
const ACCOUNTS_A_ROUND = 500;

/**
 * Settles the rows of holds that have expired. Nothing waits for it: every decision and every answer counts an expired
 * hold as given back.
 */
@Injectable()
export class HoldSweeper {
  private readonly logger = new Logger(HoldSweeper.name);

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
          this.logger.warn(`the sweep of expired holds failed and will be tried again: ${message}`),
      },
    );
  }

  private async sweep(): Promise<void> {
    const accounts = await this.store.accountsToSweep(Date.now(), ACCOUNTS_A_ROUND);
    await Promise.all(
      accounts.map((account) =>
        this.lanes.submit({
          operations: [{ account, scope: 'sweep', hash: '', traceId: '', actor: SYSTEM, action: { kind: 'claim' } }],
        }),
      ),
    );
  }
}
