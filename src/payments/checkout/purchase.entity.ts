import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Stored } from '../../wallet/index.js';
import type { CheckoutTerms } from '../provider/index.js';

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

  /**
   * What the provider is asked for. It is kept because a retry under the same key must ask for the same, whatever the
   * configuration says by then.
   */
  @Column({ name: 'checkout_terms', type: 'text', transformer: json })
  checkoutTerms: CheckoutTerms;

  /**
   * In the link to our own return page: it shows whoever came from this checkout the balance and the receipt for a
   * while.
   */
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

  /** What refunds and disputes have taken back of amount and bonus so far. */
  @Column({ type: 'bigint', transformer: integer })
  reversed: number;

  /** The provider's receipt. */
  @Column({ name: 'receipt_url', type: 'text', nullable: true })
  receiptUrl: string | null;

  /**
   * When a page last asked the provider. Whoever moves it on may ask, so that of many views in many processes one does.
   */
  @Column({ name: 'asked_at', type: 'bigint', transformer: integer })
  askedAt: number;

  /**
   * Counts the writes. What was fetched for one version is written to no other, so nothing older ever overwrites
   * something newer.
   */
  @Column({ type: 'bigint', transformer: integer })
  version: number;

  /**
   * Chosen once an attempt, because a retry must send the provider the same value. Milliseconds since 1970, a whole
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

  /** The provider makes one customer under it, however many ask at once. */
  @Column({ name: 'creation_key', type: 'varchar', length: 60 })
  creationKey: string;

  @Column({ name: 'customer_id', type: 'varchar', length: 255, nullable: true })
  customerId: string | null;
}
