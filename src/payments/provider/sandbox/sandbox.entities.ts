import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../../common/database/index.js';
import type { RefundStatus } from '../payment-provider.js';

/** A checkout session of the sandbox, which Stripe would keep on its side. */
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

  /** 1 when a payment in progress has failed. */
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

  /** Our own id of a refund that an administrator ordered. */
  @Column({ name: 'request_id', type: 'varchar', length: 40, nullable: true })
  requestId: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** The cents that refunds and disputes have taken from a payment; a dispute that was won gave them back. */
export function takenOf(reversals: readonly SandboxReversal[]): number {
  return reversals.reduce((sum, { amount, status }) => sum + (status === 'won' ? 0 : amount), 0);
}
