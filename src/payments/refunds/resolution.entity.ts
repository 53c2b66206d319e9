import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Resolution } from '../checkout/index.js';

/** A decision on a review, or its refusal under a key, so that the same request gets the same answer. */
@Entity('purchase_resolution')
@Index('purchase_resolution_idempotency', ['account', 'idempotencyKey'], { unique: true })
export class PurchaseResolution {
  /** Also the id of the refund that it orders. */
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40 })
  purchaseId: string;

  /** The purchase's account. The client's key belongs to it. */
  @Column({ type: 'varchar', length: 205 })
  account: string;

  /** The client's key; null when it sent none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true })
  idempotencyKey: string | null;

  /** Covers the purchase and the fields of the request. */
  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  @Column({ type: 'varchar', length: 10 })
  decision: Resolution;

  @Column({ type: 'varchar', length: 500 })
  note: string;

  /** The first answer, as JSON: the purchase, or the refusal. Null until it is known. */
  @Column({ type: 'text', nullable: true })
  answer: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}
