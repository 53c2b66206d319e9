import { Inject, Injectable, Logger } from '@nestjs/common';
import { Config } from '../../common/config/index.js';
import { Transactions } from '../../common/database/index.js';
import { type Job, Jobs, Lease } from '../../common/jobs/index.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { PaymentsMetrics } from '../settlement/index.js';
import { ReconciliationService } from './reconciliation.service.js';
import { OVERLAP_MS } from './summary.js';

const DAY_MS = 24 * 3_600_000;
/** The provider lists no older events. */
const EVENTS_KEPT_MS = 30 * DAY_MS;
const RETRY_DAILY_MS = 15 * 60_000;
/** The most purchases that a scheduled round settles, the longest untouched first. */
const A_ROUND = 100;

/**
 * Reconciles while the server runs: a quick round often, a thorough round once a day, each in one process at a time.
 */
@Injectable()
export class ReconciliationSchedule {
  private readonly logger = new Logger(ReconciliationService.name);
  private readonly everyMs: number;

  constructor(
    @Inject(PAYMENT_PROVIDER) provider: PaymentProvider | null,
    private readonly reconciliation: ReconciliationService,
    private readonly metrics: PaymentsMetrics,
    { payments }: Config,
    private readonly transactions: Transactions,
    jobs: Jobs,
  ) {
    this.everyMs = payments.reconcileEverySeconds * 1000;
    if (!provider || this.everyMs === 0) return;
    jobs.add({ everyMs: this.everyMs }, this.round('frequent', this.everyMs, false), this.round('daily', DAY_MS, true));
  }

  private round(name: string, everyMs: number, thorough: boolean): Job {
    const lease = new Lease(this.transactions, { table: 'reconciliation', name, everyMs, lookBackMs: DAY_MS });
    return {
      work: () => this.run(lease, thorough),
      failed: async ({ message }) => {
        this.logger.error(`the ${name} reconciliation failed and will be tried again: ${message}`);
        if (thorough) await lease.dueIn(RETRY_DAILY_MS).catch(() => undefined);
      },
    };
  }

  private async run(lease: Lease, thorough: boolean): Promise<void> {
    const now = Date.now();
    const since = await lease.take(now);
    if (since === undefined) return;
    const { changes, problems } = await this.reconciliation.run({
      since: Math.max(since - OVERLAP_MS, now - EVENTS_KEPT_MS),
      dryRun: false,
      thorough,
      untouchedSince: now - this.everyMs,
      limit: A_ROUND,
    });
    await lease.done(now);
    this.metrics.reconciled(changes.length, problems.length);
    for (const change of changes) this.logger.warn(`reconciliation changed ${change}`);
    for (const problem of problems) this.logger.error(`reconciliation found a problem: ${problem}`);
  }
}
