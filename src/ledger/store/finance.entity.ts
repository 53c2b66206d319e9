import { Column, Entity, PrimaryColumn } from 'typeorm';
import { sum } from '../../common/database/index.js';
import type { BookRow, Line, Unit } from '../domain/index.js';

/**
 * The books: sums of all accounts by day, unit and line. Each lane adds to rows of its own (`shard`), so that no lane
 * waits for another's commit. The key begins with what a month's opening is summed by, so that it needs no sorting.
 */
@Entity('finance_day')
export class FinanceDayRow implements BookRow {
  @PrimaryColumn({ type: 'varchar', length: 10 })
  unit: Unit;

  @PrimaryColumn({ type: 'varchar', length: 10 })
  line: Line;

  @PrimaryColumn({ type: 'integer' })
  day: number;

  @PrimaryColumn({ type: 'integer' })
  shard: number;

  @Column({ type: 'bigint', transformer: sum })
  paid: bigint;

  @Column({ type: 'bigint', transformer: sum })
  promotional: bigint;

  @Column({ type: 'bigint', transformer: sum })
  dollars: bigint;
}

const SHARDS = 64;

/** Which rows a lane of a process adds to. The lanes of a process differ in the last letter, so each has its own. */
export function shardOf(lane: string): number {
  let hash = 0;
  for (let i = 0; i < lane.length; i++) hash = (hash * 31 + lane.charCodeAt(i)) | 0;
  return hash & (SHARDS - 1);
}
