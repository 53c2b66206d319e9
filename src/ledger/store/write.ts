import type { Effects } from '../domain/index.js';
import { shardOf } from './finance.entity.js';
import type { LedgerTables } from './tables.js';

/** Tells an attempt at a batch from all others. */
export interface CommitMarker {
  /** The lane's first bucket. */
  readonly bucket: number;
  /** The lane of a process. */
  readonly id: string;
  /** Counts the attempts. */
  readonly number: number;
  /** The version that the accounts of the batch have from then on. */
  readonly version: number;
}

/**
 * Rows for one table: new ones, rows that are there and change, rows that replace those of the same key or are new,
 * sums to be added to those that are there, or numbers that only rise.
 */
export interface RowChange {
  readonly table: keyof LedgerTables;
  readonly how: 'insert' | 'update' | 'set' | 'add' | 'raise';
  readonly rows: readonly object[];
  /** The columns that may have changed; absent: all that can. */
  readonly columns?: readonly string[];
}

const MOVED = ['used', 'held', 'remaining'];

/** All rows that a batch writes besides its accounts, in the order in which they are written. */
export function changesOf(effects: Effects, marker: CommitMarker, now: number): RowChange[] {
  const { bucket, id, number } = marker;
  const shard = shardOf(id);
  return [
    { table: 'entry', how: 'insert', rows: effects.entries },
    { table: 'operation', how: 'insert', rows: effects.operations },
    { table: 'hold', how: 'set', rows: effects.holds },
    { table: 'grant', how: 'insert', rows: effects.grants.made },
    { table: 'grant', how: 'update', rows: effects.grants.moved, columns: MOVED },
    { table: 'grant', how: 'update', rows: effects.grants.changed },
    { table: 'reversal', how: 'add', rows: effects.reversals },
    { table: 'repricing', how: 'insert', rows: effects.repricings },
    { table: 'dailyTotal', how: 'add', rows: effects.totals },
    { table: 'finance', how: 'add', rows: effects.books.map((row) => ({ ...row, shard })) },
    { table: 'audit', how: 'insert', rows: effects.audit },
    // A batch that was given up long ago may still be committed: it must not hide a later one.
    { table: 'marker', how: 'raise', rows: [{ bucket, id, number, writtenAt: now }] },
  ];
}
