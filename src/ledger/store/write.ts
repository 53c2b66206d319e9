import type { Effects } from '../domain/index.js';
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
 * Rows for one table: new ones, rows that replace those of the same key, sums to be added to those that are there, or
 * numbers that only rise.
 */
export interface RowChange {
  readonly table: keyof LedgerTables;
  readonly how: 'insert' | 'set' | 'add' | 'raise';
  readonly rows: readonly object[];
}

/** All rows that a batch writes besides its accounts, in the order in which they are written. */
export function changesOf(effects: Effects, marker: CommitMarker, now: number): RowChange[] {
  const { bucket, id, number } = marker;
  return [
    { table: 'entry', how: 'insert', rows: effects.entries },
    { table: 'operation', how: 'insert', rows: effects.operations },
    { table: 'hold', how: 'set', rows: effects.holds },
    { table: 'grant', how: 'set', rows: effects.grants },
    { table: 'reversal', how: 'add', rows: effects.reversals },
    { table: 'dailyTotal', how: 'add', rows: effects.totals },
    { table: 'audit', how: 'insert', rows: effects.audit },
    // A batch that was given up long ago may still be committed: it must not hide a later one.
    { table: 'marker', how: 'raise', rows: [{ bucket, id, number, writtenAt: now }] },
  ];
}
