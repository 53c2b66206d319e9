import type { EntryType } from '../domain/index.js';
import type { EntryFilter, Range } from './search.js';

/** A page of a list, and how long the list is. */
export interface Listed<T> {
  readonly rows: readonly T[];
  readonly total: number;
}

/** The part of a list that is asked for. */
export interface Paging {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

/** The entries that are asked for; times are milliseconds since 1970, from inclusive, to exclusive. */
export interface Period {
  readonly type?: EntryType;
  readonly from?: number;
  readonly to?: number;
}

/** Entries to be looked for. */
export interface EntrySearch extends Period, Omit<Paging, 'offset'> {
  readonly filter: EntryFilter;
  /** Where the page before it ended; the period has been found then. */
  readonly rest?: Range;
}

/** Entries to be read from the first to the last. */
export interface WholeSearch extends Period, Pick<Paging, 'order'> {
  /** Absent: all. */
  readonly filter?: EntryFilter;
}
