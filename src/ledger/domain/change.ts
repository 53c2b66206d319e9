import type { Account, Entry, Hold, Origin } from './account.js';
import type { Booking } from './books.js';
import type { Grant, Grants } from './grant.js';
import type { Outcome } from './operation.js';

/** An account, and what an operation needs to know of it. */
export interface State {
  readonly account: Account;
  readonly grants: Grants;
  /** Where the entries of the operation come from; absent: from no request. */
  readonly origin?: Origin;
  /** The hold that the operation names, if there is one. */
  readonly hold?: Hold;
  /** The entry that it reverses, if there is one. */
  readonly reversed?: ReversedEntry;
  /** The purchase that it takes back or gives back. */
  readonly purchase?: PurchaseState;
}

/** An entry, and how much of it was reversed before. */
export interface Reversible {
  readonly entry: Entry;
  readonly amount: number;
}

/** An entry that is to be reversed or repriced. */
export interface ReversedEntry extends Reversible {
  /** The spendings that raised its price later, the oldest first. */
  readonly repricings: readonly Reversible[];
}

/** What the ledger knows of a purchase. */
export interface PurchaseState {
  /** The grants that it made, and those that extend them, the oldest first. */
  readonly grants: readonly number[];
  /** The entries that took it back or gave it back, the oldest first. */
  readonly refunds: readonly Pick<Entry, 'amount' | 'slices'>[];
}

/** The state after an operation, and the rows that it made or changed. */
export interface Change {
  readonly account: Account;
  readonly entries: readonly Entry[];
  readonly hold?: Hold;
  /** As they are now, the new ones last. */
  readonly grants: readonly Grant[];
  /** How it moved the books. */
  readonly books: readonly Booking[];
  readonly outcome: Outcome;
}
