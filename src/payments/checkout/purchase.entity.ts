import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer, json } from '../../common/database/index.js';
import type { Stored } from '../../wallet/index.js';
import type { CheckoutTerms, Refund } from '../provider/index.js';

/** The goods: credits or tokens. Also the scope of an idempotency key. */
export type PurchaseKind = 'credits' | 'tokens';

/** `open → processing → paid`; `open → expired | canceled`; `processing → failed`; any → `review`. `paid` is final. */
export const PURCHASE_STATUSES = ['open', 'processing', 'paid', 'expired', 'canceled', 'failed', 'review'] as const;
export type PurchaseStatus = (typeof PURCHASE_STATUSES)[number];

/** How an administrator ended a review: the goods were granted, nothing was done, or the payment is given back. */
export const RESOLUTIONS = ['grant', 'dismiss', 'refund'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** A purchase: its goods, account and price as they were when it began, and the state of its payment. */
@Entity('purchase')
@Index('purchase_idempotency', ['account', 'kind', 'idempotencyKey'], { unique: true })
@Index('purchase_history', ['account', 'createdAt', 'id'])
@Index('purchase_status', ['status', 'updatedAt'])
@Index('purchase_updated', ['updatedAt'])
@Index('purchase_created', ['createdAt', 'id'])
@Index('purchase_status_created', ['status', 'createdAt', 'id'])
export class Purchase {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** `user:<id>` or `org:<id>`. */
  @Column({ type: 'varchar', length: 205 })
  account: string;

  /** Who began it: `user:<sub>`, or `admin:<sub>` for an administrator on another account than their own. */
  @Column({ type: 'varchar', length: 210 })
  actor: string;

  @Column({ type: 'varchar', length: 10 })
  kind: PurchaseKind;

  /** The client's key; null when it sent none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  idempotencyKey: string | null;

  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  /** The id of the package or plan. */
  @Column({ type: 'varchar', length: 100 })
  item: string;

  /** The name that the buyer reads, such as "Pro package". */
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

  /** Days of 24 hours from settlement until `amount` expires; null: never. */
  @Column({ name: 'expires_in_days', type: 'integer', nullable: true })
  expiresInDays: number | null;

  /** Micro-dollars or tokens on top of `amount`; 0: none. */
  @Column({ name: 'bonus_amount', type: 'bigint', transformer: integer })
  bonusAmount: Stored;

  /** Days of 24 hours from settlement until the bonus expires; null: never. */
  @Column({ name: 'bonus_expires_in_days', type: 'integer', nullable: true })
  bonusExpiresInDays: number | null;

  /** 0–100; null: the default of grants. */
  @Column({ name: 'bonus_priority', type: 'integer', nullable: true })
  bonusPriority: number | null;

  @Column({ type: 'varchar', length: 10 })
  provider: string;

  /** 1 when real money moves. */
  @Column({ type: 'integer' })
  livemode: number;

  @Column({ type: 'varchar', length: 10 })
  status: PurchaseStatus;

  @Column({ name: 'review_reason', type: 'varchar', length: 500, nullable: true })
  reviewReason: string | null;

  /** How its review ended; null: it had none, or has not ended. */
  @Column({ type: 'varchar', length: 10, nullable: true })
  resolution: Resolution | null;

  /** Part of the provider's idempotency key: the same attempt gets the same session. */
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

  /**
   * The order for the provider. It is stored because a retry under the same key must send the same order, even after
   * the configuration has changed.
   */
  @Column({ name: 'checkout_terms', type: 'text', transformer: json })
  checkoutTerms: CheckoutTerms;

  /** Where the request sends the buyer after the payment; null: where the configuration does. */
  @Column({ name: 'success_url', type: 'text', nullable: true })
  successUrl: string | null;

  /** Where the request sends a buyer who leaves the checkout; null: where the configuration does. */
  @Column({ name: 'cancel_url', type: 'text', nullable: true })
  cancelUrl: string | null;

  /** A token in the link to our own return page. It shows the balance and the receipt to the buyer for a while. */
  @Column({ name: 'return_token', type: 'varchar', length: 43 })
  returnToken: string;

  /** Cents paid, with tax and after discounts; null before the payment. */
  @Column({ type: 'bigint', nullable: true, transformer: integer })
  paid: number | null;

  /** Cents of refunds that have not failed, when the provider was last asked. */
  @Column({ type: 'bigint', transformer: integer })
  refunded: number;

  /** The refunds, when the provider was last asked; null before. */
  @Column({ type: 'text', nullable: true, transformer: json })
  refunds: readonly Refund[] | null;

  /** Cents that disputes have withdrawn, when the provider was last asked. */
  @Column({ type: 'bigint', transformer: integer })
  disputed: number;

  /** The part of amount and bonus that refunds and disputes have taken back. */
  @Column({ type: 'bigint', transformer: integer })
  reversed: number;

  /** The provider's receipt. */
  @Column({ name: 'receipt_url', type: 'text', nullable: true })
  receiptUrl: string | null;

  /**
   * The time when a page last asked the provider. A page asks only after it has moved this time on, so one of many
   * views in many processes asks.
   */
  @Column({ name: 'asked_at', type: 'bigint', transformer: integer })
  askedAt: number;

  /**
   * Counts the writes. Facts fetched for one version are never written to another, so older facts never overwrite newer
   * ones.
   */
  @Column({ type: 'bigint', transformer: integer })
  version: number;

  /**
   * Chosen once per attempt, because a retry must send the provider the same value. Milliseconds since 1970, a whole
   * second.
   */
  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: integer })
  updatedAt: number;

  @Column({ name: 'paid_at', type: 'bigint', nullable: true, transformer: integer })
  paidAt: number | null;
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

  /** The provider's idempotency key: concurrent calls create one customer. */
  @Column({ name: 'creation_key', type: 'varchar', length: 60 })
  creationKey: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 255, nullable: true })
  customerId: string | null;
}
