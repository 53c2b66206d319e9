import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../common/database/index.js';
import type { Stored } from '../wallet/index.js';
import type { CheckoutTerms, RefundReason, RefundStatus } from './provider.js';

const json = { to: (value: unknown) => JSON.stringify(value), from: (value: string) => JSON.parse(value) as unknown };

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
@Index('purchase_updated', ['updatedAt'])
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
  amount: Stored;

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
  @Index('purchase_payment_intent')
  paymentIntent: string | null;

  /** What the provider is asked for. It is kept because a retry under the same key must ask for the same, whatever the configuration says by then. */
  @Column({ name: 'checkout_terms', type: 'text', transformer: json })
  checkoutTerms: CheckoutTerms;

  /** In the link to our own return page: it shows whoever came from this checkout the balance and the receipt for a while. */
  @Column({ name: 'return_token', type: 'varchar', length: 43 })
  returnToken: string;

  /** Cents that were paid, with tax and after discounts; null before. */
  @Column({ type: 'bigint', nullable: true, transformer: integer })
  paid: number | null;

  /** Cents of refunds that have not failed, as the provider had them last. */
  @Column({ type: 'bigint', transformer: integer })
  refunded: number;

  /** Cents that disputes have withdrawn, as the provider had them last. */
  @Column({ type: 'bigint', transformer: integer })
  disputed: number;

  /** What refunds and disputes have taken back of `amount` so far. */
  @Column({ type: 'bigint', transformer: integer })
  reversed: number;

  /** The provider's receipt. */
  @Column({ name: 'receipt_url', type: 'text', nullable: true })
  receiptUrl: string | null;

  /** When a page last asked the provider. Whoever moves it on may ask, so that of many views in many processes one does. */
  @Column({ name: 'asked_at', type: 'bigint', transformer: integer })
  askedAt: number;

  /** Counts the writes. What was fetched for one version is written to no other, so nothing older ever overwrites something newer. */
  @Column({ type: 'bigint', transformer: integer })
  version: number;

  /** Chosen once an attempt, because a retry must send the provider the same value. Milliseconds since 1970, a whole second. */
  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: integer })
  updatedAt: number;

  @Column({ name: 'paid_at', type: 'bigint', nullable: true, transformer: integer })
  paidAt: number | null;
}

/** How an event of the inbox ended: its purchase was settled, it concerns nothing of ours, it names a purchase that doesn't exist, or it was given up. */
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

/** A refund that an administrator asked for. It is written before the provider is asked, so that a crash in between repeats it and never doubles it. */
@Entity('purchase_refund')
@Index('purchase_refund_idempotency', ['account', 'idempotencyKey'], { unique: true })
@Index('purchase_refund_status', ['status', 'createdAt'])
export class PurchaseRefundRequest {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40 })
  @Index('purchase_refund_purchase')
  purchaseId: string;

  /** The purchase's, to which the client's key belongs. */
  @Column({ type: 'varchar', length: 205 })
  account: string;

  /** The client's; null when it sent none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  idempotencyKey: string | null;

  /** Of the purchase and of what was asked for it. */
  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  /** Cents of the purchase's currency. */
  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  @Column({ type: 'varchar', length: 30, nullable: true })
  reason: RefundReason | null;

  /** Part of the key under which the provider is asked. */
  @Column({ type: 'integer' })
  attempt: number;

  /** `asked` until the provider has answered; then its first answer, or `refused`. */
  @Column({ type: 'varchar', length: 20 })
  status: 'asked' | 'refused' | RefundStatus;

  /** The provider's id of it. */
  @Column({ name: 'refund_id', type: 'varchar', length: 255, nullable: true })
  refundId: string | null;

  /** The refusal that a repetition is answered with. */
  @Column({ type: 'text', nullable: true })
  refusal: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** The provider's customer of an account. */
@Entity('payment_customer')
export class PaymentCustomer {
  /** `user:<id>` or `org:<id>`. */
  @PrimaryColumn({ type: 'varchar', length: 205 })
  account: string;

  @PrimaryColumn({ type: 'varchar', length: 10 })
  provider: string;

  /** 1 when real money moves; a test customer is unknown to the live provider. */
  @PrimaryColumn({ type: 'integer' })
  livemode: number;

  /** The provider makes one customer under it, however many ask at once. */
  @Column({ name: 'creation_key', type: 'varchar', length: 60 })
  creationKey: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 255, nullable: true })
  customerId: string | null;
}

/** When each kind of reconciliation is due, so that of many processes one does it. */
@Entity('reconciliation')
export class Reconciliation {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  name: string;

  @Column({ name: 'next_at', type: 'bigint', transformer: integer })
  nextAt: number;

  /** Up to when the last one that ended has looked. */
  @Column({ name: 'done_until', type: 'bigint', transformer: integer })
  doneUntil: number;
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

  /** 1 when a payment that was under way has failed. */
  @Column({ name: 'payment_failed', type: 'integer' })
  paymentFailed: number;

  @Column({ name: 'payment_intent', type: 'varchar', length: 60, nullable: true })
  @Index('sandbox_session_payment_intent')
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

/** A refund or dispute of the sandbox. */
@Entity('sandbox_reversal')
export class SandboxReversal {
  @PrimaryColumn({ type: 'varchar', length: 60 })
  id: string;

  @Column({ name: 'payment_intent', type: 'varchar', length: 60 })
  @Index('sandbox_reversal_payment_intent')
  paymentIntent: string;

  @Column({ type: 'varchar', length: 10 })
  kind: 'refund' | 'dispute';

  /** Cents of the currency. */
  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  @Column({ type: 'varchar', length: 20 })
  status: RefundStatus | 'needs_response' | 'won' | 'lost';

  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  @Index('sandbox_reversal_idempotency', { unique: true })
  idempotencyKey: string | null;

  /** Our own id of a refund that an administrator asked for. */
  @Column({ name: 'request_id', type: 'varchar', length: 40, nullable: true })
  requestId: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

export const PAYMENTS_ENTITIES = [
  Purchase,
  WebhookEvent,
  PurchaseRefundRequest,
  PaymentCustomer,
  Reconciliation,
  SandboxSession,
  SandboxReversal,
];
