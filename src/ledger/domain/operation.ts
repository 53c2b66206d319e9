import type { AccountName, Entry, EntryType, Hold, HoldStatus } from './account.js';
import type { Terms } from './grant.js';
import { negate, type Stored, ZERO } from './unit.js';

/** Adds an amount, which makes a grant. */
export interface Fund {
  readonly kind: 'fund';
  readonly type: EntryType;
  /** More than zero. */
  readonly amount: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly terms: FundTerms;
  /** What a purchase brings besides: an entry and a grant of its own. */
  readonly bonus?: { readonly amount: Stored; readonly description: string; readonly terms: FundTerms };
  /** Whether the account must have an entry or a hold. */
  readonly existing: boolean;
}

/** The terms of a grant that is to be made. */
export interface FundTerms extends Omit<Terms, 'extends' | 'expiresAt'>, Partial<Pick<Terms, 'extends'>> {
  /** Milliseconds since 1970, later than now; null: never, unless `expiresIn` says otherwise. */
  readonly expiresAt: number | null;
  /** Milliseconds from now. */
  readonly expiresIn?: number;
}

/** Spends an amount that is available. */
export interface Spend {
  readonly kind: 'spend';
  readonly type: EntryType;
  /** More than zero. */
  readonly amount: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly model: string | null;
}

/** Takes back part of a purchase, whether or not it is still there, or gives it back. */
export interface Refund {
  readonly kind: 'refund';
  /** Signed, not zero: below zero it takes back. */
  readonly amount: Stored;
  readonly purchaseId: string | null;
  readonly description: string | null;
}

/** Forfeits what remains of a grant. */
export interface Void {
  readonly kind: 'void';
  readonly grant: number;
  readonly description: string;
}

/** Ends what remains of a grant whose time has passed. No client asks for it. */
export interface Expire {
  readonly kind: 'expire';
  readonly grant: number;
}

/** Moves what remains of a grant into a new one that expires later. */
export interface Extend {
  readonly kind: 'extend';
  readonly grant: number;
  /** The type of the new grant's entry. */
  readonly type: EntryType;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly description: string;
}

/** Gives back what an entry spent, or takes back what remains of the grant that it made. */
export interface Reverse {
  readonly kind: 'reverse';
  /** The entry's number. */
  readonly entry: number;
  /** More than zero; null: all that is left. */
  readonly amount: Stored | null;
  readonly description: string;
}

/** Opens a hold. */
export interface Open {
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

export type Action = Fund | Spend | Refund | Void | Expire | Extend | Reverse | Open | Capture | Release | Claim;

/** An action on an account, and the key under which it is the same one again. */
export interface Operation<A extends Action = Action> {
  readonly account: AccountName;
  /** Such as `debit`; with the account it is the scope of the key. */
  readonly scope: string;
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
  | { readonly reason: 'insufficient'; readonly required: Stored; readonly available: Stored }
  | { readonly reason: 'limit' }
  | { readonly reason: 'no-hold' }
  | { readonly reason: 'hold-settled'; readonly status: HoldStatus }
  | { readonly reason: 'too-many-holds' }
  | { readonly reason: 'hold-exceeded'; readonly required: Stored; readonly remaining: Stored }
  | { readonly reason: 'no-account' }
  | { readonly reason: 'no-grant' }
  | { readonly reason: 'nothing-remains' }
  | { readonly reason: 'never-expires' }
  | { readonly reason: 'not-due' }
  | { readonly reason: 'past' }
  | { readonly reason: 'not-later'; readonly expiresAt: number }
  | { readonly reason: 'no-entry' }
  | { readonly reason: 'irreversible'; readonly type: EntryType }
  | { readonly reason: 'reversed'; readonly remaining: Stored }
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

/** What must be known to decide an operation, besides the account and its open grants. */
export interface Needs {
  readonly hold?: HoldName;
  readonly grant?: number;
  /** An entry that is reversed. */
  readonly entry?: number;
  readonly purchaseId?: string;
}

/** What must be known to decide an operation, besides the account and its open grants. */
export function needs({ action }: Operation): Needs {
  switch (action.kind) {
    case 'capture':
    case 'release':
      return action;
    case 'void':
    case 'extend':
      return { grant: action.grant };
    case 'reverse':
      return { entry: action.entry };
    case 'refund':
      return action.purchaseId === null ? {} : { purchaseId: action.purchaseId };
    default:
      return {};
  }
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
  return isMadeBy(action, outcome.entry);
}

/** Whether an entry can be one that an action made. */
function isMadeBy(action: Action, { type, amount, hold, purchaseId, reverses }: Entry): boolean {
  switch (action.kind) {
    case 'fund':
      return type === action.type && amount === action.amount && purchaseId === action.terms.purchaseId;
    case 'spend':
      return type === action.type && amount === negate(action.amount) && hold === null;
    case 'capture':
      return type === action.type && amount === negate(action.amount) && hold === action.hold.number;
    case 'refund':
      return type === action.kind && amount === action.amount && purchaseId === action.purchaseId;
    case 'void':
    case 'expire':
      return type === action.kind;
    case 'extend':
      return type === action.type;
    case 'reverse':
      return reverses === action.entry;
    default:
      return false;
  }
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
      hold:
        scope === 'hold' ? { ...named, status: 'open', captured: ZERO, closedAfter: null, closedEvent: null } : named,
    }
  );
}
