import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { ApiError } from '../../common/http/index.js';
import { Jobs, type Worker } from '../../common/jobs/index.js';
import { Purchase } from '../checkout/index.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { PaymentsMetrics } from './payments.metrics.js';
import { SettlementService } from './settlement.service.js';
import type { EventOutcome, WebhookEvent } from './webhook-event.entity.js';
import { WebhookEvents } from './webhook-events.js';

const POLL_MS = 5_000;
const BATCH = 12;
/** Each settlement writes. Where there is one writer, arriving events queue behind it. */
const AT_ONCE = 4;
const LONGEST_PAUSE_MS = 3_600_000;
/** After about a day of attempts, a missing purchase will not come. */
const UNMATCHED_AFTER = 30;
/** After about four days the event is left to reconciliation. */
const FAILED_AFTER = 100;

/**
 * Stores each event of the provider once, and processes it. Every process has a worker. An event that a worker took and
 * didn't finish is due again when its lease ends.
 */
@Injectable()
export class InboxService implements OnApplicationBootstrap {
  private readonly logger = new Logger(InboxService.name);
  private readonly worker?: Worker;

  constructor(
    private readonly events: WebhookEvents,
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly settlement: SettlementService,
    private readonly metrics: PaymentsMetrics,
    private readonly jobs: Jobs,
  ) {
    if (!provider) return;
    this.worker = jobs.add(
      { everyMs: POLL_MS, atStart: true },
      {
        work: async () => (await this.workThrough()) > 0,
        failed: ({ message }) => this.logger.error(`the inbox could not be processed: ${message}`),
      },
    );
  }

  onApplicationBootstrap(): void {
    if (this.provider && !this.provider.signsEvents && this.jobs.areDone)
      this.logger.warn('STRIPE_WEBHOOK_SECRET is missing: purchases are settled only when somebody looks at them.');
  }

  /**
   * Receives an event. When this returns, the event is stored or irrelevant; its settlement follows.
   * @param payload the body's raw bytes
   * @throws ApiError NOT_FOUND when no secret is configured, before anything else; WEBHOOK_SIGNATURE_INVALID;
   *   VALIDATION_ERROR when the signed body is not an event
   */
  async receive(payload: Buffer | undefined, signature: string | undefined): Promise<void> {
    if (!this.provider?.signsEvents) throw new ApiError('NOT_FOUND');
    const event = this.provider.readEvent(payload, signature);
    if (!event) return;
    // Most repetitions find their event stored, and a read need not wait for a writer.
    if (!(await this.events.has(event.id))) await this.events.store(event);
    this.worker?.kick();
  }

  /** Processes the due events until none is left. */
  async workOff(): Promise<void> {
    while ((await this.workThrough()) > 0);
  }

  private async workThrough(): Promise<number> {
    const taken = await this.events.take(BATCH);
    const waiting = taken.values();
    const work = async () => {
      for (const event of waiting) await this.process(event);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return taken.length;
  }

  private async process(event: WebhookEvent): Promise<void> {
    try {
      const outcome = await this.settle(event);
      await this.events.finish(event, outcome);
      this.metrics.workedOff(outcome);
    } catch (error) {
      await this.putOff(event, error as Error);
    }
  }

  private async settle(event: WebhookEvent): Promise<EventOutcome> {
    const { id, sessionId, attempts } = event;
    const purchase = await this.find(event);
    if (purchase) {
      await this.settlement.settle(
        purchase.id,
        sessionId === null || sessionId === purchase.sessionId ? undefined : sessionId,
      );
      return 'settled';
    }
    const reference =
      event.purchaseId ?? (event.paymentIntent && (await this.provider!.purchaseOf(event.paymentIntent)));
    if (!reference) return 'ignored';
    const named = await this.purchases.findOneBy({ id: reference });
    if (named) {
      await this.settlement.settle(named.id);
      return 'settled';
    }
    if (attempts < UNMATCHED_AFTER) throw new Error(`there is no purchase ${reference}`);
    this.logger.error(`event ${id} names the purchase ${reference}, which does not exist`);
    return 'unmatched';
  }

  private async find({ sessionId, purchaseId, paymentIntent }: WebhookEvent): Promise<Purchase | null> {
    return (
      (sessionId === null ? null : await this.purchases.findOneBy({ sessionId })) ??
      (purchaseId === null ? null : await this.purchases.findOneBy({ id: purchaseId })) ??
      (paymentIntent === null ? null : await this.purchases.findOneBy({ paymentIntent }))
    );
  }

  private async putOff(event: WebhookEvent, { message }: Error): Promise<void> {
    const { id, attempts } = event;
    if (attempts >= FAILED_AFTER) {
      this.logger.error(`event ${id} is given up: ${message}`);
      this.metrics.workedOff('failed');
      await this.events.finish(event, 'failed');
      return;
    }
    this.logger.warn(`event ${id} is put off: ${message}`);
    this.metrics.workedOff('put-off');
    await this.events.putOff(event, Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** attempts), message);
  }
}
