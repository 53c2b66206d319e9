import type { Action } from './action.js';
import type { Change, State } from './change.js';
import type { Draft, Ruling } from './draft.js';
import {
  type Answer,
  isOf,
  LostOutcome,
  mayPass,
  type Operation,
  originOf,
  type Outcome,
  type Rejection,
  type Replay,
} from './operation.js';
import { capture, open, release } from './rules/hold.js';
import { isPast } from './grant.js';
import { extend, fund } from './rules/fund.js';
import { mark } from './rules/mark.js';
import { refund } from './rules/refund.js';
import { reverse } from './rules/reverse.js';
import { expireGrant } from './rules/settle.js';
import { spend } from './rules/spend.js';
import { voidGrant } from './rules/void.js';
import { type Stored, UNITS } from './unit.js';

/** An answer and, unless the operation left everything as it was, what it changed. */
export interface Applied {
  readonly answer: Answer;
  readonly change?: Change;
}

/**
 * Decides one operation: no clock, no I/O, and the same result for the same arguments. The guards stand in one order:
 * malformed, already done, missing, wrong state, funds, limit; a refused operation leaves the state as it was. Holds
 * that have expired by `now` must have been closed.
 * @param now milliseconds since 1970
 * @param replay what is known under the operation's key
 * @throws LostOutcome
 */
export function apply(state: State, operation: Operation, now: number, replay?: Replay): Applied {
  if (!isWellFormed(operation, UNITS[state.account.unit]))
    return { answer: forNow(operation, { reason: 'malformed' }) };
  if (replay) return { answer: again(operation, replay) };
  if (isLate(operation, now)) return { answer: forNow(operation, { reason: 'past' }) };
  const { frozen } = state.account;
  // Who sends the same again after the freeze means it.
  if (frozen !== null && isFrozen(operation.action))
    return { answer: forNow(operation, { reason: 'frozen', why: frozen }) };
  if (operation.action.kind === 'claim')
    return {
      answer: { outcome: { status: 'claimed' }, replayed: false },
      change: unchanged(state, { status: 'claimed' }),
    };
  const ruling = rule({ ...state, origin: originOf(operation) }, operation.action, now);
  if ('reason' in ruling && isForNow(operation, ruling)) return { answer: forNow(operation, ruling) };
  const change =
    'reason' in ruling
      ? unchanged(state, { status: 'refused', rejection: ruling, traceId: operation.traceId })
      : retired(ruling);
  return { answer: { outcome: change.outcome, replayed: false }, change };
}

/** A refusal that is not remembered. */
function forNow({ traceId }: Operation, rejection: Rejection): Answer {
  return { outcome: { status: 'refused', rejection, traceId }, replayed: false };
}

/**
 * Whether a refusal is not remembered. The money of a purchase has come: its goods are granted under the same key as
 * soon as the balance has room.
 */
function isForNow(operation: Operation, refusal: Rejection): boolean {
  return mayPass(refusal) || (refusal.reason === 'limit' && isPurchase(operation));
}

/** Whether a grant would have expired before it is made. Such a refusal is not remembered. */
export function isLate({ action }: Operation, now: number): boolean {
  return action.kind === 'fund' && isPast(action.terms, now);
}

/** Whether an operation adds what a purchase brought. That the balance has no room for it is not remembered. */
export function isPurchase({ action }: Operation): boolean {
  return action.kind === 'fund' && action.terms.purchaseId !== null;
}

/** Whether an action waits for the end of a freeze: what a hold kept back before can be spent. */
function isFrozen({ kind }: Action): boolean {
  return kind === 'spend' || kind === 'open';
}

/** Ends or forfeits what came to a grant that is over. */
function retired(draft: Draft): Change {
  draft.retire();
  return draft.change();
}

function unchanged({ account }: State, outcome: Outcome): Change {
  return { account, entries: [], grants: [], books: [], outcome };
}

function again(operation: Operation, { hash, outcome }: Replay): Answer {
  if (hash !== operation.hash) return { outcome: 'key-reused' };
  if (!outcome || !isOf(operation.action, outcome)) throw new LostOutcome(operation);
  return { outcome, replayed: true };
}

/**
 * What an action comes to. What it gives back to a grant that was voided or has expired is still there: `apply` makes
 * the entries that end it.
 */
export function rule(state: State, action: Exclude<Action, { kind: 'claim' }>, now: number): Ruling {
  switch (action.kind) {
    case 'fund':
      return fund(state, action, now);
    case 'spend':
      return spend(state, action, now);
    case 'open':
      return open(state, action, now);
    case 'capture':
      return capture(state, action, now);
    case 'release':
      return release(state, now);
    case 'refund':
      return refund(state, action, now);
    case 'void':
      return voidGrant(state, action, now);
    case 'expire':
      return expireGrant(state, action, now);
    case 'extend':
      return extend(state, action, now);
    case 'reverse':
      return reverse(state, action, now);
    case 'mark':
      return mark(state, action, now);
  }
}

function isWellFormed({ action }: Operation, { limit }: { limit: Stored }): boolean {
  const isAmount = (amount: number) => Number.isSafeInteger(amount) && amount > 0 && amount <= limit;
  if (action.kind === 'open' && !(Number.isSafeInteger(action.expiresIn) && action.expiresIn > 0)) return false;
  if (action.kind === 'fund' && action.bonus && !isAmount(action.bonus.amount)) return false;
  if (!('amount' in action) || action.amount === null) return true;
  return isAmount(action.kind === 'refund' ? Math.abs(action.amount) : action.amount);
}
