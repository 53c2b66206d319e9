import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { LedgerStore } from '../store/index.js';
import { Lanes } from './lanes.js';

/** Until it comes by, each balance adds up what expired holds keep in their rows. */
const EVERY_MS = 2_000;
const ACCOUNTS_A_ROUND = 500;

/** Settles the rows of holds that have expired. Nothing waits for it: every decision and every answer counts an expired hold as given back. */
@Injectable()
export class HoldSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(HoldSweeper.name);
  private timer: NodeJS.Timeout;

  constructor(
    private readonly lanes: Lanes,
    private readonly store: LedgerStore,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  private async sweep(): Promise<void> {
    try {
      const accounts = await this.store.accountsToSweep(Date.now(), ACCOUNTS_A_ROUND);
      await Promise.all(
        accounts.map((account) =>
          this.lanes.submit({ operations: [{ account, scope: 'sweep', hash: '', traceId: '', action: { kind: 'claim' } }] }),
        ),
      );
    } catch (error) {
      this.logger.warn(`the sweep of expired holds failed and will be tried again: ${(error as Error).message}`);
    }
  }
}
