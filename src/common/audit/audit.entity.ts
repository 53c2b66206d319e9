import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer, json } from '../database/index.js';

/** What an administrator or manager did; never changed once written. */
export interface AuditRecord {
  /** A UUIDv7: ids sort by time. */
  readonly id: string;
  /** Milliseconds since 1970; the same as in the id. */
  readonly at: number;
  /** `admin:<sub>` for an administrator on another account than their own, else `user:<sub>`. */
  readonly actor: string;
  /** Such as `credits.deposit`. */
  readonly action: string;
  /** `user:<id>` or `org:<id>`; null: it concerned no account. */
  readonly account: string | null;
  /** The id of what was made or changed. */
  readonly target: string;
  /** What it was like before, without secrets; null: it was not there. */
  readonly before: object | null;
  /** What it was like after, without secrets; null: it is gone. */
  readonly after: object | null;
  readonly traceId: string;
  /** The socket's, or the one that a trusted proxy forwards. */
  readonly clientAddress: string;
}

/** The append-only audit. A row is written in the transaction that did what it tells of. */
@Entity('audit')
@Index('audit_actor', ['actor', 'id'])
@Index('audit_action', ['action', 'id'])
@Index('audit_account', ['account', 'id'])
@Index('audit_target', ['target', 'id'])
export class AuditRow implements AuditRecord {
  @PrimaryColumn({ type: 'varchar', length: 36 })
  id: string;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer, update: false })
  at: number;

  @Column({ type: 'varchar', length: 210, update: false })
  actor: string;

  @Column({ type: 'varchar', length: 40, update: false })
  action: string;

  @Column({ type: 'varchar', length: 205, nullable: true, update: false })
  account: string | null;

  @Column({ type: 'varchar', length: 255, update: false })
  target: string;

  @Column({ name: 'state_before', type: 'text', nullable: true, transformer: json, update: false })
  before: object | null;

  @Column({ name: 'state_after', type: 'text', nullable: true, transformer: json, update: false })
  after: object | null;

  @Column({ name: 'trace_id', type: 'varchar', length: 32, update: false })
  traceId: string;

  @Column({ name: 'client_address', type: 'varchar', length: 64, update: false })
  clientAddress: string;
}
