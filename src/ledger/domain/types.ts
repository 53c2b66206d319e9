import type { Unit } from './unit.js';

/** Why an entry was made. Credits know deposit, debit and refund; tokens know purchase, grant, consume and refund. */
export type EntryType = 'deposit' | 'debit' | 'purchase' | 'grant' | 'consume' | 'refund';

/** The state of one account: an owner's balance in one unit. All numbers are stored integers. */
export interface Account {
  readonly unit: Unit;
  /** The sum of all entries. Below zero only after a clawback. */
  readonly balance: number;
  /** What open holds keep back; available = balance − held. */
  readonly held: number;
  /** The number of the last entry: 1, 2, 3 … without a gap. */
  readonly sequence: number;
  /** The number of entries of each type, which is also the last `typeSequence` of it. */
  readonly counts: Readonly<Partial<Record<EntryType, number>>>;
  /** When the last entry was made; time never runs backwards within an account, whatever the clocks of the writers say. */
  readonly lastAt: number;
}

/** One movement of a balance, never changed once written. */
export interface Entry {
  readonly sequence: number;
  readonly type: EntryType;
  /** Its number among the account's entries of the same type. */
  readonly typeSequence: number;
  /** Signed. */
  readonly amount: number;
  readonly balanceAfter: number;
  readonly description: string | null;
  /** JSON text as the client sent it. */
  readonly metadata: string | null;
  /** The language model whose usage this is, for tokens. */
  readonly model: string | null;
  readonly purchaseId: string | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What is asked of an account. */
export interface Operation {
  /** What is done, such as `debit`; with the account it is the scope of the key. */
  readonly name: string;
  /** The client's idempotency key, or an identity that the writer gave it. */
  readonly key: string;
  /** Equal for equal requests. */
  readonly hash: string;
  /** The request's trace id. */
  readonly traceId: string;
  readonly posting: Posting;
}

/** An entry to be. */
export interface Posting {
  readonly type: EntryType;
  /** Signed, not zero. */
  readonly amount: number;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly model: string | null;
  readonly purchaseId: string | null;
  /** Whether it may take the balance below zero, as a clawback may. */
  readonly overdraw: boolean;
}

/** Why an operation was refused. */
export type Rejection =
  | { readonly reason: 'malformed' }
  | { readonly reason: 'insufficient'; readonly required: number; readonly available: number }
  | { readonly reason: 'limit' };

/** What an operation came to. A refusal is an outcome too, and stays one under its key. */
export type Outcome = { readonly status: 'posted'; readonly entry: Entry } | { readonly status: 'refused'; readonly rejection: Rejection; readonly traceId: string };

/** What the database knows of an operation that was done before. */
export interface Recorded {
  readonly hash: string;
  readonly outcome: Outcome;
}

/** The answer to an operation: what it came to now or, when `replayed`, what it came to the first time. */
export type Answer = { readonly outcome: Outcome; readonly replayed: boolean } | { readonly outcome: 'key-reused' };
