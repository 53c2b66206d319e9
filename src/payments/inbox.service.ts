import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, LessThanOrEqual, type Repository } from 'typeorm';
import { affectedRows, isDuplicate, Transactions } from '../common/database/index.js';
import { ApiError } from '../common/http/index.js';
import { type EventOutcome, Purchase, WebhookEvent } from './payments.entities.js';
import { PAYMENT_PROVIDER, type PaymentProvider, type ProviderEvent } from './provider.js';
import { SettlementService } from './settlement.service.js';
import { verifiedEvent } from './stripe.provider.js';

/** The events that say something about a purchase; all of them only say "look again". */
const USED = new Set([
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
]);

const POLL_MS = 5_000;
const BATCH = 20;
/** Longer than a settlement takes, the provider's timeouts and retries included. Two at once would do no harm, only twice the work. */
const LEASE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** After about a day of attempts, a purchase that isn't there won't come. */
const UNMATCHED_AFTER = 30;

/**
 * Stores each event of the provider once, and works them off. Every process has a worker; what one of them took and didn't finish is due again
 * when its lease ends.
 */
@Injectable()
export class InboxService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(InboxService.name);
  private timer?: NodeJS.Timeout;
  private working?: Promise<void>;
  private again = false;
  private stopped = true;

  constructor(
    @InjectRepository(WebhookEvent) private readonly events: Repository<WebhookEvent>,
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly settlement: SettlementService,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.provider) return;
    if (this.provider.webhookSecrets.length === 0)
      this.logger.warn('STRIPE_WEBHOOK_SECRET is missing: purchases are settled only when somebody looks at them.');
    this.stopped = false;
    this.timer = setInterval(() => this.kick(), POLL_MS).unref();
    this.kick();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await this.working;
  }

  /**
   * Takes an event in. When this returns it is stored, or of no interest; the settlement follows on its own.
   * @param payload the body's bytes as they came
   * @throws ApiError NOT_FOUND when no secret is configured, WEBHOOK_SIGNATURE_INVALID before anything else was touched
   */
  async receive(payload: Buffer | undefined, signature: string | undefined): Promise<void> {
    const secrets = this.provider?.webhookSecrets ?? [];
    if (secrets.length === 0) throw new ApiError('NOT_FOUND');
    const event = payload && signature ? verifiedEvent(payload, signature, secrets) : undefined;
    if (!event) throw new ApiError('WEBHOOK_SIGNATURE_INVALID');
    if (!USED.has(event.type)) return;
    await this.store(event);
    this.kick();
  }

  private async store({ id, type, objectId, purchaseId }: ProviderEvent): Promise<void> {
    const now = Date.now();
    try {
      await this.transactions.run((tx) =>
        tx.manager.insert(WebhookEvent, { id, type, objectId, purchaseId, receivedAt: now, attempts: 0, nextAttemptAt: now }),
      );
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  /** Starts the worker, or lets the one that runs look once more. */
  private kick(): void {
    this.again = true;
    if (this.stopped || this.working) return;
    this.working = this.work()
      .catch((error: Error) => this.logger.error(`the inbox could not be worked off: ${error.message}`))
      .finally(() => (this.working = undefined));
  }

  private async work(): Promise<void> {
    while (this.again && !this.stopped) {
      this.again = false;
      const taken = await this.take();
      await Promise.all(taken.map((event) => this.process(event)));
      this.again ||= taken.length > 0;
    }
  }

  /** Writes a token on what is due. Of two workers after the same row the second finds it no longer due, on every engine and without waiting for the first. */
  private async take(): Promise<WebhookEvent[]> {
    const due = await this.events.find({
      select: { id: true },
      where: { processedAt: IsNull(), nextAttemptAt: LessThanOrEqual(Date.now()) },
      order: { nextAttemptAt: 'ASC' },
      take: BATCH,
    });
    if (due.length === 0) return [];
    const lease = randomUUID();
    const marks = due.map(() => '?').join(', ');
    await this.transactions.run((tx) => {
      const now = Date.now();
      const ids = due.map(({ id }) => id);
      return affectedRows(
        tx,
        `UPDATE webhook_event SET lease = ?, next_attempt_at = ? WHERE id IN (${marks}) AND processed_at IS NULL AND next_attempt_at <= ?`,
        [lease, now + LEASE_MS, ...ids, now],
      );
    });
    return this.events.findBy({ lease });
  }

  private async process(event: WebhookEvent): Promise<void> {
    try {
      await this.finish(event, await this.settle(event));
    } catch (error) {
      await this.putOff(event, error as Error);
    }
  }

  private async settle({ id, objectId, purchaseId, attempts }: WebhookEvent): Promise<EventOutcome> {
    const purchase =
      (await this.purchases.findOneBy({ sessionId: objectId })) ??
      (purchaseId === null ? null : await this.purchases.findOneBy({ id: purchaseId }));
    if (purchase) {
      await this.settlement.settle(purchase.id, objectId);
      return 'settled';
    }
    if (purchaseId === null) return 'ignored';
    if (attempts < UNMATCHED_AFTER) throw new Error(`there is no purchase ${purchaseId}`);
    this.logger.error(`event ${id} names the purchase ${purchaseId}, which does not exist`);
    return 'unmatched';
  }

  private finish({ id, lease }: WebhookEvent, outcome: EventOutcome): Promise<number> {
    return this.transactions.run((tx) =>
      affectedRows(
        tx,
        'UPDATE webhook_event SET processed_at = ?, outcome = ?, lease = NULL, last_error = NULL WHERE id = ? AND lease = ?',
        [Date.now(), outcome, id, lease],
      ),
    );
  }

  private async putOff({ id, lease, attempts }: WebhookEvent, { message }: Error): Promise<void> {
    this.logger.warn(`event ${id} is put off: ${message}`);
    const due = Date.now() + Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** attempts);
    await this.transactions.run((tx) =>
      affectedRows(
        tx,
        'UPDATE webhook_event SET attempts = attempts + 1, next_attempt_at = ?, lease = NULL, last_error = ? WHERE id = ? AND lease = ?',
        [due, message.slice(0, 500), id, lease],
      ),
    );
  }
}
