import type { Unit } from './unit.js';

/** Why an entry was made. Credits know deposit, debit and refund; tokens know purchase, grant, consume and refund. */
export type EntryType = 'deposit' | 'debit' | 'purchase' | 'grant' | 'consume' | 'refund';

/** The state of one account: an owner's balance in one unit. All numbers are stored integers. */
export interface Account {
  readonly id: number;
  readonly unit: Unit;
  /** The sum of all entries. Below zero only after a clawback. */
  readonly balance: number;
  /** What open holds keep back; available = balance − held. */
  readonly held: number;
  /** The number of the last entry: 1, 2, 3 … without a gap. */
  readonly sequence: number;
  /** What the entries of each type come to. */
  readonly types: Readonly<Partial<Record<EntryType, TypeTotal>>>;
  /** The number of the last hold: 1, 2, 3 … without a gap. */
  readonly holds: number;
  /** How many holds are open, at most `MAX_OPEN_HOLDS`; one that has expired counts until it is settled. */
  readonly openHolds: number;
  /** The number of operations that are remembered for it; none is ever forgotten. */
  readonly operations: number;
  /** No open hold expires before this; null when none is open. It may be too early, never too late. */
  readonly nextExpiry: number | null;
  /** When the last entry was made. The times of entries never run backwards within an account, whatever the clocks of the writers say; holds go by the clock. */
  readonly lastAt: number;
}

/** What the entries of one type come to. */
export interface TypeTotal {
  /** How many there are, which is also the last `typeSequence`. */
  readonly count: number;
  /** The sum of their amounts. It only grows with the history, beyond what a double holds exactly. */
  readonly total: bigint;
}

/** One movement of a balance, never changed once written. */
export interface Entry {
  readonly accountId: number;
  readonly sequence: number;
  readonly type: EntryType;
  /** Its number among the account's entries of the same type. */
  readonly typeSequence: number;
  /** The sum of the account's entries of the same type up to this one. So the sum of any period is the difference of two entries. */
  readonly typeTotal: bigint;
  /** Signed. */
  readonly amount: number;
  readonly balanceAfter: number;
  readonly description: string | null;
  /** JSON text as the client sent it. */
  readonly metadata: string | null;
  /** The language model whose usage this is, for tokens. */
  readonly model: string | null;
  readonly purchaseId: string | null;
  /** The number of the hold that it captured. */
  readonly hold: number | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What became of a hold. An open one that is past its time counts as expired, whether or not its row says so yet. */
export type HoldStatus = 'open' | 'captured' | 'released' | 'expired';

/** An amount kept back for something that will cost at most as much. */
export interface Hold {
  readonly accountId: number;
  /** Counts 1, 2, 3 … within the account. */
  readonly number: number;
  readonly status: HoldStatus;
  readonly amount: number;
  readonly captured: number;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly expiresAt: number;
  readonly createdAt: number;
}

/** An entry to be. */
export interface Posting {
  readonly kind: 'post';
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

/** A hold to be. */
export interface Opening {
  readonly kind: 'hold';
  /** More than zero. */
  readonly amount: number;
  readonly description: string | null;
  readonly metadata: string | null;
  /** Milliseconds from now. */
  readonly expiresIn: number;
}

/** Spends from a hold. */
export interface Capture {
  readonly kind: 'capture';
  readonly hold: number;
  readonly type: EntryType;
  /** More than zero, at most what remains of the hold. */
  readonly amount: number;
  /** Whether the rest is released. */
  readonly final: boolean;
  /** Absent: the hold's own. */
  readonly description: string | null;
}

/** Gives back what remains of a hold. */
interface Release {
  readonly kind: 'release';
  readonly hold: number;
}

/** Changes nothing but remembers its key: what several operations have in common. */
interface Claim {
  readonly kind: 'claim';
}

/** What can be asked of an account. */
export type Action = Posting | Opening | Capture | Release | Claim;

/** An action, and the key that makes it the same one again. */
export interface Operation<A extends Action = Action> {
  /** What is done, such as `debit`; with the account it is the scope of the key. */
  readonly name: string;
  /** The client's idempotency key; without one, nobody can ask for it again. */
  readonly key?: string;
  /** Equal for equal requests. */
  readonly hash: string;
  /** The request's trace id. */
  readonly traceId: string;
  readonly action: A;
}

/** Why an operation was refused. */
export type Rejection =
  | { readonly reason: 'malformed' }
  | { readonly reason: 'insufficient'; readonly required: number; readonly available: number }
  | { readonly reason: 'limit' }
  | { readonly reason: 'no-hold' }
  | { readonly reason: 'hold-settled'; readonly status: HoldStatus }
  | { readonly reason: 'too-many-holds' }
  | { readonly reason: 'hold-exceeded'; readonly required: number; readonly remaining: number }
  /** Another operation of the same group was refused: the one at this place, for this. */
  | { readonly reason: 'group'; readonly index: number; readonly because: Rejection };

/** What an operation came to. A refusal is an outcome too, and stays one under its key. */
export type Outcome =
  | { readonly status: 'posted'; readonly entry: Entry }
  | { readonly status: 'held'; readonly hold: Hold }
  | { readonly status: 'claimed' }
  | { readonly status: 'refused'; readonly rejection: Rejection; readonly traceId: string };

/** What the database knows of an operation that was done before. */
export interface Recorded {
  readonly hash: string;
  readonly outcome: Outcome;
}

/** The answer to an operation: what it came to now or, when `replayed`, what it came to the first time. */
export type Answer = { readonly outcome: Outcome; readonly replayed: boolean } | { readonly outcome: 'key-reused' };
