import type { Account, AccountName, Entry, EntryType, Hold, HoldStatus, Origin } from './account.js';
import type { Action, Charge, HoldName } from './action.js';
import { negate, type Stored, ZERO } from './unit.js';

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
  /** The row that it leaves in the audit when it is carried out; absent: none. */
  readonly audit?: (carriedOut: CarriedOut) => object;
}

/** An operation that was neither refused nor a replay. */
export interface CarriedOut {
  readonly outcome: Exclude<Outcome, { status: 'refused' }>;
  /** The account before it … */
  readonly before: Account;
  /** … and after. */
  readonly after: Account;
}

/** Where the entries of an operation come from. */
export function originOf({ actor, traceId, clientKey }: Operation): Origin {
  return { actor, traceId: traceId || null, idempotencyKey: clientKey ?? null };
}

/** Why an operation was refused. */
export type Rejection =
  | { readonly reason: 'malformed' }
  | { readonly reason: 'unpriced' }
  /** The usage is kept elsewhere, and spent by another operation when it has a price. */
  | { readonly reason: 'parked' }
  | { readonly reason: 'insufficient'; readonly required: Stored; readonly available: Stored }
  | { readonly reason: 'limit' }
  | { readonly reason: 'no-hold' }
  | { readonly reason: 'hold-settled'; readonly status: HoldStatus }
  | { readonly reason: 'too-many-holds' }
  | { readonly reason: 'hold-exceeded'; readonly required: Stored; readonly remaining: Stored }
  | { readonly reason: 'frozen'; readonly why: string }
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

/** Whether an answer says that usage was parked. */
export function isParked({ outcome }: Answer): boolean {
  return outcome !== 'key-reused' && outcome.status === 'refused' && outcome.rejection.reason === 'parked';
}

/** Whether who asks the same again may get another answer: such a refusal is not remembered. */
export function mayPass({ reason }: Rejection): boolean {
  return reason === 'frozen' || reason === 'unpriced';
}

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
  | { readonly status: 'marked'; readonly account: Account }
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
  if ('hold' in action) return { hold: action.hold };
  if ('grant' in action) return { grant: action.grant };
  if ('entry' in action) return { entry: action.entry };
  return action.kind === 'refund' && action.purchaseId !== null ? { purchaseId: action.purchaseId } : NOTHING;
}

const NOTHING: Needs = {};

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
    if (action.kind === 'open') return action.priced || amount === action.amount;
    return action.kind === 'release' && accountId === action.hold.accountId && number === action.hold.number;
  }
  if (outcome.status !== 'posted') return true;
  return isMadeBy(action, outcome.entry);
}

/** The fields by which an entry shows that an action of a kind made it. */
const MADE: { readonly [K in Action['kind']]?: (action: Extract<Action, { kind: K }>) => Partial<Entry> } = {
  fund: ({ type, amount, terms }) => ({ type, amount, purchaseId: terms.purchaseId }),
  spend: (action) => ({ type: action.type, ...charged(action), hold: null }),
  capture: (action) => ({ type: action.type, ...charged(action), hold: action.hold.number }),
  refund: ({ amount, purchaseId }) => ({ type: 'refund', amount, purchaseId }),
  void: () => ({ type: 'void' }),
  extend: ({ type }) => ({ type }),
  reverse: ({ entry }) => ({ type: 'reversal', reverses: entry }),
};

/** The amount of a usage may be another when it is asked for again: prices change. */
function charged({ amount, usage }: Charge): Partial<Entry> {
  return amount === null || usage ? { usage: usage ?? null } : { amount: negate(amount) };
}

/** Whether an entry can be one that an action made. */
function isMadeBy(action: Action, entry: Entry): boolean {
  const made = MADE[action.kind] as ((action: Action) => Partial<Entry>) | undefined;
  if (!made) return false;
  return Object.entries(made(action)).every(([field, value]) => entry[field as keyof Entry] === value);
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
