import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer, json } from '../../common/database/index.js';

/** Why usage is parked, or still is: an error as a request would have got it. */
export interface ParkedReason {
  code: string;
  message: string;
  details: object | null;
}

/** Spending that nothing priced, as it was asked for. It waits for a card that does. */
@Entity('parked_usage')
@Index('parked_usage_list', ['status', 'createdAt', 'id'])
@Index('parked_usage_account', ['account', 'status', 'createdAt', 'id'])
@Index('parked_usage_tried', ['status', 'triedAt', 'createdAt', 'id'])
export class ParkedUsageRow {
  /** `park_` and 32 hexadecimal digits. */
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** `user:<id>` or `org:<id>`. */
  @Column({ type: 'varchar', length: 205, update: false })
  account: string;

  @Column({ type: 'varchar', length: 10 })
  status: 'parked' | 'posted';

  /** The fields of the request, `usage` among them. */
  @Column({ type: 'mediumtext' as 'text', transformer: json, update: false })
  request: object;

  /** Who asked for it. */
  @Column({ type: 'varchar', length: 210, update: false })
  actor: string;

  /** The key that the client sent; null: none. */
  @Column({ name: 'idempotency_key', type: 'varchar', length: 255, nullable: true, update: false })
  idempotencyKey: string | null;

  /** The trace id of the request. */
  @Column({ name: 'trace_id', type: 'varchar', length: 32, update: false })
  traceId: string;

  /** Why it was not posted, the last time that it was tried. */
  @Column({ type: 'mediumtext' as 'text', transformer: json })
  reason: ParkedReason;

  /** The debit that it became; null while it is parked. */
  @Column({ name: 'transaction_id', type: 'bigint', nullable: true, transformer: integer })
  transactionId: number | null;

  /** Milliseconds since 1970. */
  @Column({ name: 'created_at', type: 'bigint', transformer: integer, update: false })
  createdAt: number;

  /** When posting was tried last, in milliseconds since 1970; 0: never. */
  @Column({ name: 'tried_at', type: 'bigint', transformer: integer })
  triedAt: number;
}
