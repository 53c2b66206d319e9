import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AccountName,
  type Action,
  type Answer,
  type Entry,
  type FundTerms,
  type Grant,
  type Hold,
  type Rejection,
  statusOf,
} from '../../src/ledger/domain/index.js';
import { FOR_NOTHING, funding, operationOn, refunding, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const DAY = 86_400_000;

let story: Story;
let account: number;
beforeEach(() => {
  story = new Story();
  account = story.tables.accountId(ADA);
});

const act = (action: Action): Answer => story.one(ADA, action);

/** What an action came to: the entry or the hold, or why it was refused. */
function come(action: Action): Entry | Hold | Rejection {
  const { outcome } = act(action);
  if (outcome === 'key-reused') throw new Error('nothing came of it');
  if (outcome.status === 'refused') return outcome.rejection;
  if (outcome.status === 'posted') return outcome.entry;
  if (outcome.status === 'held') return outcome.hold;
  throw new Error('nothing came of it');
}

/** The grants that an entry or hold names, and the amounts. */
function slicesOf(found: Entry | Hold | Rejection): [number, number][] {
  if (!('slices' in found)) throw new Error(`it was refused: ${JSON.stringify(found)}`);
  return (found.slices ?? []).map(({ grant, amount }) => [grant, amount]);
}

/** A time so many days from now. */
const inDays = (days: number) => story.now + days * DAY;
const later = (days: number) => void (story.now += days * DAY);
/** What the sweep does. */
const sweep = () => void act({ kind: 'claim' });

/** @returns the id of the grant that a deposit makes */
function deposit(amount: number, terms: Partial<FundTerms> = {}): number {
  return (come(funding(amount, terms)) as Entry).sequence;
}
/** @returns the id of the purchase's grant; that of the bonus is the next one */
function purchase(purchaseId: string, amount: number, price: number, bonus?: number): number {
  const terms = { source: 'purchase', price, purchaseId } as const;
  const bonusTerms = { ...funding(1).terms, source: 'bonus', category: 'promotional', purchaseId } as const;
  const more = bonus ? { bonus: { amount: stored(bonus), description: 'bonus', terms: bonusTerms } } : {};
  return (come(funding(amount, terms, more)) as Entry).sequence;
}
const spend = (amount: number) => slicesOf(come(spending(amount)));
/** @returns the number of the hold */
function hold(amount: number, days = 1): number {
  const found = come({
    ...{ kind: 'open', amount: stored(amount), description: null, metadata: null, ...FOR_NOTHING },
    expiresIn: days * DAY,
  });
  return (found as Hold).number;
}
const capture = (number: number, amount: number, final = false) =>
  slicesOf(
    come({
      ...{ kind: 'capture', hold: { accountId: account, number }, type: 'debit' },
      ...{ amount: stored(amount), final, description: null, model: null },
    }),
  );
const release = (number: number) => come({ kind: 'release', hold: { accountId: account, number } });
const takeBack = (amount: number, purchaseId: string | null = null) => slicesOf(come(refunding(-amount, purchaseId)));
const giveBack = (amount: number, purchaseId: string | null = null) => slicesOf(come(refunding(amount, purchaseId)));
const voiding = (grant: number): Action => ({ kind: 'void', grant, description: 'a mistake' });
const extending = (grant: number, expiresAt: number): Action => ({
  ...{ kind: 'extend', grant, type: 'deposit', expiresAt, description: 'goodwill' },
});
/** @returns the id of the extension */
const extend = (grant: number, expiresAt: number) => (come(extending(grant, expiresAt)) as Entry).sequence;
const reversing = (entry: number, amount?: number): Action => ({
  ...{ kind: 'reverse', entry, amount: amount === undefined ? null : stored(amount), description: 'a correction' },
});
const reverse = (entry: number, amount?: number) => slicesOf(come(reversing(entry, amount)));

const last = () => story.tables.account(account).sequence;
const grant = (id: number): Grant => story.tables.grant(account, id)!;
/** The shares of a grant that are not zero. */
const shares = (id: number) => {
  const { used, held, expired, voided, takenBack, remaining } = grant(id);
  const all = Object.entries({ used, held, expired, voided, takenBack, remaining });
  return Object.fromEntries(all.filter(([, amount]) => amount !== 0));
};
/** Type and amount of the entries after one. */
const entriesAfter = (sequence: number) =>
  story.tables
    .entriesOf(account)
    .slice(sequence)
    .map(({ type, amount }) => [type, amount]);
const balances = () => {
  const { balance, available, debt } = story.tables.show(ADA);
  return { balance, available, debt };
};
/** Where the books must agree after each example. */
const agree = () => expect(story.tables.problems()).toEqual([]);

describe('a grant', () => {
  it('is what a deposit makes, has its id and its terms, and the entry names no grants', () => {
    const id = deposit(10, { priority: 7, expiresAt: inDays(3), price: 10 });
    expect(id).toBe(1);
    expect(grant(id)).toMatchObject({
      ...{ id, amount: 10, remaining: 10, source: 'deposit', category: 'paid', priority: 7 },
      ...{ expiresAt: inDays(3), price: 10, createdAt: story.now, extends: null, purchaseId: null },
    });
    expect(story.tables.entry(account, id)).toMatchObject({ type: 'deposit', slices: null });
    expect(statusOf(grant(id))).toBe('active');
  });

  it('of a purchase with a bonus stands beside that of the bonus, each with an entry of its own', () => {
    const id = purchase('p', 10, 9, 3);
    expect(entriesAfter(0)).toEqual([
      ['deposit', 10],
      ['deposit', 3],
    ]);
    expect(grant(id)).toMatchObject({ source: 'purchase', category: 'paid', price: 9, purchaseId: 'p' });
    expect(grant(id + 1)).toMatchObject({ source: 'bonus', category: 'promotional', price: 0, purchaseId: 'p' });
  });

  it('can be counted from the moment in which the deposit is decided', () => {
    expect(grant(deposit(1, { expiresIn: 5 * DAY }))).toMatchObject({ expiresAt: inDays(5) });
  });

  it('is only made in an account that there is, where the deposit asks for it', () => {
    expect(come(funding(1, {}, { existing: true }))).toEqual({ reason: 'no-account' });
    deposit(1);
    expect(come(funding(1, {}, { existing: true }))).toMatchObject({ type: 'deposit' });
  });
});

describe('the burning order', () => {
  it('begins with the lowest priority, whatever the other terms are', () => {
    const second = deposit(1, { priority: 50, expiresAt: inDays(1), category: 'promotional' });
    const first = deposit(1, { priority: 49 });
    expect(spend(2)).toEqual([
      [first, 1],
      [second, 1],
    ]);
  });

  it('goes on with what expires first; what never expires comes last', () => {
    const third = deposit(1, { category: 'promotional' });
    const second = deposit(1, { expiresAt: inDays(2), category: 'promotional' });
    const first = deposit(1, { expiresAt: inDays(1) });
    expect(spend(3).map(([id]) => id)).toEqual([first, second, third]);
  });

  it('then takes promotional before paid', () => {
    const second = deposit(1, { expiresAt: inDays(1) });
    const first = deposit(1, { expiresAt: inDays(1), category: 'promotional' });
    expect(spend(2).map(([id]) => id)).toEqual([first, second]);
  });

  it('and at last the oldest', () => {
    const [first, second] = [deposit(2), deposit(2)];
    expect(spend(3)).toEqual([
      [first, 2],
      [second, 1],
    ]);
    expect([shares(first), shares(second)]).toEqual([{ used: 2 }, { used: 1, remaining: 1 }]);
    expect([statusOf(grant(first)), statusOf(grant(second))]).toEqual(['used', 'active']);
  });

  it('is that of holds too', () => {
    const second = deposit(2);
    const first = deposit(2, { priority: 0 });
    hold(3);
    expect([shares(first), shares(second)]).toEqual([{ held: 2 }, { held: 1, remaining: 1 }]);
    expect(spend(1)).toEqual([[second, 1]]);
  });
});

describe('a hold', () => {
  let first: number;
  let second: number;
  beforeEach(() => {
    [first, second] = [deposit(3), deposit(5)];
  });

  it('names the slices that it took, and its captures spend them in order', () => {
    const number = hold(6);
    expect(slicesOf(story.tables.hold({ accountId: account, number })!)).toEqual([
      [first, 3],
      [second, 3],
    ]);
    expect(capture(number, 2)).toEqual([[first, 2]]);
    expect(capture(number, 3)).toEqual([
      [first, 1],
      [second, 2],
    ]);
    expect([shares(first), shares(second)]).toEqual([{ used: 3 }, { used: 2, held: 1, remaining: 2 }]);
    agree();
  });

  it('gives back with its final capture what it did not spend', () => {
    const number = hold(6);
    expect(capture(number, 4, true)).toEqual([
      [first, 3],
      [second, 1],
    ]);
    expect([shares(first), shares(second)]).toEqual([{ used: 3 }, { used: 1, remaining: 4 }]);
  });

  it('gives back in reverse when it is released: a debt is paid from its last slice', () => {
    const number = hold(6);
    takeBack(4);
    expect(balances()).toEqual({ balance: 4, available: -2, debt: 2 });
    release(number);
    expect([shares(first), shares(second)]).toEqual([{ remaining: 3 }, { used: 2, takenBack: 2, remaining: 1 }]);
    expect(balances()).toEqual({ balance: 4, available: 4, debt: 0 });
    agree();
  });

  it('gives back what it keeps when it expires', () => {
    hold(6, 1);
    later(1);
    sweep();
    expect([shares(first), shares(second)]).toEqual([{ remaining: 3 }, { remaining: 5 }]);
    expect(last()).toBe(second);
  });

  it('can spend what it keeps while a clawback has left a debt', () => {
    const number = hold(8);
    takeBack(5);
    expect(capture(number, 8)).toEqual([
      [first, 3],
      [second, 5],
    ]);
    expect(balances()).toEqual({ balance: -5, available: -5, debt: 5 });
    agree();
  });
});

describe('expiry', () => {
  it('is an entry for each grant, which names it and when it expired', () => {
    const [first, second, third] = [1, 2, 9].map((days) => deposit(3, { expiresAt: inDays(days) })) as [
      number,
      number,
      number,
    ];
    spend(1);
    later(5);
    sweep();
    const [, one, other] = story.tables.entriesOf(account).slice(third);
    expect(one).toMatchObject({ type: 'expire', amount: -2, slices: [{ grant: first, amount: 2 }] });
    expect(one).toMatchObject({ expiredAt: grant(first).expiresAt, createdAt: story.now });
    expect(other).toMatchObject({ type: 'expire', amount: -3, expiredAt: grant(second).expiresAt });
    expect([first, second, third].map((id) => statusOf(grant(id)))).toEqual(['expired', 'expired', 'active']);
    expect(shares(first)).toEqual({ used: 1, expired: 2 });
    agree();
  });

  it('comes at its time and no millisecond sooner, before anything else is decided', () => {
    deposit(3, { expiresAt: inDays(1) });
    story.now += DAY - 1;
    expect(spend(1)).toEqual([[1, 1]]);
    story.now += 1;
    expect(come(spending(1))).toEqual({ reason: 'insufficient', required: 1, available: 0 });
    expect(entriesAfter(1)).toEqual([
      ['debit', -1],
      ['expire', -2],
    ]);
  });

  it('leaves alone what a hold keeps, until it comes back: then it expires in the same transaction', () => {
    const id = deposit(5, { expiresAt: inDays(1) });
    const number = hold(4, 7);
    later(2);
    sweep();
    expect(shares(id)).toEqual({ held: 4, expired: 1 });
    expect(capture(number, 1)).toEqual([[id, 1]]);
    expect(shares(id)).toEqual({ used: 1, held: 3, expired: 1 });
    release(number);
    expect(shares(id)).toEqual({ used: 1, expired: 4 });
    expect(entriesAfter(id)).toEqual([
      ['expire', -1],
      ['debit', -1],
      ['expire', -3],
    ]);
    agree();
  });

  it('of a hold and of its grant at once is one entry', () => {
    const id = deposit(5, { expiresAt: inDays(1) });
    hold(4, 1);
    later(1);
    sweep();
    expect(entriesAfter(id)).toEqual([['expire', -5]]);
  });

  it('is not forgotten for a grant that a hold had kept whole', () => {
    const id = deposit(5, { expiresAt: inDays(3) });
    hold(5, 1);
    later(1);
    sweep();
    expect(shares(id)).toEqual({ remaining: 5 });
    agree();
    later(2);
    sweep();
    expect(shares(id)).toEqual({ expired: 5 });
  });

  it('refuses a deposit that would have expired before it is made, and does not remember the refusal', () => {
    const late = operationOn(ADA, funding(5, { expiresAt: story.now }), { key: 'late' });
    for (let time = 0; time < 2; time++)
      expect(story.together([late])[0]).toMatchObject({ outcome: { rejection: { reason: 'past' } }, replayed: false });
    expect(entriesAfter(0)).toEqual([]);
    agree();
  });

  it('of more grants than one batch ends is done by the next ones', () => {
    const many = Array.from({ length: 600 }, () => funding(1, { expiresAt: inDays(1) }));
    story.batch(many.map((action) => [operationOn(ADA, action)]));
    later(1);
    const claim = [[operationOn(ADA, { kind: 'claim' })]];
    expect(story.batch(claim).answers).toBeUndefined();
    expect(story.batch(claim).answers).toBeDefined();
    expect(balances()).toEqual({ balance: 0, available: 0, debt: 0 });
    agree();
  });
});

describe('taking back a purchase', () => {
  it('takes the same share of the purchase and of its bonus, in whole units', () => {
    const id = purchase('p', 10, 10, 5);
    expect(takeBack(4, 'p')).toEqual([
      [id, 3],
      [id + 1, 1],
    ]);
    expect(takeBack(5, 'p')).toEqual([
      [id, 3],
      [id + 1, 2],
    ]);
    expect(takeBack(6, 'p')).toEqual([
      [id, 4],
      [id + 1, 2],
    ]);
    expect(shares(id)).toEqual({ takenBack: 10 });
    agree();
  });

  it('takes what is missing of the one from the other, then paid grants from the newest, then promotional ones', () => {
    const old = deposit(1);
    const gift = deposit(2, { category: 'promotional' });
    const id = purchase('p', 4, 4, 2);
    const young = deposit(1);
    // Of the bonus, which burns first, nothing is left.
    expect(spend(4)).toEqual([
      [gift, 2],
      [id + 1, 2],
    ]);
    const newGift = deposit(2, { category: 'promotional' });
    expect(takeBack(6, 'p')).toEqual([
      [id, 4],
      [young, 1],
      [old, 1],
    ]);
    expect(takeBack(1, 'p')).toEqual([[newGift, 1]]);
    agree();
  });

  it('takes an extension of its grant before any other', () => {
    const id = deposit(3, { source: 'purchase', purchaseId: 'p', expiresAt: inDays(1) });
    const extension = extend(id, inDays(2));
    deposit(3);
    expect(takeBack(2, 'p')).toEqual([[extension, 2]]);
  });

  it('knows what the same batch has made of the purchase', () => {
    const id = deposit(3, { source: 'purchase', purchaseId: 'p', expiresAt: inDays(1) });
    const actions = [extending(id, inDays(2)), funding(3), refunding(-2, 'p')];
    story.batch(actions.map((action) => [operationOn(ADA, action)]));
    // The extension first, though the other deposit is newer.
    expect([shares(id + 2), shares(id + 3)]).toEqual([{ takenBack: 2, remaining: 1 }, { remaining: 3 }]);
  });

  it('leaves what holds keep, and a debt of what is not there', () => {
    const id = purchase('p', 5, 5);
    hold(2);
    expect(takeBack(5, 'p')).toEqual([[id, 3]]);
    expect(balances()).toEqual({ balance: 0, available: -2, debt: 2 });
    expect(shares(id)).toEqual({ held: 2, takenBack: 3 });
    agree();
  });

  it('takes from no grant when all are spent', () => {
    purchase('p', 5, 5);
    spend(5);
    expect(takeBack(5, 'p')).toEqual([]);
    expect(balances()).toEqual({ balance: -5, available: -5, debt: 5 });
  });
});

describe('a debt', () => {
  beforeEach(() => {
    deposit(5);
    spend(5);
    takeBack(4);
  });

  it('is paid first by a deposit: what paid it counts as used', () => {
    const part = deposit(3);
    expect(shares(part)).toEqual({ used: 3 });
    const rest = deposit(3);
    expect(shares(rest)).toEqual({ used: 1, remaining: 2 });
    expect(balances()).toEqual({ balance: 2, available: 2, debt: 0 });
    expect(spend(2)).toEqual([[rest, 2]]);
    agree();
  });

  it('is paid by a purchase, and then by its bonus', () => {
    const id = purchase('p', 3, 3, 3);
    expect([shares(id), shares(id + 1)]).toEqual([{ used: 3 }, { used: 1, remaining: 2 }]);
  });

  it('is paid by what a reversal gives back, and only the rest goes to the grant', () => {
    expect(reverse(2)).toEqual([[1, 1]]);
    expect(shares(1)).toEqual({ used: 4, remaining: 1 });
    agree();
  });
});

describe('giving back a purchase', () => {
  it('returns to the grants that it was taken from, in reverse', () => {
    const [other, id] = [deposit(2), purchase('p', 3, 3)];
    expect(takeBack(5, 'p')).toEqual([
      [id, 3],
      [other, 2],
    ]);
    expect(giveBack(3, 'p')).toEqual([
      [other, 2],
      [id, 1],
    ]);
    expect([shares(other), shares(id)]).toEqual([{ remaining: 2 }, { takenBack: 2, remaining: 1 }]);
    expect(giveBack(2, 'p')).toEqual([[id, 2]]);
    agree();
  });

  it('goes back as far as it was taken and not yet given back', () => {
    const [other, id] = [deposit(2), purchase('p', 3, 3)];
    takeBack(4, 'p');
    giveBack(2, 'p');
    expect(takeBack(1, 'p')).toEqual([[id, 1]]);
    expect(giveBack(3, 'p')).toEqual([[id, 3]]);
    expect([shares(other), shares(id)]).toEqual([{ remaining: 2 }, { remaining: 3 }]);
    agree();
  });

  it('knows what the same batch has taken', () => {
    const id = purchase('p', 5, 5);
    const other = deposit(2);
    const actions = [refunding(-6, 'p'), refunding(2, 'p')];
    story.batch(actions.map((action) => [operationOn(ADA, action)]));
    expect([shares(id), shares(other)]).toEqual([{ takenBack: 4, remaining: 1 }, { remaining: 2 }]);
    agree();
  });

  it('takes away the debt that it made', () => {
    purchase('p', 5, 5);
    spend(4);
    expect(takeBack(5, 'p')).toEqual([[1, 1]]);
    expect(giveBack(5, 'p')).toEqual([[1, 1]]);
    expect(shares(1)).toEqual({ used: 4, remaining: 1 });
    expect(balances()).toEqual({ balance: 1, available: 1, debt: 0 });
    agree();
  });

  it('is a new grant of the share that was debt and has been paid meanwhile', () => {
    const id = purchase('p', 5, 10);
    spend(3);
    takeBack(5, 'p');
    const paying = deposit(4);
    expect(shares(paying)).toEqual({ used: 3, remaining: 1 });
    expect(giveBack(4, 'p')).toEqual([[id, 1]]);
    const returned = last();
    expect(grant(returned)).toMatchObject({
      ...{ amount: 3, remaining: 3, source: 'return', category: 'paid', priority: 50 },
      ...{ expiresAt: null, price: 6, purchaseId: 'p' },
    });
    expect(shares(id)).toEqual({ used: 3, takenBack: 1, remaining: 1 });
    agree();
  });

  it('has a share of the price that counts the bonus in', () => {
    purchase('p', 10, 9, 5);
    spend(15);
    takeBack(15, 'p');
    deposit(15);
    giveBack(5, 'p');
    expect(grant(last())).toMatchObject({ amount: 5, price: 3 });
    giveBack(10, 'p');
    expect(grant(last())).toMatchObject({ amount: 10, price: 6 });
  });

  it('pays another debt first: what pays it counts as used', () => {
    const id = purchase('p', 5, 5);
    takeBack(5, 'p');
    takeBack(2);
    expect(giveBack(5, 'p')).toEqual([[id, 3]]);
    expect(shares(id)).toEqual({ used: 2, remaining: 3 });
    agree();
  });

  it('to a grant that has expired meanwhile expires at once', () => {
    const id = deposit(5, { source: 'purchase', purchaseId: 'p', expiresAt: inDays(1) });
    takeBack(5, 'p');
    later(1);
    expect(giveBack(5, 'p')).toEqual([[id, 5]]);
    expect(shares(id)).toEqual({ expired: 5 });
    expect(entriesAfter(id)).toEqual([
      ['refund', -5],
      ['refund', 5],
      ['expire', -5],
    ]);
    agree();
  });

  it('to a grant that was voided meanwhile is forfeited', () => {
    const id = purchase('p', 5, 5);
    takeBack(2, 'p');
    act(voiding(id));
    giveBack(2, 'p');
    expect(shares(id)).toEqual({ voided: 5 });
    agree();
  });
});

describe('voiding', () => {
  it('forfeits what remains, and says so by an entry', () => {
    const id = deposit(5);
    spend(2);
    expect(come(voiding(id))).toMatchObject({ type: 'void', amount: -3, description: 'a mistake' });
    expect(shares(id)).toEqual({ used: 2, voided: 3 });
    expect(statusOf(grant(id))).toBe('voided');
    agree();
  });

  it('forfeits what comes back later, in the same transaction', () => {
    const id = deposit(5);
    const number = hold(3);
    act(voiding(id));
    expect([shares(id), statusOf(grant(id))]).toEqual([{ held: 3, voided: 2 }, 'active']);
    expect(capture(number, 1, true)).toEqual([[id, 1]]);
    expect(shares(id)).toEqual({ used: 1, voided: 4 });
    expect(entriesAfter(id)).toEqual([
      ['void', -2],
      ['debit', -1],
      ['void', -2],
    ]);
    agree();
  });

  it('is refused when nothing remains, and when there is no such grant', () => {
    const id = deposit(5);
    spend(5);
    expect(come(voiding(id))).toEqual({ reason: 'nothing-remains' });
    expect(come(voiding(2))).toEqual({ reason: 'no-grant' });
  });
});

describe('extending', () => {
  it('moves what remains into a new grant with the old terms and its share of the price', () => {
    const terms = { priority: 3, category: 'promotional', price: 10, expiresAt: inDays(1) } as const;
    const id = deposit(6, terms);
    spend(1);
    const extension = extend(id, inDays(4));
    expect(entriesAfter(2)).toEqual([
      ['void', -5],
      ['deposit', 5],
    ]);
    expect([shares(id), statusOf(grant(id))]).toEqual([{ used: 1, voided: 5 }, 'voided']);
    // The one that was spent cost floor(10 / 6).
    expect(grant(extension)).toMatchObject({
      ...{ amount: 5, remaining: 5, source: 'extension', extends: id, expiresAt: inDays(4) },
      ...{ priority: 3, category: 'promotional', price: 9 },
    });
    later(2);
    expect(spend(5)).toEqual([[extension, 5]]);
    agree();
  });

  it('is refused when nothing remains, when it never expires, for an earlier time and for a grant that is none', () => {
    const [spent, eternal, fine] = [deposit(1, { expiresAt: inDays(2) }), deposit(1), deposit(1)];
    spend(1);
    expect(come(extending(spent, inDays(3)))).toEqual({ reason: 'nothing-remains' });
    expect(come(extending(eternal, inDays(3)))).toEqual({ reason: 'never-expires' });
    expect(come(extending(fine + 7, inDays(3)))).toEqual({ reason: 'no-grant' });
    const limited = deposit(1, { expiresAt: inDays(2) });
    expect(come(extending(limited, inDays(2)))).toEqual({ reason: 'not-later', expiresAt: inDays(2) });
    expect(come(extending(limited, inDays(1)))).toEqual({ reason: 'not-later', expiresAt: inDays(2) });
    later(2);
    expect(come(extending(limited, inDays(3)))).toEqual({ reason: 'nothing-remains' });
  });

  it('leaves holds their slices; what comes back goes to the newest extension, which grows', () => {
    const id = deposit(6, { price: 12, expiresAt: inDays(1) });
    const number = hold(4);
    const first = extend(id, inDays(2));
    const second = extend(first, inDays(3));
    expect(capture(number, 1)).toEqual([[id, 1]]);
    release(number);
    expect(shares(id)).toEqual({ used: 1, voided: 5 });
    expect(shares(first)).toEqual({ voided: 2 });
    expect(grant(second)).toMatchObject({ amount: 5, remaining: 5, price: 10 });
    agree();
  });

  it('lets what comes back expire with the extension', () => {
    const id = deposit(6, { expiresAt: inDays(1) });
    const number = hold(4, 7);
    const extension = extend(id, inDays(2));
    later(3);
    release(number);
    expect([shares(id), shares(extension)]).toEqual([{ voided: 6 }, { expired: 6 }]);
    agree();
  });

  it('lets what comes back be forfeited with the extension', () => {
    const id = deposit(6, { expiresAt: inDays(1) });
    const number = hold(4, 7);
    const extension = extend(id, inDays(2));
    act(voiding(extension));
    release(number);
    expect([shares(id), shares(extension)]).toEqual([{ voided: 6 }, { voided: 6 }]);
    agree();
  });
});

describe('reversing a spending', () => {
  it('gives back to the grants that paid, in reverse of the record', () => {
    const [first, second] = [deposit(3), deposit(3)];
    spend(5);
    expect(come(reversing(3, 3))).toMatchObject({
      ...{ type: 'reversal', amount: 3, reverses: 3, description: 'a correction' },
      slices: [
        { grant: second, amount: 2 },
        { grant: first, amount: 1 },
      ],
    });
    expect([shares(first), shares(second)]).toEqual([{ used: 2, remaining: 1 }, { remaining: 3 }]);
    agree();
  });

  it('can be done in parts, up to what is left; the rest is the default', () => {
    const id = deposit(5);
    spend(4);
    reverse(2, 1);
    expect(come(reversing(2, 4))).toEqual({ reason: 'reversed', remaining: 3 });
    expect(reverse(2)).toEqual([[id, 3]]);
    expect(story.tables.reversed(account, 2)?.amount).toBe(4);
    expect(come(reversing(2))).toEqual({ reason: 'reversed', remaining: 0 });
    agree();
  });

  it('works for a capture, and leaves the hold as it is', () => {
    const id = deposit(5);
    const number = hold(4);
    capture(number, 3);
    expect(reverse(2)).toEqual([[id, 3]]);
    expect(shares(id)).toEqual({ held: 1, remaining: 4 });
    expect(story.tables.hold({ accountId: account, number })).toMatchObject({ status: 'open', captured: 3 });
    agree();
  });

  it('returns parts of expired grants as one grant for thirty days; the old ones stay used', () => {
    const first = deposit(3, { expiresAt: inDays(1), price: 3, priority: 2 });
    const second = deposit(3, { expiresAt: inDays(2), price: 6, priority: 3 });
    const third = deposit(3, { priority: 4 });
    spend(8);
    later(2);
    expect(reverse(4)).toEqual([[third, 2]]);
    const returned = last();
    expect(grant(returned)).toMatchObject({
      ...{ amount: 6, remaining: 6, source: 'return', category: 'paid', expiresAt: inDays(30) },
      // The terms of what came back first.
      ...{ priority: 3, price: 9, extends: null },
    });
    expect([first, second, third].map(shares)).toEqual([{ used: 3 }, { used: 3 }, { remaining: 3 }]);
    agree();
  });

  it('returns no more of the price than it was, in however many parts', () => {
    const id = deposit(3, { expiresAt: inDays(1), price: 8 });
    spend(3);
    later(2);
    const prices = [1, 1, 1].map(() => {
      reverse(id + 1, 1);
      return grant(last()).price;
    });
    // Each costs floor(8 / 3).
    expect(prices).toEqual([2, 2, 2]);
  });

  it('adds no more to an extension than the price was', () => {
    const id = deposit(4, { expiresAt: inDays(1), price: 11 });
    spend(3);
    const extension = extend(id, inDays(2));
    expect(grant(extension)).toMatchObject({ price: 3 });
    for (let i = 0; i < 3; i++) reverse(2, 1);
    expect(grant(extension)).toMatchObject({ amount: 4, price: 9 });
  });

  it('forfeits parts of voided grants', () => {
    const id = deposit(5);
    spend(2);
    act(voiding(id));
    expect(reverse(2)).toEqual([[id, 2]]);
    expect(shares(id)).toEqual({ voided: 5 });
    expect(entriesAfter(3)).toEqual([
      ['reversal', 2],
      ['void', -2],
    ]);
    agree();
  });

  it('gives parts of extended grants to the newest extension, though the old one has expired', () => {
    const id = deposit(5, { expiresAt: inDays(1) });
    spend(2);
    const extension = extend(id, inDays(9));
    later(2);
    expect(reverse(2)).toEqual([[extension, 2]]);
    expect([shares(id), shares(extension)]).toEqual([{ voided: 5 }, { remaining: 5 }]);
    agree();
  });
});

describe('a reversal in the batch of what it reverses', () => {
  it('finds it', () => {
    const id = deposit(5);
    const actions = [spending(3), reversing(2, 2), reversing(2)];
    const { answers } = story.batch(actions.map((action) => [operationOn(ADA, action)]));
    expect(answers!.flat()).toMatchObject([-3, 2, 1].map((amount) => ({ outcome: { entry: { amount } } })));
    expect(shares(id)).toEqual({ remaining: 5 });
    agree();
  });
});

describe('reversing a deposit', () => {
  it('takes what remains of its grant', () => {
    const id = deposit(5);
    spend(2);
    expect(come(reversing(id, 4))).toEqual({ reason: 'reversed', remaining: 3 });
    expect(reverse(id, 1)).toEqual([[id, 1]]);
    expect(come(reversing(id))).toMatchObject({ type: 'reversal', amount: -2, reverses: id });
    expect(shares(id)).toEqual({ used: 2, takenBack: 3 });
    expect(come(reversing(id))).toEqual({ reason: 'reversed', remaining: 0 });
    agree();
  });

  it('leaves alone what holds keep', () => {
    const id = deposit(5);
    hold(4);
    expect(reverse(id)).toEqual([[id, 1]]);
    expect(balances()).toEqual({ balance: 4, available: 0, debt: 0 });
  });

  it('does not reach what has gone over into an extension', () => {
    const id = deposit(5, { expiresAt: inDays(1) });
    const extension = extend(id, inDays(2));
    expect(come(reversing(id))).toEqual({ reason: 'reversed', remaining: 0 });
    expect(reverse(extension)).toEqual([[extension, 5]]);
  });
});

describe('reversing anything else', () => {
  it('is refused for purchases and what extends them: they are refunded', () => {
    const id = deposit(5, { source: 'purchase', purchaseId: 'p', expiresAt: inDays(1) });
    expect(come(reversing(id))).toEqual({ reason: 'irreversible', type: 'deposit' });
    const extension = extend(id, inDays(2));
    expect(come(reversing(extension))).toEqual({ reason: 'irreversible', type: 'deposit' });
  });

  it('is refused: refunds, reversals, expiries, voids', () => {
    deposit(9, { expiresAt: inDays(1) });
    takeBack(1);
    spend(1);
    reverse(3);
    deposit(1);
    act(voiding(5));
    later(1);
    sweep();
    const types = story.tables.entriesOf(account).map(({ type }) => type);
    expect(types).toEqual(['deposit', 'refund', 'debit', 'reversal', 'deposit', 'void', 'expire']);
    for (const [entry, type] of [
      [2, 'refund'],
      [4, 'reversal'],
      [6, 'void'],
      [7, 'expire'],
    ] as const)
      expect(come(reversing(entry))).toEqual({ reason: 'irreversible', type });
  });

  it('is refused for an entry that is not there', () => {
    deposit(1);
    expect(come(reversing(2))).toEqual({ reason: 'no-entry' });
  });
});
