import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, IsNull, LessThanOrEqual, type Repository } from 'typeorm';
import { affectedRows, execute, insertRows, Transactions } from '../../common/database/index.js';
import type { ProviderEvent } from '../provider/index.js';
import { type EventOutcome, WebhookEvent } from './webhook-event.entity.js';

const STORED_AT_ONCE = 200;
/**
 * Longer than a settlement takes, with the provider's timeouts and retries. Two workers at once would do no harm, only
 * double work.
 */
const LEASE_MS = 90_000;

/** An event that waits to be stored. */
interface Arrived {
  readonly event: ProviderEvent;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** The inbox: each event once, and the worker that holds it. */
@Injectable()
export class WebhookEvents {
  private readonly arrived: Arrived[] = [];
  private storing?: Promise<void>;

  constructor(
    @InjectRepository(WebhookEvent) private readonly events: Repository<WebhookEvent>,
    private readonly transactions: Transactions,
  ) {}

  has(id: string): Promise<boolean> {
    return this.events.existsBy({ id });
  }

  /** The events among these that the inbox lacks. */
  async missing(events: readonly ProviderEvent[]): Promise<readonly ProviderEvent[]> {
    const known = await this.events.find({ select: { id: true }, where: { id: In(events.map(({ id }) => id)) } });
    const ids = new Set(known.map(({ id }) => id));
    return events.filter(({ id }) => !ids.has(id));
  }

  /** Resolves when the event is stored. Events that arrive during a write are written together, in one commit. */
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
      // Sorted, so that two processes that store the same events do not deadlock.
      const rows = [...new Map(batch.map(({ event }) => [event.id, event])).values()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map(({ id, type, sessionId, paymentIntent, purchaseId }) => ({
          id,
          type,
          session_id: sessionId,
          payment_intent: paymentIntent,
          purchase_id: purchaseId,
          received_at: now,
          attempts: 0,
          next_attempt_at: now,
        }));
      const columns = Object.keys(rows[0]!);
      const values = rows.map((row) => Object.values(row));
      try {
        await this.transactions.run((tx) =>
          execute(tx, insertRows(tx, 'webhook_event', columns, values, { key: ['id'], how: 'keep' })),
        );
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.storing = undefined;
  }

  /**
   * Takes at most `most` due events. Of two workers after the same row, the second finds that it is no longer due, on
   * every engine and without waiting.
   */
  async take(most: number): Promise<WebhookEvent[]> {
    const due = await this.events.find({
      select: { id: true },
      where: { processedAt: IsNull(), nextAttemptAt: LessThanOrEqual(Date.now()) },
      order: { nextAttemptAt: 'ASC' },
      take: most,
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

  /** Records an event's outcome, unless its lease has ended. */
  finish({ id, lease }: WebhookEvent, outcome: EventOutcome): Promise<number> {
    return this.transactions.run((tx) =>
      affectedRows(
        tx,
        'UPDATE webhook_event SET processed_at = ?, outcome = ?, lease = NULL, last_error = NULL WHERE id = ? AND lease = ?',
        [Date.now(), outcome, id, lease],
      ),
    );
  }

  /** Makes the event due again later. */
  async putOff({ id, lease }: WebhookEvent, pauseMs: number, why: string): Promise<void> {
    await this.transactions.run((tx) =>
      affectedRows(
        tx,
        'UPDATE webhook_event SET attempts = attempts + 1, next_attempt_at = ?, lease = NULL, last_error = ? WHERE id = ? AND lease = ?',
        [Date.now() + pauseMs, why.slice(0, 500), id, lease],
      ),
    );
  }
}
