import { Column, Entity, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Grain, UsageDimension } from '../domain/index.js';

/**
 * Text whose spaces at the end count, although MySQL and MariaDB overlook them, and null as a value of its own: a full
 * stop ends every text.
 */
export const ended = {
  to: (text: string | null): string => (text === null ? '' : `${text}.`),
  from: (text: string): string | null => (text === '' ? null : text.slice(0, -1)),
};

/**
 * The spending of an account in one hour or day with one value of a dimension, or one quantity of it. The sum is
 * `billions` × 10⁹ + `units`, either of which stays below 2^53 where one BIGINT would not last.
 */
@Entity({ name: 'usage_sum', withoutRowid: true })
export class UsageSumRow {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'varchar', length: 6 })
  dimension: UsageDimension;

  @PrimaryColumn({ type: 'varchar', length: 4 })
  grain: Grain;

  /** Hours or days since 1970-01-01. */
  @PrimaryColumn({ type: 'integer' })
  bucket: number;

  @PrimaryColumn({ type: 'varchar', length: 211, transformer: ended })
  value: string | null;

  /** A pool, or `meter:<id>`; null: the spending itself. */
  @PrimaryColumn({ type: 'varchar', length: 211, transformer: ended })
  measure: string | null;

  @Column({ type: 'bigint', transformer: integer })
  billions: number;

  @Column({ type: 'bigint', transformer: integer })
  units: number;

  /** Entries that spent; 0 for a quantity. */
  @Column({ type: 'bigint', transformer: integer })
  count: number;
}

/** Up to which entry an account's usage is summed. */
@Entity('usage_watermark')
export class UsageWatermarkRow {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  /** The number of the last entry that is in the sums; it only rises. */
  @Column({ type: 'bigint', transformer: integer })
  watermark: number;

  /** Drawn when the row is made: other sums of the same entries, made anew, have another. */
  @Column({ type: 'bigint', transformer: integer })
  epoch: number;
}
