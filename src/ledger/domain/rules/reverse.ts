import type { Entry } from '../account.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import { type Grant, isPast, isVoid, priceOfPart, RETURN_MS, type Slice } from '../grant.js';
import type { Reverse } from '../operation.js';
import { minus, negate, plus, type Stored, UNITS, ZERO } from '../unit.js';
import { grantOf } from './fund.js';
import { between } from './hold.js';

const SPENDING: ReadonlySet<Entry['type']> = new Set(['debit', 'consume']);
const FUNDING: ReadonlySet<Entry['type']> = new Set(['deposit', 'grant']);

/** Reverses a spending, or a deposit or grant, as far as something is left of it. */
export function reverse(state: State, action: Reverse, now: number): Ruling {
  const { account, reversed } = state;
  if (!reversed) return { reason: 'no-entry' };
  const { entry } = reversed;
  const isSpending = SPENDING.has(entry.type);
  const made = state.grants.find(entry.sequence);
  // A purchase is refunded, also what extends it.
  const isFunding = FUNDING.has(entry.type) && made?.purchaseId === null;
  if (!isSpending && !isFunding) return { reason: 'irreversible', type: entry.type };
  const left = isSpending ? minus(negate(entry.amount), reversed.amount as Stored) : (made?.remaining ?? ZERO);
  const amount = action.amount ?? left;
  if (left === 0 || amount > left) return { reason: 'reversed', remaining: left };
  if (isSpending && plus(account.balance, amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const draft = new Draft(state, now);
  const reversal = isSpending
    ? reverseSpending(draft, reversed.entry, action, [left, amount], now)
    : reverseFunding(draft, entry, action, amount);
  return draft.done({ status: 'posted', entry: reversal });
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
