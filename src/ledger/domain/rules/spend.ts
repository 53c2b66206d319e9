import { available } from '../account.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import type { Spend } from '../action.js';
import { negate } from '../unit.js';

/** Spends an amount that the available balance covers. */
export function spend(state: State, action: Spend, now: number): Ruling {
  const { type, amount, description, metadata, agent, runId, model, usage, pricing } = action;
  const there = available(state.account);
  if (amount === null) return { reason: action.parks && there > 0 ? 'parked' : 'unpriced' };
  if (amount > there) return { reason: 'insufficient', required: amount, available: there };
  const draft = new Draft(state, now);
  const slices = draft.burn(amount, 'used');
  const made = { type, amount: negate(amount), description, metadata, agent, runId, model, usage, pricing, slices };
  const entry = draft.enter(made);
  return draft.done({ status: 'posted', entry });
}
