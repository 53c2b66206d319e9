import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';

/**
 * How an event of the inbox ended: its purchase was settled, it concerns nothing of ours, it names a purchase that
 * doesn't exist, or it was given up.
 */
export type EventOutcome = 'settled' | 'ignored' | 'unmatched' | 'failed';

/** The inbox: each of the provider's events once, until it has been worked off. */
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

  /** The payment that the event is about; a refund or dispute names nothing else. */
  @Column({ name: 'payment_intent', type: 'varchar', length: 255, nullable: true })
  paymentIntent: string | null;

  /** The purchase that the object refers to. It says where to look, never what to grant. */
  @Column({ name: 'purchase_id', type: 'varchar', length: 40, nullable: true })
  purchaseId: string | null;

  @Column({ name: 'received_at', type: 'bigint', transformer: integer })
  receivedAt: number;

  @Column({ name: 'processed_at', type: 'bigint', nullable: true, transformer: integer })
  processedAt: number | null;

  @Column({ type: 'varchar', length: 20, nullable: true })
  outcome: EventOutcome | null;

  /** How often it was tried and failed. */
  @Column({ type: 'integer' })
  attempts: number;

  /** When it is due; while a worker has it, when its lease ends. */
  @Column({ name: 'next_attempt_at', type: 'bigint', transformer: integer })
  nextAttemptAt: number;

  /** The worker's token for what it took last. */
  @Column({ type: 'varchar', length: 40, nullable: true })
  @Index('webhook_event_lease')
  lease: string | null;

  @Column({ name: 'last_error', type: 'varchar', length: 500, nullable: true })
  lastError: string | null;
}
