import type { Entry } from '../account.js';
import type { ReversedEntry, State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import { type Grant, isPast, isVoid, priceOfPart, RETURN_MS, type Slice } from '../grant.js';
import type { Reverse } from '../action.js';

import { minus, negate, plus, type Stored, UNITS, ZERO } from '../unit.js';
import { grantOf } from './fund.js';
import { between } from './hold.js';

const SPENDING: ReadonlySet<Entry['type']> = new Set(['debit', 'consume']);
const FUNDING: ReadonlySet<Entry['type']> = new Set(['deposit', 'grant']);

/** Reverses a spending, or a deposit or grant, as far as something is left of it. */
export function reverse(state: State, action: Reverse, now: number): Ruling {
  const { account, reversed } = state;
  if (!reversed) return { reason: 'no-entry' };
  const left = leftOf(state, reversed);
  if (left === undefined) return { reason: 'irreversible', type: reversed.entry.type };
  const amount = action.amount ?? left;
  if (left === 0 || amount > left) return { reason: 'reversed', remaining: left };
  const draft = new Draft(state, now);
  if (!SPENDING.has(reversed.entry.type))
    return draft.done({ status: 'posted', entry: reverseFunding(draft, reversed.entry, action, amount) });
  if (plus(account.balance, amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const entry = reverseSpending(draft, reversed.entry, action, [left, amount], now);
  return draft.done({ status: 'posted', entry });
}

/** How much of an entry is left to reverse; undefined when it can't be reversed. A purchase is refunded. */
function leftOf({ grants }: State, { entry, amount }: ReversedEntry): Stored | undefined {
  if (SPENDING.has(entry.type)) return minus(negate(entry.amount), amount as Stored);
  const made = grants.find(entry.sequence);
  return FUNDING.has(entry.type) && made?.purchaseId === null ? made.remaining : undefined;
}

/** Takes back what remains of the grant that the entry made. */
function reverseFunding(draft: Draft, { sequence }: Entry, { description }: Reverse, amount: Stored): Entry {
  const slices: Slice[] = [];
  draft.take(sequence, amount, 'takenBack', slices);
  return draft.enter({ type: 'reversal', amount: negate(amount), description, slices, reverses: sequence });
}

/**
 * Gives back to the grants that paid, in reverse. Parts of expired ones come back together as one grant for thirty
 * days; those stay used.
 */
function reverseSpending(
  draft: Draft,
  { sequence, slices: paid }: Entry,
  { description }: Reverse,
  [left, amount]: readonly [Stored, Stored],
  now: number,
): Entry {
  const slices: Slice[] = [];
  let returned = ZERO;
  let price = 0;
  let terms: Grant | undefined;
  for (const slice of between(paid ?? [], minus(left, amount), left).toReversed()) {
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
  const entry = draft.enter({ type: 'reversal', amount, description, slices, reverses: sequence });
  if (terms) {
    const { category, priority, purchaseId } = terms;
    const expiresAt = now + RETURN_MS;
    grantOf(draft, returned, { source: 'return', category, priority, expiresAt, price, purchaseId, extends: null });
  }
  return entry;
}
