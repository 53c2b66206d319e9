import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { AuditRow } from '../../common/audit/index.js';
import { integer, json, sum } from '../../common/database/index.js';
import { FinanceDayRow } from './finance.entity.js';
import { GrantRow, ReversalRow, slices } from './grant.entities.js';
import { HoldRow } from './hold.entity.js';
import { FollowLeaseRow, LookupRow, OverviewRow } from './overview.entities.js';
import type {
  Account,
  DailyTotal,
  Entry,
  EntryType,
  Refusal,
  Remembered,
  Slice,
  Stored,
  Unit,
} from '../domain/index.js';

/** The sums as text, because JSON numbers are doubles. */
const typeTotals = {
  to: (types: Account['types']): string => {
    let text = '';
    for (const [type, { count, total }] of Object.entries(types))
      text += `${text ? ',' : ''}"${type}":[${count},"${total}"]`;
    return `{${text}}`;
  },
  from: (text: string): Account['types'] => {
    const entries = Object.entries(JSON.parse(text) as Record<string, [count: number, total: string]>);
    return Object.fromEntries(entries.map(([type, [count, total]]) => [type, { count, total: BigInt(total) }]));
  },
};

/**
 * The one description of the table `account`; column lists, rows and the tests' tables in memory follow from it. The
 * other entities work the same way.
 */
@Entity('account')
@Index('account_owner_unit', ['owner', 'unit'], { unique: true })
@Index('account_next_expiry', ['nextExpiry'])
export class AccountRow implements Account {
  /** Made from the unit and the owner. */
  @PrimaryColumn({ type: 'bigint', transformer: integer })
  id: number;

  @Column({ type: 'varchar', length: 205, update: false })
  owner: string;

  @Column({ type: 'varchar', length: 10, update: false })
  unit: Unit;

  @Column({ type: 'bigint', transformer: integer })
  balance: Stored;

  @Column({ type: 'bigint', transformer: integer })
  held: Stored;

  @Column({ name: 'debt_price', type: 'bigint', default: 0, transformer: integer })
  debtPrice: number;

  @Column({ type: 'bigint', transformer: integer })
  sequence: number;

  /** JSON: number and sum of the entries of each type. */
  @Column({ type: 'text', transformer: typeTotals })
  types: Account['types'];

  @Column({ type: 'bigint', transformer: integer })
  holds: number;

  @Column({ name: 'hold_events', type: 'bigint', transformer: integer })
  holdEvents: number;

  @Column({ name: 'open_holds', type: 'integer' })
  openHolds: number;

  @Column({ type: 'bigint', transformer: integer })
  operations: number;

  @Column({ name: 'next_expiry', type: 'bigint', nullable: true, transformer: integer })
  nextExpiry: number | null;

  @Column({ name: 'last_at', type: 'bigint', transformer: integer })
  lastAt: number;

  /** Written, like `note`, by a statement of its own: a batch without a mark must not pay for it. */
  @Column({ type: 'varchar', length: 500, nullable: true, update: false })
  frozen: string | null;

  @Column({ type: 'varchar', length: 2000, nullable: true, update: false })
  note: string | null;

  /** Written by the rewrite that compares it. */
  @Column({ type: 'bigint', transformer: integer, update: false })
  version: number;
}

/** The append-only history. */
@Entity('entry')
@Index('entry_type_sequence', ['accountId', 'type', 'typeSequence'], { unique: true })
export class EntryRow implements Entry {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  sequence: number;

  @Column({ type: 'varchar', length: 20 })
  type: EntryType;

  @Column({ name: 'type_sequence', type: 'bigint', transformer: integer })
  typeSequence: number;

  @Column({ name: 'type_total', type: 'bigint', select: false, transformer: sum })
  typeTotal: bigint;

  @Column({ type: 'bigint', transformer: integer })
  amount: Stored;

  @Column({ name: 'balance_after', type: 'bigint', transformer: integer })
  balanceAfter: Stored;

  @Column({ type: 'varchar', length: 500, nullable: true })
  description: string | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true })
  metadata: string | null;

  @Column({ type: 'varchar', length: 210 })
  actor: string;

  @Column({ type: 'varchar', length: 100, nullable: true })
  agent: string | null;

  @Column({ name: 'run_id', type: 'varchar', length: 100, nullable: true })
  runId: string | null;

  @Column({ type: 'varchar', length: 100, nullable: true })
  model: string | null;

  @Column({ name: 'trace_id', type: 'varchar', length: 32, nullable: true })
  traceId: string | null;

  @Column({ name: 'idempotency_key', type: 'varchar', length: 300, nullable: true })
  idempotencyKey: string | null;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40, nullable: true })
  purchaseId: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  hold: number | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true, transformer: slices })
  slices: readonly Slice[] | null;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  reverses: number | null;

  @Column({ name: 'expired_at', type: 'bigint', nullable: true, transformer: integer })
  expiredAt: number | null;

  @Column({ name: 'usage_text', type: 'mediumtext' as 'text', nullable: true })
  usage: string | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true })
  pricing: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  reprices: number | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/** Every operation that was decided under a client's key. */
@Entity('operation')
export class OperationRow implements Remembered {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'varchar', length: 20 })
  scope: string;

  @PrimaryColumn({ name: 'idempotency_key', type: 'varchar', length: 300 })
  key: string;

  @Column({ name: 'request_hash', type: 'varchar', length: 43 })
  hash: string;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  sequence: number | null;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  hold: number | null;

  @Column({ type: 'text', nullable: true, transformer: json })
  refusal: Refusal | null;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;
}

/**
 * The commit marker: the last batch that each lane of each process committed, so that a lane can tell whether a commit
 * that it heard no more of was one.
 */
@Entity('commit_marker')
export class MarkerRow {
  /** The first of the lane's buckets: the marker commits with the accounts of the batch, wherever they lie. */
  @PrimaryColumn({ type: 'integer' })
  bucket: number;

  /** The lane of a process. */
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** Counts the attempts at batches. */
  @Column({ type: 'bigint', transformer: integer })
  number: number;

  @Column({ name: 'written_at', type: 'bigint', transformer: integer })
  writtenAt: number;
}

/** Derived from `entry`. */
@Entity('daily_total')
export class DailyTotalRow implements DailyTotal {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'integer' })
  day: number;

  @PrimaryColumn({ type: 'varchar', length: 20 })
  type: EntryType;

  @Column({ type: 'bigint', transformer: sum })
  amount: bigint;

  @Column({ type: 'bigint', transformer: integer })
  count: number;
}

export const LEDGER_ENTITIES = [
  AccountRow,
  EntryRow,
  OperationRow,
  MarkerRow,
  HoldRow,
  GrantRow,
  ReversalRow,
  DailyTotalRow,
  OverviewRow,
  LookupRow,
  FollowLeaseRow,
  FinanceDayRow,
  AuditRow,
];
