import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** BIGINT arrives as text from one driver and as a number from the other; all of ours are below 2^53. */
const integer = { to: (value: number | null) => value, from: (value: string | number | null) => (value === null ? null : Number(value)) };

/** What is bought: credits or tokens. It is also the operation that an idempotency key belongs to. */
export type PurchaseKind = 'credits' | 'tokens';

/** `open → processing → paid`; `open → expired | canceled`; `processing → failed`; any → `review`. `paid` is final. */
export const PURCHASE_STATUSES = ['open', 'processing', 'paid', 'expired', 'canceled', 'failed', 'review'] as const;
export type PurchaseStatus = (typeof PURCHASE_STATUSES)[number];

/** What was bought, for whom and at what price, as it was when the purchase began; and how far its payment is. */
@Entity('purchase')
@Index('purchase_idempotency', ['account', 'kind', 'idempotencyKey'], { unique: true })
@Index('purchase_history', ['account', 'createdAt', 'id'])
@Index('purchase_status', ['status', 'updatedAt'])
export class Purchase {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** `user:<id>` or `org:<id>`. */
  @Column({ type: 'varchar', length: 205 })
  account: string;

  @Column({ type: 'varchar', length: 10 })
  kind: PurchaseKind;

  /** The client's; null when it sent none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  idempotencyKey: string | null;

  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  /** The id of the package or plan. */
  @Column({ type: 'varchar', length: 100 })
  item: string;

  /** What the buyer reads, such as "Pro package". */
  @Column({ type: 'varchar', length: 200 })
  name: string;

  /** Micro-dollars or tokens. */
  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  /** Cents of the currency. */
  @Column({ type: 'bigint', transformer: integer })
  price: number;

  /** ISO 4217, upper case. */
  @Column({ type: 'varchar', length: 3 })
  currency: string;

  @Column({ type: 'varchar', length: 10 })
  provider: string;

  /** 1 when real money moves. */
  @Column({ type: 'integer' })
  livemode: number;

  @Column({ type: 'varchar', length: 10 })
  status: PurchaseStatus;

  @Column({ name: 'review_reason', type: 'varchar', length: 500, nullable: true })
  reviewReason: string | null;

  /** Part of the key under which the provider is asked for a session: the same attempt is the same session. */
  @Column({ type: 'integer' })
  attempt: number;

  @Column({ name: 'session_id', type: 'varchar', length: 255, nullable: true })
  @Index('purchase_session', { unique: true })
  sessionId: string | null;

  @Column({ name: 'checkout_url', type: 'text', nullable: true })
  checkoutUrl: string | null;

  @Column({ name: 'payment_intent', type: 'varchar', length: 255, nullable: true })
  paymentIntent: string | null;

  /** Chosen once, because a retry must send the provider the same value. Milliseconds since 1970, a whole second. */
  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: integer })
  updatedAt: number;

  @Column({ name: 'paid_at', type: 'bigint', nullable: true, transformer: integer })
  paidAt: number | null;
}

/** How an event of the inbox ended: its purchase was settled, it concerns nothing of ours, or it names a purchase that doesn't exist. */
export type EventOutcome = 'settled' | 'ignored' | 'unmatched';

/** The inbox: each of the provider's events once, until it has been worked off. */
@Entity('webhook_event')
@Index('webhook_event_due', ['processedAt', 'nextAttemptAt'])
export class WebhookEvent {
  /** The provider's id of the event. */
  @PrimaryColumn({ type: 'varchar', length: 255 })
  id: string;

  @Column({ type: 'varchar', length: 100 })
  type: string;

  /** The object that the event is about: a checkout session. */
  @Column({ name: 'object_id', type: 'varchar', length: 255 })
  objectId: string;

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

/** A checkout of the sandbox: the part that Stripe keeps on its side. */
@Entity('sandbox_session')
export class SandboxSession {
  @PrimaryColumn({ type: 'varchar', length: 60 })
  id: string;

  @Column({ name: 'idempotency_key', type: 'varchar', length: 255 })
  @Index('sandbox_session_idempotency', { unique: true })
  idempotencyKey: string;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40 })
  purchaseId: string;

  @Column({ type: 'varchar', length: 200 })
  name: string;

  @Column({ type: 'varchar', length: 200 })
  description: string;

  /** Cents of the currency. */
  @Column({ type: 'bigint', transformer: integer })
  price: number;

  @Column({ type: 'varchar', length: 3 })
  currency: string;

  @Column({ type: 'varchar', length: 10 })
  status: 'open' | 'complete' | 'expired';

  @Column({ name: 'payment_status', type: 'varchar', length: 10 })
  paymentStatus: 'unpaid' | 'paid';

  @Column({ name: 'payment_intent', type: 'varchar', length: 60, nullable: true })
  paymentIntent: string | null;

  @Column({ name: 'success_url', type: 'text' })
  successUrl: string;

  @Column({ name: 'cancel_url', type: 'text' })
  cancelUrl: string;

  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

export const PAYMENTS_ENTITIES = [Purchase, WebhookEvent, SandboxSession];
