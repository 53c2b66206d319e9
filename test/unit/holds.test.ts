import { describe, expect, it } from '@jest/globals';
import {
  type Account,
  type AccountName,
  type Action,
  type Answer,
  apply,
  available,
  type Capture,
  decide,
  emptyAccount,
  type Grants,
  type Hold,
  type HoldName,
  type Known,
  MAX_OPEN_HOLDS,
  newGrant,
  statusAt,
} from '../../src/ledger/domain/index.js';
import { FOR_NOTHING, funding, operationOn, posting, refunding, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const BOB: AccountName = 'USD user:bob';
const SECOND = 1_000;

const opening = (amount: number, seconds = 60): Action => ({
  kind: 'open',
  amount: stored(amount),
  description: 'Agent run #4521',
  metadata: '{"agent":"researcher"}',
  ...FOR_NOTHING,
  expiresIn: seconds * SECOND,
});
const capturing = (hold: HoldName, amount: number, more: Partial<Capture> = {}): Action => ({
  kind: 'capture',
  hold,
  type: 'debit',
  amount: stored(amount),
  final: false,
  description: null,
  model: null,
  ...more,
});
const releasing = (hold: HoldName): Action => ({ kind: 'release', hold });

/** The hold that an answer shows. */
function heldBy({ outcome }: Answer): Hold {
  if (outcome === 'key-reused' || outcome.status !== 'held') throw new Error('no hold came of it');
  return outcome.hold;
}

/** Ada has 100, of which an agent's run may cost up to 40. */
function adaWithHold(seconds = 60) {
  const story = new Story();
  story.one(ADA, posting(100));
  const hold = heldBy(story.one(ADA, opening(40, seconds)));
  const account = () => story.tables.account(hold.accountId);
  const row = () => story.tables.hold(hold)!;
  const refused = (answer: Answer) =>
    answer.outcome !== 'key-reused' && 'rejection' in answer.outcome ? answer.outcome.rejection : undefined;
  return { story, hold, account, row, refused };
}

describe('a hold', () => {
  it('keeps an amount from being spent, and leaves the balance as it is', () => {
    const { story, hold, account, refused } = adaWithHold();
    expect(hold).toMatchObject({
      number: 1,
      status: 'open',
      amount: 40,
      captured: 0,
      openedAfter: 1,
      closedAfter: null,
    });
    expect(account()).toMatchObject({ balance: 100, held: 40, holds: 1, openHolds: 1, nextExpiry: hold.expiresAt });
    expect(available(account())).toBe(60);
    expect(refused(story.one(ADA, posting(-61)))).toEqual({ reason: 'insufficient', required: 61, available: 60 });
  });

  it('is refused for more than is available: other holds count, an entry is not made', () => {
    const { story, account, refused } = adaWithHold();
    expect(refused(story.one(ADA, opening(61)))).toEqual({ reason: 'insufficient', required: 61, available: 60 });
    expect(heldBy(story.one(ADA, opening(60)))).toMatchObject({ number: 2, openedAfter: 1 });
    expect(account()).toMatchObject({ balance: 100, held: 100, sequence: 1 });
  });

  it('is refused for no amount and for no time', () => {
    const { story, refused } = adaWithHold();
    for (const action of [opening(0), opening(-1), opening(1, 0), opening(1, NaN)])
      expect(refused(story.one(ADA, action))).toEqual({ reason: 'malformed' });
  });

  it('is refused when the account has as many as it may, until one of them is settled', () => {
    const now = Date.UTC(2026, 3, 15);
    const empty = emptyAccount(1, 1, ADA);
    const account: Account = {
      ...empty,
      balance: stored(100),
      held: stored(1),
      openHolds: MAX_OPEN_HOLDS,
      holds: 2 * MAX_OPEN_HOLDS,
      nextExpiry: now,
    };
    const expired: Hold = {
      ...{
        accountId: 1,
        number: 7,
        status: 'open',
        amount: stored(3),
        captured: stored(2),
        description: null,
        metadata: null,
        actor: 'user:ada',
        ...FOR_NOTHING,
      },
      ...{ expiresAt: now, createdAt: 0, openedAfter: 0, closedAfter: null, openedEvent: 1, closedEvent: null },
      slices: [{ grant: 1, amount: stored(3) }],
      rateCard: null,
    };
    const whole = newGrant(1, 1, stored(102), { ...funding(1).terms, extends: null }, 0);
    const grant = { ...whole, used: stored(2), held: stored(1), remaining: stored(99) };
    const named = { open: [grant], grants: new Map([[1, grant]]), reversed: new Map(), purchases: new Map() };
    const grants: Grants = { open: [grant], find: () => grant };
    const full = { ...account, held: stored(0), nextExpiry: null };
    expect(apply({ account: full, grants }, operationOn(ADA, opening(1)), now).answer).toMatchObject({
      outcome: { rejection: { reason: 'too-many-holds' } },
    });
    const rest = { holds: new Map(), replays: new Map(), expired: [expired], nextExpiry: null };
    const known: Known = { account, ...named, ...rest };
    const settled = decide(new Map([[ADA, known]]), [], now).effects;
    expect(settled.accounts).toMatchObject([{ openHolds: MAX_OPEN_HOLDS - 1, held: 0, nextExpiry: null }]);
    const opened = decide(new Map([[ADA, known]]), [[operationOn(ADA, opening(1))]], now).effects;
    expect(opened.accounts).toMatchObject([{ openHolds: MAX_OPEN_HOLDS, held: 1, nextExpiry: now + 60 * SECOND }]);
  });

  it('under a key is shown as it was at first, whatever has become of it', () => {
    const { story } = adaWithHold();
    const keyed = { key: 'k', hash: 'h' };
    const first = story.one(ADA, opening(10), keyed);
    story.one(ADA, capturing(heldBy(first), 10));
    expect(story.one(ADA, opening(10), keyed)).toEqual({ outcome: first.outcome, replayed: true });
  });
});

describe('a capture', () => {
  it('spends a part of the hold and leaves it open for the rest', () => {
    const { story, hold, account, row } = adaWithHold();
    expect(story.one(ADA, capturing(hold, 15))).toMatchObject({
      outcome: { status: 'posted', entry: { sequence: 2, type: 'debit', amount: -15, balanceAfter: 85, hold: 1 } },
    });
    expect(row()).toMatchObject({ status: 'open', captured: 15, closedAfter: null });
    expect(account()).toMatchObject({ balance: 85, held: 25, openHolds: 1 });
  });

  it('that is final gives back the rest', () => {
    const { story, hold, account, row } = adaWithHold();
    story.one(ADA, capturing(hold, 15, { final: true }));
    expect(row()).toMatchObject({ status: 'captured', captured: 15, closedAfter: 2 });
    expect(account()).toMatchObject({ balance: 85, held: 0, openHolds: 0 });
    expect(available(account())).toBe(85);
  });

  it('of all that remains closes the hold, final or not', () => {
    const { story, hold, account, row, refused } = adaWithHold();
    story.one(ADA, capturing(hold, 15));
    story.one(ADA, capturing(hold, 25));
    expect(row()).toMatchObject({ status: 'captured', captured: 40, closedAfter: 3 });
    expect(account()).toMatchObject({ balance: 60, held: 0, openHolds: 0 });
    expect(refused(story.one(ADA, capturing(hold, 1)))).toEqual({ reason: 'hold-settled', status: 'captured' });
  });

  it('is refused for more than remains, which stays', () => {
    const { story, hold, account, refused } = adaWithHold();
    story.one(ADA, capturing(hold, 15));
    expect(refused(story.one(ADA, capturing(hold, 26)))).toEqual({
      reason: 'hold-exceeded',
      required: 26,
      remaining: 25,
    });
    expect(account()).toMatchObject({ balance: 85, held: 25 });
  });

  it('spends what the hold kept, though a clawback has made a debt meanwhile', () => {
    const { story, hold, account, refused } = adaWithHold();
    story.one(ADA, refunding(-80));
    expect(available(account())).toBe(-20);
    expect(story.one(ADA, capturing(hold, 21))).toMatchObject({
      outcome: { status: 'posted', entry: { balanceAfter: -1 } },
    });
    expect(available(account())).toBe(-20);
    expect(refused(story.one(ADA, spending(1)))).toMatchObject({ reason: 'insufficient', available: -20 });
    // What the last capture leaves of the hold pays debt.
    story.one(ADA, capturing(hold, 1, { final: true }));
    expect(account()).toMatchObject({ balance: -2, held: 0 });
  });

  it("has the hold's words, unless it brings its own", () => {
    const { story, hold } = adaWithHold();
    const [silent, telling] = [capturing(hold, 1), capturing(hold, 1, { description: 'the last step' })];
    const metadata = '{"agent":"researcher"}';
    expect(story.one(ADA, silent)).toMatchObject({ outcome: { entry: { description: 'Agent run #4521', metadata } } });
    expect(story.one(ADA, telling)).toMatchObject({ outcome: { entry: { description: 'the last step', metadata } } });
  });

  it("of another's hold, or of none, finds no hold", () => {
    const { story, hold, refused } = adaWithHold();
    story.one(BOB, posting(100));
    expect(refused(story.one(BOB, capturing(hold, 1)))).toEqual({ reason: 'no-hold' });
    expect(refused(story.one(ADA, capturing({ ...hold, number: 2 }, 1)))).toEqual({ reason: 'no-hold' });
    expect(refused(story.one(BOB, releasing(hold)))).toEqual({ reason: 'no-hold' });
  });

  it('meets the hold that the same batch has opened, and its second capture what the first one left', () => {
    const { story, hold, account } = adaWithHold();
    const second = { ...hold, number: 2 };
    const asked = [opening(10), capturing(second, 4), capturing(second, 7), capturing(second, 6)];
    const { answers, effects } = story.batch(asked.map((action) => [operationOn(ADA, action)]));
    expect(answers!.flat().map(({ outcome }) => outcome !== 'key-reused' && outcome.status)).toEqual([
      'held',
      'posted',
      'refused',
      'posted',
    ]);
    // A row is written once, as it is in the end.
    expect(effects.holds).toMatchObject([{ number: 2, status: 'captured', captured: 10, closedAfter: 3 }]);
    expect(account()).toMatchObject({ balance: 90, held: 40 });
  });
});

describe('a release', () => {
  it('gives back what no capture took, without an entry', () => {
    const { story, hold, account, row } = adaWithHold();
    story.one(ADA, capturing(hold, 15));
    expect(heldBy(story.one(ADA, releasing(hold)))).toMatchObject({ status: 'released', captured: 15, closedAfter: 2 });
    expect(row()).toMatchObject({ status: 'released' });
    expect(account()).toMatchObject({ balance: 85, held: 0, openHolds: 0, sequence: 2 });
  });

  it('is refused for a hold that is no longer open', () => {
    const { story, hold, account, refused } = adaWithHold();
    story.one(ADA, releasing(hold));
    expect(refused(story.one(ADA, releasing(hold)))).toEqual({ reason: 'hold-settled', status: 'released' });
    expect(refused(story.one(ADA, capturing(hold, 1)))).toEqual({ reason: 'hold-settled', status: 'released' });
    expect(account()).toMatchObject({ balance: 100, held: 0, openHolds: 0 });
  });
});

describe('a hold that nobody settles', () => {
  it('expires at its time and no millisecond sooner, whether or not its row says so', () => {
    const { hold } = adaWithHold(60);
    expect(statusAt(hold, hold.expiresAt - 1)).toBe('open');
    expect(statusAt(hold, hold.expiresAt)).toBe('expired');
  });

  it('is given back before anything else is decided, less what was captured', () => {
    const { story, hold, account, row } = adaWithHold(60);
    story.one(ADA, capturing(hold, 15));
    story.now = hold.expiresAt;
    expect(story.one(ADA, posting(-85))).toMatchObject({ outcome: { status: 'posted', entry: { balanceAfter: 0 } } });
    expect(row()).toMatchObject({ status: 'expired', captured: 15, closedAfter: 2 });
    expect(account()).toMatchObject({ held: 0, openHolds: 0, nextExpiry: null });
  });

  it('can no longer be captured or released', () => {
    const { story, hold, refused } = adaWithHold(60);
    story.now = hold.expiresAt;
    expect(refused(story.one(ADA, capturing(hold, 1)))).toEqual({ reason: 'hold-settled', status: 'expired' });
    expect(refused(story.one(ADA, releasing(hold)))).toEqual({ reason: 'hold-settled', status: 'expired' });
  });

  it('leaves the others open, and the next expiry is theirs', () => {
    const { story, hold, account } = adaWithHold(60);
    const later = heldBy(story.one(ADA, opening(5, 120)));
    expect(account().nextExpiry).toBe(hold.expiresAt);
    story.now = hold.expiresAt;
    // As the sweep does it.
    story.one(ADA, { kind: 'claim' });
    expect(account()).toMatchObject({ held: 5, openHolds: 1, nextExpiry: later.expiresAt });
  });

  it('goes by the clock, though the last entry came from a clock that was ahead', () => {
    const now = Date.UTC(2026, 3, 15, 10, 30);
    const story = new Story(now + 365 * 86_400_000);
    story.one(ADA, posting(10));
    const ahead = story.now;
    story.now = now;
    const hold = heldBy(story.one(ADA, opening(1, 1)));
    expect(hold).toMatchObject({ createdAt: now, expiresAt: now + SECOND });
    const [account, [grant]] = [story.tables.account(hold.accountId), story.tables.grantsOf(hold.accountId)];
    const state = { account, hold, grants: { open: [grant!], find: () => grant } };
    const capture = operationOn(ADA, capturing(hold, 1, { final: true }));
    expect(apply(state, capture, now + 999).answer).toMatchObject({
      outcome: { status: 'posted', entry: { createdAt: ahead } },
    });
    expect(apply(state, capture, now + SECOND).answer).toMatchObject({
      outcome: { rejection: { status: 'expired' } },
    });
  });

  it('is one of so many that a batch settles some and decides nothing', () => {
    const { story, hold } = adaWithHold(60);
    const second = heldBy(story.one(ADA, opening(5, 30)));
    const now = hold.expiresAt;
    const asked = [[operationOn(ADA, posting(-1))]];
    const [known] = story.tables.load(asked, now).values();
    const bounded: Known = { ...known!, expired: [second], nextExpiry: hold.expiresAt };
    const { answers, effects } = decide(new Map([[ADA, bounded]]), asked, now);
    expect(answers).toBeUndefined();
    expect(effects).toMatchObject({
      accounts: [{ held: 40, openHolds: 1 }],
      holds: [{ number: 2, status: 'expired' }],
      entries: [],
    });
  });
});
