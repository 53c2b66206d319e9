import { Inject, Injectable } from '@nestjs/common';
import { PAYMENT_PROVIDER, type PaymentProvider, type ProviderEvent } from '../provider/index.js';
import { RefundsService } from '../refunds/index.js';
import { InboxService, WebhookEvents } from '../settlement/index.js';
import { Audit } from './audit.js';
import { PurchasesReconciler } from './purchases.reconciler.js';
import { PAGE, type ReconciliationOptions, type ReconciliationSummary } from './summary.js';

/** Makes up for lost answers, lost events, and events that were never sent. */
@Injectable()
export class ReconciliationService {
  constructor(
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly purchases: PurchasesReconciler,
    private readonly refunds: RefundsService,
    private readonly events: WebhookEvents,
    private readonly inbox: InboxService,
    private readonly audit: Audit,
  ) {}

  /**
   * Runs one round.
   * @throws ApiError PAYMENT_PROVIDER_ERROR when the provider can't be listed; changes made by then remain
   */
  async run(options: ReconciliationOptions): Promise<ReconciliationSummary> {
    const summary: ReconciliationSummary = {
      unfinished: 0,
      refunds: 0,
      events: 0,
      missed: 0,
      listed: 0,
      changes: [],
      problems: [],
    };
    if (!this.provider) return summary;
    if (!options.dryRun) summary.refunds = await this.refunds.resume(options.untouchedSince);
    await this.purchases.finish(options, summary);
    await this.fetchEvents(options, summary);
    if (options.thorough) {
      const paidSessions = await this.purchases.list(options, summary);
      await this.audit.check(options, summary, paidSessions);
    }
    return summary;
  }

  /** Stores the provider's events that the webhook has not received. */
  private async fetchEvents({ since, dryRun }: ReconciliationOptions, summary: ReconciliationSummary): Promise<void> {
    let page: ProviderEvent[] = [];
    const flush = async () => {
      const missing = page.length === 0 ? [] : await this.events.missing(page);
      summary.events += page.length;
      summary.missed += missing.length;
      if (dryRun) summary.changes.push(...missing.map(({ id, type }) => `the inbox: ${type} ${id}`));
      else await Promise.all(missing.map((event) => this.events.store(event)));
      page = [];
    };
    for await (const event of this.provider!.listEvents(since)) {
      page.push(event);
      if (page.length === PAGE) await flush();
    }
    await flush();
    if (!dryRun) await this.inbox.workOff();
  }
}
