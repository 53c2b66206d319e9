import type { Change, Ruling, State } from './change.js';
import { type Answer, isOf, LostOutcome, type Operation, originOf, type Replay } from './operation.js';
import { capture, open, release } from './rules/hold.js';
import { post } from './rules/post.js';
import { type Unit, UNITS } from './unit.js';

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
  if (!isWellFormed(operation, state.account.unit))
    return {
      answer: {
        outcome: { status: 'refused', rejection: { reason: 'malformed' }, traceId: operation.traceId },
        replayed: false,
      },
    };
  if (replay) return { answer: again(operation, replay) };
  const ruling = rule(state, operation, now);
  const change: Change =
    'reason' in ruling
      ? { account: state.account, outcome: { status: 'refused', rejection: ruling, traceId: operation.traceId } }
      : ruling;
  return { answer: { outcome: change.outcome, replayed: false }, change };
}

function again(operation: Operation, { hash, outcome }: Replay): Answer {
  if (hash !== operation.hash) return { outcome: 'key-reused' };
  if (!outcome || !isOf(operation.action, outcome)) throw new LostOutcome(operation);
  return { outcome, replayed: true };
}

function rule(state: State, operation: Operation, now: number): Ruling {
  const { action } = operation;
  switch (action.kind) {
    case 'post':
      return post(state.account, action, originOf(operation), now);
    case 'open':
      return open(state.account, action, operation.actor, now);
    case 'capture':
      return capture(state, action, originOf(operation), now);
    case 'release':
      return release(state, now);
    case 'claim':
      return { account: state.account, outcome: { status: 'claimed' } };
  }
}

function isWellFormed({ action }: Operation, unit: Unit): boolean {
  if (action.kind === 'release' || action.kind === 'claim') return true;
  const { amount } = action;
  const inRange = Number.isSafeInteger(amount) && amount !== 0 && Math.abs(amount) <= UNITS[unit].limit;
  return (
    inRange &&
    (action.kind === 'post' || amount > 0) &&
    (action.kind !== 'open' || (Number.isSafeInteger(action.expiresIn) && action.expiresIn > 0))
  );
}
