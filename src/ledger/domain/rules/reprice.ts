import { available } from '../account.js';
import type { Reversible, State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import type { Reprice } from '../action.js';
import { minus, negate, plus, type Stored, UNITS, ZERO } from '../unit.js';
import { between } from './hold.js';
import { giveBack, SPENDING } from './reverse.js';

/**
 * Moves what a spending comes to, to another price: a spending of the difference, or reversals of what raised its price
 * before, the newest first, and then of itself.
 */
export function reprice(state: State, action: Reprice, now: number): Ruling {
  if (!state.reversed) return { reason: 'no-entry' };
  const { entry, repricings } = state.reversed;
  if (!SPENDING.has(entry.type) || entry.reprices !== null) return { reason: 'irreversible', type: entry.type };
  const parts = [...repricings.toReversed(), state.reversed];
  const net = parts.reduce((sum, part) => plus(sum, leftOf(part)), ZERO);
  if (action.price === net) return { reason: 'unchanged' };
  return action.price > net
    ? increase(state, action, minus(action.price, net), now)
    : decrease(state, action, parts, minus(net, action.price), now);
}

function increase(state: State, action: Reprice, amount: Stored, now: number): Ruling {
  const { frozen } = state.account;
  if (frozen !== null) return { reason: 'frozen', why: frozen };
  const there = available(state.account);
  if (amount > there) return { reason: 'insufficient', required: amount, available: there };
  const draft = new Draft(state, now);
  const slices = draft.burn(amount, 'used');
  const { type } = state.reversed!.entry;
  const entry = draft.enter({ ...movementOf(state, action), type, amount: negate(amount), slices });
  return draft.done({ status: 'posted', entry });
}

function decrease(state: State, action: Reprice, parts: readonly Reversible[], amount: Stored, now: number): Ruling {
  const { account } = state;
  if (plus(account.balance, amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const draft = new Draft(state, now);
  let rest = amount;
  for (const part of parts) {
    const left = leftOf(part);
    const taken = Math.min(left, rest) as Stored;
    if (taken === 0) continue;
    const slices = between(part.entry.slices ?? [], minus(left, taken), left);
    giveBack(draft, part.entry, slices, movementOf(state, action), now);
    rest = minus(rest, taken);
  }
  return draft.done({ status: 'posted', entry: draft.entries[0]! });
}

/** How much of a spending was not reversed. */
function leftOf({ entry, amount }: Reversible): Stored {
  return minus(negate(entry.amount), amount as Stored);
}

/** A repricing bears the dimensions of the entry that it corrects. */
function movementOf({ reversed }: State, { entry: reprices, description, pricing }: Reprice) {
  const { agent, runId, model } = reversed!.entry;
  return { description, agent, runId, model, pricing, reprices };
}
