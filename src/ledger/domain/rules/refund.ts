import { available } from '../account.js';
import type { PurchaseState, State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import { DEFAULT_PRIORITY, type Grant, type GrantSource, shareOf, type Slice } from '../grant.js';
import type { Refund } from '../action.js';
import { minus, negate, plus, type Stored, UNITS, ZERO } from '../unit.js';
import { grantOf } from './fund.js';

const NO_PURCHASE: PurchaseState = { grants: [], refunds: [] };
/** The terms of what comes back of no purchase. */
const UNBOUGHT = { category: 'paid', priority: DEFAULT_PRIORITY, price: 0 } as const;

/** Takes back part of a purchase, or gives it back. */
export function refund(state: State, action: Refund, now: number): Ruling {
  const { account } = state;
  const { limit } = UNITS[account.unit];
  // Captures of open holds may take the balance down to what is available.
  if (available(account) + action.amount < negate(limit) || account.balance + action.amount > limit)
    return { reason: 'limit' };
  return action.amount < 0 ? takeBack(state, action, now) : giveBack(state, action, now);
}

/**
 * First the same share of the purchase's own grant and of its bonus, then what else remains of them, then of other paid
 * grants from the newest, then of promotional ones. The rest is debt.
 */
function takeBack(state: State, { amount: signed, purchaseId, description }: Refund, now: number): Ruling {
  const amount = negate(signed);
  const draft = new Draft(state, now);
  const own = (state.purchase ?? NO_PURCHASE).grants.map((id) => draft.grant(id));
  const bonus = own.filter(({ category }) => category === 'promotional');
  const main = own.filter(({ category }) => category === 'paid');
  const slices: Slice[] = [];
  let left = amount;
  const from = (grants: readonly Grant[], atMost: Stored) => {
    let wanted = Math.min(atMost, left) as Stored;
    for (const { id } of grants) {
      const taken = draft.takeBack(id, wanted, 'refunded', slices);
      wanted = minus(wanted, taken);
      left = minus(left, taken);
    }
  };
  const ofBonus = bonusShare(state.purchase ?? NO_PURCHASE, main, bonus, amount);
  from(main, minus(amount, ofBonus));
  from(bonus, ofBonus);
  from(main, left);
  from(bonus, left);
  const others = state.grants.open.filter(({ id }) => !own.some((each) => each.id === id)).sort((a, b) => b.id - a.id);
  from(
    others.filter(({ category }) => category === 'paid'),
    left,
  );
  from(
    others.filter(({ category }) => category === 'promotional'),
    left,
  );
  bookMoney(draft, moneyOf(state.purchase ?? NO_PURCHASE, own, amount), left);
  const entry = draft.enter({ type: 'refund', amount: signed, description, purchaseId, slices });
  return draft.done({ status: 'posted', entry });
}

/** The part of a refund that falls to the bonus, so that bonus and purchase are always taken back by the same share. */
function bonusShare(
  { refunds }: PurchaseState,
  main: readonly Grant[],
  bonus: readonly Grant[],
  amount: Stored,
): Stored {
  const [ofMain, ofBonus] = [amountMade(main, 'purchase'), amountMade(bonus, 'bonus')];
  if (ofBonus === 0) return ZERO;
  const before = refunds.reduce((sum, each) => sum - each.amount, 0);
  // The sum of two shares, each rounded down by itself, comes from one pair alone; this is the bonus's part of it.
  const share = (taken: number) => (BigInt(ofBonus) * (BigInt(taken) + 1n) - 1n) / BigInt(ofMain + ofBonus);
  return Math.min(amount, Number(share(before + amount) - share(before))) as Stored;
}

/**
 * Books the money that went back for what was taken back, or came for what was given back. What the deferred revenue
 * does not account for is owed with the debt, or corrects the revenue.
 * @param money micro-dollars that went, below zero when they came; undefined: as much as the deferred revenue did
 * @param debt units that were not there to be taken
 */
function bookMoney(draft: Draft, money: number | undefined, debt: Stored): void {
  const deferred = draft.books.reduce((sum, { line, dollars }) => (line === 'refunded' ? sum + dollars : sum), 0);
  const rest = (money ?? -deferred) + deferred;
  const owed = debt > 0 ? Math.max(0, rest) : 0;
  if (debt > 0) draft.books.push({ line: 'owed', category: 'paid', units: debt, dollars: owed });
  draft.account = { ...draft.account, debtPrice: draft.account.debtPrice + owed };
  if (rest !== owed) draft.books.push({ line: 'adjusted', category: 'paid', units: 0, dollars: rest - owed });
}

/**
 * Micro-dollars that go back for a part of a purchase, or come for it when it is below zero: its share of the price.
 * Whatever the parts, together they come to the price. Undefined when no purchase is known.
 */
function moneyOf({ refunds }: PurchaseState, made: readonly Grant[], amount: Stored): number | undefined {
  const whole = amountMade(made, 'purchase') + amountMade(made, 'bonus');
  if (whole === 0) return undefined;
  const price = made.reduce((sum, each) => sum + (each.source === 'purchase' ? each.price : 0), 0);
  const before = refunds.reduce((sum, each) => sum - each.amount, 0);
  return shareOf(price, before + amount, whole) - shareOf(price, before, whole);
}

function amountMade(grants: readonly Grant[], by: GrantSource): number {
  return grants.reduce((sum, { source, amount }) => sum + (source === by ? amount : 0), 0);
}

/**
 * Gives back to the grants that it was taken from, in reverse. What was debt then pays the debt that is left, and is a
 * new grant beyond it.
 */
function giveBack(state: State, { amount, purchaseId, description }: Refund, now: number): Ruling {
  const purchase = state.purchase ?? NO_PURCHASE;
  const draft = new Draft(state, now);
  const slices: Slice[] = [];
  let owed = ZERO;
  for (const { grant, amount: part } of lastTaken(purchase.refunds, amount)) {
    if (grant === 0) owed = plus(owed, minus(part, draft.payDebt(part, 'settled')));
    else draft.giveBack({ grant, amount: part }, 'takenBack', slices);
  }
  const entry = draft.enter({ type: 'refund', amount, description, purchaseId, slices });
  const made = purchase.grants.map((id) => draft.grant(id));
  if (owed > 0) {
    const { category, priority, price: whole } = made.find(({ source }) => source === 'purchase') ?? UNBOUGHT;
    const price = shareOf(whole, owed, amountMade(made, 'purchase') + amountMade(made, 'bonus') || 1);
    const terms = { source: 'return', category, priority, expiresAt: null, price, purchaseId, extends: null } as const;
    grantOf(draft, owed, terms, 'refunded');
  }
  bookMoney(draft, moneyOf(purchase, made, negate(amount)), ZERO);
  return draft.done({ status: 'posted', entry });
}

/** The parts that were taken last and have not come back, the last one first; the grant 0 is debt. */
function lastTaken(refunds: PurchaseState['refunds'], amount: Stored): Slice[] {
  const taken: Slice[] = [];
  for (const { amount: each, slices } of refunds) {
    if (each > 0) {
      popped(taken, each);
      continue;
    }
    const parts = slices ?? [];
    const debt = parts.reduce((left, part) => minus(left, part.amount), negate(each));
    taken.push(...parts, ...(debt > 0 ? [{ grant: 0, amount: debt }] : []));
  }
  const parts = popped(taken, amount);
  const known = parts.reduce((left, part) => minus(left, part.amount), amount);
  return known > 0 ? [...parts, { grant: 0, amount: known }] : parts;
}

/** Takes an amount from the end of a list of parts. */
function popped(parts: Slice[], amount: Stored): Slice[] {
  const found: Slice[] = [];
  for (let left = amount; left > 0 && parts.length > 0;) {
    const last = parts.pop()!;
    const part = Math.min(left, last.amount) as Stored;
    found.push({ grant: last.grant, amount: part });
    if (part < last.amount) parts.push({ grant: last.grant, amount: minus(last.amount, part) });
    left = minus(left, part);
  }
  return found;
}
