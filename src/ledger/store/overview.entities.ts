import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Stored, Unit } from '../domain/index.js';

/**
 * An account as the follower last saw it, with an index for each order in which administrators list accounts. It is
 * derived, so it can be deleted and is made again; an account without an entry has none.
 */
@Entity('account_overview')
@Index('account_overview_owner', ['unit', 'owner'])
@Index('account_overview_balance', ['unit', 'balance', 'accountId'])
@Index('account_overview_debt', ['unit', 'debt', 'accountId'])
@Index('account_overview_spent', ['unit', 'spent', 'accountId'])
@Index('account_overview_activity', ['unit', 'lastAt', 'accountId'])
@Index('account_overview_created', ['unit', 'createdAt', 'accountId'])
export class OverviewRow {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @Column({ type: 'varchar', length: 10 })
  unit: Unit;

  @Column({ type: 'varchar', length: 205 })
  owner: string;

  @Column({ type: 'bigint', transformer: integer })
  balance: Stored;

  @Column({ type: 'bigint', transformer: integer })
  debt: Stored;

  /** Spent in the last 30 days of UTC, today included; at most 2^53 − 1, because it only orders. */
  @Column({ name: 'spent_30d', type: 'bigint', transformer: integer })
  spent: number;

  /** The day on which the first of those days is no longer among them; null when nothing was spent. */
  @Column({ name: 'rolls_on', type: 'integer', nullable: true })
  rollsOn: number | null;

  /** When the last entry was made. */
  @Column({ name: 'last_at', type: 'bigint', transformer: integer })
  lastAt: number;

  /** When the first entry was made. */
  @Column({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;

  /** The number of the last entry that can be looked up; it only rises. */
  @Column({ type: 'bigint', transformer: integer })
  watermark: number;
}

/**
 * Where the entries with a value are, by time. The entries of one account and one millisecond share a row, which a
 * batch makes of all that it writes; between them there may be others.
 */
@Entity({ name: 'entry_lookup', withoutRowid: true })
export class LookupRow {
  /** Of a kind and a value, such as a trace id; two values may have one hash. */
  @PrimaryColumn({ name: 'value_hash', type: 'bigint', transformer: integer })
  hash: number;

  @PrimaryColumn({ name: 'created_at', type: 'bigint', transformer: integer })
  createdAt: number;

  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ name: 'last_sequence', type: 'bigint', transformer: integer })
  last: number;

  @Column({ name: 'first_sequence', type: 'bigint', transformer: integer })
  first: number;
}

/** The due time of the follower's repair, so that one of many processes does it. */
@Entity('follow_lease')
export class FollowLeaseRow {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  name: string;

  @Column({ name: 'next_at', type: 'bigint', transformer: integer })
  nextAt: number;

  @Column({ name: 'done_until', type: 'bigint', transformer: integer })
  doneUntil: number;
}
