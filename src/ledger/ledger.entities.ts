import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import { integer, sum } from '../common/database/index.js';
import type { EntryType, HoldStatus, Unit } from './domain/index.js';

/** An owner's balance in one unit; the columns are those of `Account` in the domain. */
@Entity('account')
@Index('account_owner_unit', ['owner', 'unit'], { unique: true })
@Index('account_next_expiry', ['nextExpiry'])
export class AccountRow {
  @PrimaryGeneratedColumn({ type: 'integer' })
  id: number;

  /** `user:<id>` or `org:<id>`. */
  @Column({ type: 'varchar', length: 205 })
  owner: string;

  @Column({ type: 'varchar', length: 10 })
  unit: Unit;

  @Column({ type: 'bigint', transformer: integer })
  balance: number;

  @Column({ type: 'bigint', transformer: integer })
  held: number;

  @Column({ type: 'bigint', transformer: integer })
  sequence: number;

  /** JSON: number and sum of the entries of each type. */
  @Column({ type: 'varchar', length: 1000 })
  types: string;

  /** The number of the last hold. */
  @Column({ type: 'bigint', transformer: integer })
  holds: number;

  /** The number of its holds that are open. */
  @Column({ name: 'open_holds', type: 'integer' })
  openHolds: number;

  /** The number of its rows in `operation`. */
  @Column({ type: 'bigint', default: 0, transformer: integer })
  operations: number;

  @Column({ name: 'next_expiry', type: 'bigint', nullable: true, transformer: integer })
  nextExpiry: number | null;

  @Column({ name: 'last_at', type: 'bigint', transformer: integer })
  lastAt: number;

  /** Drawn anew by every batch that changes the row: the same version is the same row, also after a failover that lost commits. */
  @Column({ type: 'bigint', transformer: integer })
  version: number;
}

/** The append-only history. */
@Entity('entry')
@Index('entry_type_sequence', ['accountId', 'type', 'typeSequence'], { unique: true })
export class EntryRow {
  @PrimaryColumn({ name: 'account_id', type: 'integer' })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  sequence: number;

  @Column({ type: 'varchar', length: 10 })
  type: EntryType;

  @Column({ name: 'type_sequence', type: 'bigint', transformer: integer })
  typeSequence: number;

  @Column({ name: 'type_total', type: 'bigint', select: false, transformer: sum })
  typeTotal: bigint;

  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  @Column({ name: 'balance_after', type: 'bigint', transformer: integer })
  balanceAfter: number;

  @Column({ type: 'varchar', length: 500, nullable: true })
  description: string | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true })
  metadata: string | null;

  @Column({ type: 'varchar', length: 100, nullable: true })
  model: string | null;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40, nullable: true })
  purchaseId: string | null;

  /** The number of the hold that it captured. */
  @Column({ type: 'bigint', nullable: true, transformer: integer })
  hold: number | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** Every operation that was decided under a client's key. */
@Entity('operation')
export class OperationRow {
  @PrimaryColumn({ name: 'account_id', type: 'integer' })
  accountId: number;

  @PrimaryColumn({ type: 'varchar', length: 20 })
  name: string;

  @PrimaryColumn({ name: 'idempotency_key', type: 'varchar', length: 300 })
  idempotencyKey: string;

  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  requestHash: string;

  /** The entry that it made. */
  @Column({ type: 'bigint', nullable: true, transformer: integer })
  sequence: number | null;

  /** The hold that it opened or released. */
  @Column({ type: 'bigint', nullable: true, transformer: integer })
  hold: number | null;

  /** JSON: why it was refused, and the trace id of that answer. */
  @Column({ type: 'varchar', length: 500, nullable: true })
  refusal: string | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** The last batch that each lane of each process committed, so that a lane can tell whether a commit that it heard no more of was one. */
@Entity('writer')
class WriterRow {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** Counts the attempts at batches. */
  @Column({ type: 'bigint', transformer: integer })
  number: number;

  @Column({ name: 'written_at', type: 'bigint', transformer: integer })
  writtenAt: number;
}

/** What is kept back of a balance. */
@Entity('hold')
@Index('hold_status_expires', ['accountId', 'status', 'expiresAt'])
export class HoldRow {
  @PrimaryColumn({ name: 'account_id', type: 'integer' })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  number: number;

  @Column({ type: 'varchar', length: 10 })
  status: HoldStatus;

  @Column({ type: 'bigint', transformer: integer })
  amount: number;

  @Column({ type: 'bigint', transformer: integer })
  captured: number;

  @Column({ type: 'varchar', length: 500, nullable: true })
  description: string | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true })
  metadata: string | null;

  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** Sum and number of entries per account, UTC day and type; derived from `entry`. */
@Entity('daily_total')
export class DailyTotalRow {
  @PrimaryColumn({ name: 'account_id', type: 'integer' })
  accountId: number;

  @PrimaryColumn({ type: 'integer' })
  day: number;

  @PrimaryColumn({ type: 'varchar', length: 10 })
  type: EntryType;

  @Column({ type: 'bigint', select: false, transformer: sum })
  amount: bigint;

  @Column({ type: 'bigint', transformer: integer })
  count: number;
}

export const LEDGER_ENTITIES = [AccountRow, EntryRow, OperationRow, WriterRow, HoldRow, DailyTotalRow];
