import type { AccountName, Dimensions, Entry, EntryType, Hold, HoldStatus, Origin } from './account.js';
import { negate, type Stored, ZERO } from './unit.js';

/** Posts an entry. */
export interface Post extends Dimensions {
  readonly kind: 'post';
  readonly type: EntryType;
  /** Signed, not zero. */
  readonly amount: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly purchaseId: string | null;
  /** Whether it may take the balance below zero, as a clawback may. */
  readonly overdraw: boolean;
}

/** Opens a hold. */
export interface Open extends Dimensions {
  readonly kind: 'open';
  /** More than zero. */
  readonly amount: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  /** Milliseconds from now. */
  readonly expiresIn: number;
}

/** Spends from a hold. */
export interface Capture {
  readonly kind: 'capture';
  readonly hold: HoldName;
  readonly type: EntryType;
  /** More than zero, at most what remains of the hold. */
  readonly amount: Stored;
  /** Whether the rest is released. */
  readonly final: boolean;
  /** Absent: the hold's own. */
  readonly description: string | null;
  /** Absent: the hold's own. */
  readonly model: string | null;
}

/** Gives back what remains of a hold. */
export interface Release {
  readonly kind: 'release';
  readonly hold: HoldName;
}

/** Changes nothing but remembers its key: it stands for several operations together. */
interface Claim {
  readonly kind: 'claim';
}

/** A hold as a client names it: of the account, or of none. */
export type HoldName = Pick<Hold, 'accountId' | 'number'>;

export type Action = Post | Open | Capture | Release | Claim;

/** An action on an account, and the key under which it is the same one again. */
export interface Operation<A extends Action = Action> {
  readonly account: AccountName;
  /** Such as `debit`; with the account it is the scope of the key. */
  readonly scope: string;
  /** The client's idempotency key; without one, nobody can ask for it again. */
  readonly key?: string;
  /** Equal for equal requests. */
  readonly hash: string;
  /** The request's trace id; empty when no request asks for it. */
  readonly traceId: string;
  /** Who asks for it. */
  readonly actor: string;
  /** The key as the client sent it, where `key` may be one that was derived from it. */
  readonly clientKey?: string;
  readonly action: A;
}

/** Where the entry of an operation comes from. */
export function originOf({ actor, traceId, clientKey }: Operation): Origin {
  return { actor, traceId: traceId || null, idempotencyKey: clientKey ?? null };
}

/** Why an operation was refused. */
export type Rejection =
  | { readonly reason: 'malformed' }
  | { readonly reason: 'insufficient'; readonly required: Stored; readonly available: Stored }
  | { readonly reason: 'limit' }
  | { readonly reason: 'no-hold' }
  | { readonly reason: 'hold-settled'; readonly status: HoldStatus }
  | { readonly reason: 'too-many-holds' }
  | { readonly reason: 'hold-exceeded'; readonly required: Stored; readonly remaining: Stored }
  /** Another operation of the same group was refused: the one at this place, for this. */
  | { readonly reason: 'group'; readonly index: number; readonly because: Rejection };

/** A refusal is an outcome too, and stays one under its key. */
export interface Refusal {
  readonly rejection: Rejection;
  /** The trace id of the request that was refused. */
  readonly traceId: string;
}

/** The result of an operation. */
export type Outcome =
  | { readonly status: 'posted'; readonly entry: Entry }
  | { readonly status: 'held'; readonly hold: Hold }
  | { readonly status: 'claimed' }
  | ({ readonly status: 'refused' } & Refusal);

/** An operation's outcome, now or, when `replayed`, the first time; or the key was used for another request. */
export type Answer = { readonly outcome: Outcome; readonly replayed: boolean } | { readonly outcome: 'key-reused' };

/** What is known under a key. */
export interface Replay {
  readonly hash: string;
  /** Absent when the entry or hold that is remembered is not there. */
  readonly outcome: Outcome | undefined;
}

/**
 * A key is remembered for an entry or hold that is not there, or is another's: it has no answer, and to do it again
 * might do it twice.
 */
export class LostOutcome extends Error {
  constructor({ account, scope, key }: Operation) {
    super(`the outcome of ${scope} "${key}" of ${account} is not there or another's`);
  }
}

/** An operation as it is remembered: it names what it made. */
export interface Remembered {
  readonly accountId: number;
  readonly scope: string;
  readonly key: string;
  readonly hash: string;
  /** The number of the entry that it made. */
  readonly sequence: number | null;
  /** The number of the hold that it opened or released. */
  readonly hold: number | null;
  readonly refusal: Refusal | null;
  readonly createdAt: number;
}

/** An operation's identity within its account. */
export function keyOf({ scope, key }: Pick<Remembered, 'scope' | 'key'>): string {
  return `${scope} ${key}`;
}

/** Whether a client can ask for the operation again. */
export function isKeyed(operation: Operation): operation is Operation & { readonly key: string } {
  return operation.key !== undefined;
}

/** The hold that must be known to decide an operation. */
export function needs({ action }: Operation): HoldName | undefined {
  return action.kind === 'capture' || action.kind === 'release' ? action.hold : undefined;
}

/** The row that remembers an outcome. */
export function remember(
  accountId: number,
  operation: Operation & { readonly key: string },
  outcome: Outcome,
  now: number,
): Remembered {
  const { scope, key, hash } = operation;
  return {
    accountId,
    scope,
    key,
    hash,
    sequence: outcome.status === 'posted' ? outcome.entry.sequence : null,
    hold: outcome.status === 'held' ? outcome.hold.number : null,
    refusal: outcome.status === 'refused' ? { rejection: outcome.rejection, traceId: outcome.traceId } : null,
    // So that the entry can be told from another of its number, after a failover that lost it.
    createdAt: outcome.status === 'posted' ? outcome.entry.createdAt : now,
  };
}

/** Whether an outcome can be that of an action. */
export function isOf(action: Action, outcome: Outcome): boolean {
  if (outcome.status === 'held') {
    const { accountId, number, amount } = outcome.hold;
    if (action.kind === 'open') return amount === action.amount;
    return action.kind === 'release' && accountId === action.hold.accountId && number === action.hold.number;
  }
  if (outcome.status !== 'posted') return true;
  const { type, amount, hold, purchaseId } = outcome.entry;
  if (action.kind === 'post')
    return type === action.type && amount === action.amount && purchaseId === action.purchaseId;
  return (
    action.kind === 'capture' && type === action.type && amount === negate(action.amount) && hold === action.hold.number
  );
}

/** The outcome that a row remembers, given the entry or hold that it names; undefined when that is not there. */
export function recall(
  { scope, sequence, hold, refusal }: Remembered,
  entry?: Entry,
  named?: Hold,
): Outcome | undefined {
  if (refusal) return { status: 'refused', ...refusal };
  if (sequence !== null) return entry && { status: 'posted', entry };
  if (hold === null) return { status: 'claimed' };
  // The answer to the opening showed it open and whole; a released one never changes again.
  return (
    named && {
      status: 'held',
      hold: scope === 'hold' ? { ...named, status: 'open', captured: ZERO, closedAfter: null } : named,
    }
  );
}
