import type { Account, Entry, Hold } from './account.js';
import type { Outcome, Rejection } from './operation.js';

/** An account and the hold that an operation names, if there is one. */
export interface State {
  readonly account: Account;
  readonly hold?: Hold;
}

/** The state after an operation, and the rows that it made or changed. */
export interface Change {
  readonly account: Account;
  readonly entry?: Entry;
  readonly hold?: Hold;
  readonly outcome: Outcome;
}

/** What a rule comes to. */
export type Ruling = Change | Rejection;
