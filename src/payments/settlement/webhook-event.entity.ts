import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';

/**
 * The outcome of an event: its purchase was settled, it concerns nothing of ours, it names a purchase that doesn't
 * exist, or it was given up.
 */
export type EventOutcome = 'settled' | 'ignored' | 'unmatched' | 'failed';

/** An event in the inbox: each event of the provider once. */
@Entity('webhook_event')
@Index('webhook_event_due', ['processedAt', 'nextAttemptAt'])
export class WebhookEvent {
  /** The provider's id of the event. */
  @PrimaryColumn({ type: 'varchar', length: 255 })
  id: string;

  @Column({ type: 'varchar', length: 100 })
  type: string;

  /** The checkout session that the event is about. */
  @Column({ name: 'session_id', type: 'varchar', length: 255, nullable: true })
  sessionId: string | null;

  /** The payment that the event is about; a refund or dispute names only this. */
  @Column({ name: 'payment_intent', type: 'varchar', length: 255, nullable: true })
  paymentIntent: string | null;

  /** The purchase that the event's object names. It tells where to look, never how much to grant. */
  @Column({ name: 'purchase_id', type: 'varchar', length: 40, nullable: true })
  purchaseId: string | null;

  @Column({ name: 'received_at', type: 'bigint', transformer: integer })
  receivedAt: number;

  @Column({ name: 'processed_at', type: 'bigint', nullable: true, transformer: integer })
  processedAt: number | null;

  @Column({ type: 'varchar', length: 20, nullable: true })
  outcome: EventOutcome | null;

  /** The number of failed attempts. */
  @Column({ type: 'integer' })
  attempts: number;

  /** The time when it is due; while a worker holds it, the end of its lease. */
  @Column({ name: 'next_attempt_at', type: 'bigint', transformer: integer })
  nextAttemptAt: number;

  /** The token of the worker that took it last. */
  @Column({ type: 'varchar', length: 40, nullable: true })
  @Index('webhook_event_lease')
  lease: string | null;

  @Column({ name: 'last_error', type: 'varchar', length: 500, nullable: true })
  lastError: string | null;
}
