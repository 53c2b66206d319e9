import type { Entry } from '../account.js';
import type { Reversible, State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import type { Movement } from '../enter.js';
import { type Grant, isPast, isVoid, priceOfPart, RETURN_MS, type Slice } from '../grant.js';
import type { Reverse } from '../action.js';
import { minus, negate, plus, type Stored, UNITS, ZERO } from '../unit.js';
import { grantOf } from './fund.js';
import { between } from './hold.js';

/** The types of spending. */
export const SPENDING: ReadonlySet<Entry['type']> = new Set(['debit', 'consume']);
const FUNDING: ReadonlySet<Entry['type']> = new Set(['deposit', 'grant']);

/** Reverses a spending, or a deposit or grant, as far as something is left of it. */
export function reverse(state: State, action: Reverse, now: number): Ruling {
  if (!state.reversed) return { reason: 'no-entry' };
  const { entry } = state.reversed;
  if (entry.reprices !== null && !action.reprices) return { reason: 'irreversible', type: entry.type };
  if (SPENDING.has(entry.type)) return reverseSpending(state, state.reversed, action, now);
  const grant = FUNDING.has(entry.type) ? state.grants.find(entry.sequence) : undefined;
  // A purchase is refunded, and so is what extends it.
  if (grant?.purchaseId !== null) return { reason: 'irreversible', type: entry.type };
  return reverseFunding(state, grant, action, now);
}

/** Takes back what remains of the grant that the entry made. */
function reverseFunding(state: State, { id, remaining }: Grant, action: Reverse, now: number): Ruling {
  const amount = action.amount ?? remaining;
  if (remaining === 0 || amount > remaining) return { reason: 'reversed', remaining };
  const draft = new Draft(state, now);
  const slices: Slice[] = [];
  draft.takeBack(id, amount, 'unsold', slices);
  const { description } = action;
  const entry = draft.enter({ type: 'reversal', amount: negate(amount), description, slices, reverses: id });
  return draft.done({ status: 'posted', entry });
}

function reverseSpending(state: State, { entry, amount: before }: Reversible, action: Reverse, now: number): Ruling {
  const { account } = state;
  const left = minus(negate(entry.amount), before as Stored);
  const amount = action.amount ?? left;
  if (left === 0 || amount > left) return { reason: 'reversed', remaining: left };
  if (plus(account.balance, amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const draft = new Draft(state, now);
  const { description, reprices } = action;
  const made = giveBack(
    draft,
    entry,
    between(entry.slices ?? [], minus(left, amount), left),
    { description, reprices },
    now,
  );
  return draft.done({ status: 'posted', entry: made });
}

/**
 * Gives parts of a spending back to the grants that paid, in reverse. Parts of expired ones come back together as one
 * grant for thirty days; those stay used.
 */
export function giveBack(
  draft: Draft,
  { sequence }: Entry,
  parts: readonly Slice[],
  movement: Pick<Movement, 'description'> & Partial<Movement>,
  now: number,
): Entry {
  const slices: Slice[] = [];
  let returned = ZERO;
  let price = 0;
  let terms: Grant | undefined;
  for (const slice of parts.toReversed()) {
    const target = draft.newest(slice.grant);
    if (!isPast(target, now) || isVoid(target)) {
      draft.giveBack(slice, 'used', slices);
      continue;
    }
    const rest = minus(slice.amount, draft.pay(slice.grant, slice.amount, 'used'));
    if (rest === 0) continue;
    returned = plus(returned, rest);
    price += priceOfPart(draft.grant(slice.grant), rest, 'used');
    terms ??= target;
  }
  const amount = parts.reduce((sum, part) => plus(sum, part.amount), ZERO);
  const entry = draft.enter({ ...movement, type: 'reversal', amount, slices, reverses: sequence });
  if (terms) {
    const { category, priority, purchaseId } = terms;
    const expiresAt = now + RETURN_MS;
    const made = { source: 'return', category, priority, purchaseId, expiresAt, price, extends: null } as const;
    grantOf(draft, returned, made, 'reversed');
  }
  return entry;
}
