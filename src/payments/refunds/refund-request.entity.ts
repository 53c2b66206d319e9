import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { AuditEntry } from '../../common/audit/index.js';
import { integer, json } from '../../common/database/index.js';
import type { RefundReason, RefundStatus } from '../provider/index.js';

/**
 * A refund that an administrator ordered. It is written before the provider is called, so that a retry after a crash
 * repeats it and never doubles it.
 */
@Entity('purchase_refund')
@Index('purchase_refund_idempotency', ['account', 'idempotencyKey'], { unique: true })
@Index('purchase_refund_status', ['status', 'createdAt'])
export class PurchaseRefundRequest {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40 })
  @Index('purchase_refund_purchase')
  purchaseId: string;

  /** The purchase's account. The client's key belongs to it. */
  @Column({ type: 'varchar', length: 205 })
  account: string;

  /** Who asked for it: `user:<sub>`, or `admin:<sub>` for an administrator on another account than their own. */
  @Column({ type: 'varchar', length: 210 })
  actor: string;

  /** The client's key; null when it sent none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  idempotencyKey: string | null;

  /** Covers the purchase and the fields of the request. */
  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  /** Cents of the purchase's currency. */
  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  @Column({ type: 'varchar', length: 30, nullable: true })
  reason: RefundReason | null;

  /** Part of the provider's idempotency key. */
  @Column({ type: 'integer' })
  attempt: number;

  /** `asked` until the provider has answered; then its first answer, or `refused`. */
  @Column({ type: 'varchar', length: 20 })
  status: 'asked' | 'refused' | RefundStatus;

  /** The provider's id of the refund. */
  @Column({ name: 'refund_id', type: 'varchar', length: 255, nullable: true })
  refundId: string | null;

  /** The refusal, as JSON; a replay repeats it. */
  @Column({ type: 'text', nullable: true })
  refusal: string | null;

  /** What the audit says once the provider has carried it out; null when it was refused at once. */
  @Column({ type: 'text', nullable: true, transformer: json })
  record: AuditEntry | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}
