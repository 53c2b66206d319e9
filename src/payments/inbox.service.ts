import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { In, IsNull, LessThanOrEqual, type Repository } from 'typeorm';
import { affectedRows, execute, insertRows, Transactions } from '../common/database/index.js';
import { ApiError } from '../common/http/index.js';
import { type EventOutcome, Purchase, WebhookEvent } from './payments.entities.js';
import { PaymentsMetrics } from './payments.metrics.js';
import { PAYMENT_PROVIDER, type PaymentProvider, type ProviderEvent } from './provider.js';
import { SettlementService } from './settlement.service.js';
import { verifiedEvent } from './stripe.provider.js';

/** The columns that a new event has. */
const STORED = ['id', 'type', 'session_id', 'payment_intent', 'purchase_id', 'received_at', 'attempts', 'next_attempt_at'];
const STORED_AT_ONCE = 200;

const POLL_MS = 5_000;
const FINISH_WITHIN_MS = 5_000;
const BATCH = 12;
/** Each settlement writes, and where there is one writer the events that arrive stand behind it. */
const AT_ONCE = 4;
/** Longer than a settlement takes, the provider's timeouts and retries included. Two at once would do no harm, only twice the work. */
const LEASE_MS = 90_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** After about a day of attempts, a purchase that isn't there won't come. */
const UNMATCHED_AFTER = 30;
/** After about four days. What such an event was about is then left to reconciliation. */
const FAILED_AFTER = 100;

/** An event that waits to be stored. */
interface Arrived {
  readonly event: ProviderEvent;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

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
  private readonly arrived: Arrived[] = [];
  private storing?: Promise<void>;

  constructor(
    @InjectRepository(WebhookEvent) private readonly events: Repository<WebhookEvent>,
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly settlement: SettlementService,
    private readonly metrics: PaymentsMetrics,
    private readonly host: HttpAdapterHost,
  ) {}

  /** A command has no server and does what it is told, nothing on its own. */
  onApplicationBootstrap(): void {
    if (!this.provider || !this.host.httpAdapter) return;
    if (this.provider.webhookSecrets.length === 0)
      this.logger.warn('STRIPE_WEBHOOK_SECRET is missing: purchases are settled only when somebody looks at them.');
    this.stopped = false;
    this.timer = setInterval(() => this.kick(), POLL_MS).unref();
    this.kick();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    // A provider that does not answer keeps no process from stopping; what is left undone is taken up again.
    await Promise.race([this.working, setTimeout(FINISH_WITHIN_MS, undefined, { ref: false })]);
  }

  /**
   * Takes an event in. When this returns it is stored, or of no interest; the settlement follows on its own.
   * @param payload the body's bytes as they came
   * @throws ApiError NOT_FOUND when no secret is configured; before anything else was touched, WEBHOOK_SIGNATURE_INVALID, and VALIDATION_ERROR
   *   for what is signed and no event
   */
  async receive(payload: Buffer | undefined, signature: string | undefined): Promise<void> {
    const secrets = this.provider?.webhookSecrets ?? [];
    if (secrets.length === 0) throw new ApiError('NOT_FOUND');
    if (!payload?.length || !signature) throw new ApiError('WEBHOOK_SIGNATURE_INVALID');
    const event = verifiedEvent(payload, signature, secrets);
    if (!event) return;
    // Most of what comes twice is known by then, and a read need not wait for whoever is writing.
    if (!(await this.events.existsBy({ id: event.id }))) await this.store(event);
    this.kick();
  }

  /** Which of these events have not come yet. */
  async missing(events: readonly ProviderEvent[]): Promise<readonly ProviderEvent[]> {
    const known = await this.events.find({ select: { id: true }, where: { id: In(events.map(({ id }) => id)) } });
    const ids = new Set(known.map(({ id }) => id));
    return events.filter(({ id }) => !ids.has(id));
  }

  /** Answers when the event is stored. Those that come while others are being written are written together: one commit for all of them. */
  store(event: ProviderEvent): Promise<void> {
    return new Promise((done, failed) => {
      this.arrived.push({ event, done, failed });
      this.storing ??= this.storeArrived();
    });
  }

  private async storeArrived(): Promise<void> {
    while (this.arrived.length > 0) {
      const batch = this.arrived.splice(0, STORED_AT_ONCE);
      const now = Date.now();
      // In one order, so that two processes that store the same events do not wait for each other crosswise.
      const rows = [...new Map(batch.map(({ event }) => [event.id, event])).values()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, type, sessionId, paymentIntent, purchaseId }) => [id, type, sessionId, paymentIntent, purchaseId, now, 0, now]);
      try {
        await this.transactions.run((tx) => execute(tx, insertRows(tx, 'webhook_event', STORED, rows, { key: ['id'], how: 'keep', columns: [] })));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.storing = undefined;
  }

  /** Works off what is due, and returns when nothing is. */
  async workOff(): Promise<void> {
    while ((await this.workThrough()) > 0);
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
      this.again = (await this.workThrough()) > 0 || this.again;
    }
  }

  private async workThrough(): Promise<number> {
    const taken = await this.take();
    const waiting = taken.values();
    const work = async () => {
      for (const event of waiting) await this.process(event);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return taken.length;
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
      const outcome = await this.settle(event);
      await this.finish(event, outcome);
      this.metrics.workedOff(outcome);
    } catch (error) {
      await this.putOff(event, error as Error);
    }
  }

  private async settle(event: WebhookEvent): Promise<EventOutcome> {
    const { id, sessionId, attempts } = event;
    const purchase = await this.find(event);
    if (purchase) {
      await this.settlement.settle(purchase.id, sessionId === null || sessionId === purchase.sessionId ? undefined : sessionId);
      return 'settled';
    }
    const reference = event.purchaseId ?? (event.paymentIntent && (await this.provider!.purchaseOf(event.paymentIntent)));
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

  private finish({ id, lease }: WebhookEvent, outcome: EventOutcome): Promise<number> {
    return this.transactions.run((tx) =>
      affectedRows(
        tx,
        'UPDATE webhook_event SET processed_at = ?, outcome = ?, lease = NULL, last_error = NULL WHERE id = ? AND lease = ?',
        [Date.now(), outcome, id, lease],
      ),
    );
  }

  private async putOff(event: WebhookEvent, { message }: Error): Promise<void> {
    const { id, lease, attempts } = event;
    if (attempts >= FAILED_AFTER) {
      this.logger.error(`event ${id} is given up: ${message}`);
      this.metrics.workedOff('failed');
      await this.finish(event, 'failed');
      return;
    }
    this.logger.warn(`event ${id} is put off: ${message}`);
    this.metrics.workedOff('put-off');
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
