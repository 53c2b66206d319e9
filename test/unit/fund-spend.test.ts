import { describe, expect, it } from '@jest/globals';
import {
  type Account,
  type AccountName,
  type Answer,
  apply,
  available,
  emptyAccount,
  type Grants,
  negate,
  newGrant,
  type Operation,
  type Replay,
  type State,
  UNITS,
} from '../../src/ledger/domain/index.js';
import { funding, operationOn, posting, stored } from '../support/posting.js';

const NOW = Date.UTC(2026, 3, 15, 10, 30);
const LIMIT = UNITS.USD.limit;
const ADA: AccountName = 'USD user:ada';

/** Ada's account. */
const ada = (balance: number, more: Partial<Account> = {}): Account => ({
  ...emptyAccount(1, 1, ADA),
  balance: stored(balance),
  ...more,
});

/** An account that has one grant, of all that is available. */
function stateOf(account: Account): State {
  const there = available(account);
  const grant = newGrant(account.id, 1, there, { ...funding(1).terms, extends: null }, 0);
  const grants: Grants = { open: there > 0 ? [grant] : [], find: (id) => (id === 1 ? grant : undefined) };
  return { account, grants };
}

/** A request to post an amount to it, under the key `k`. */
const request = (amount: number, more: Parameters<typeof posting>[1] = {}): Operation =>
  operationOn(ADA, posting(amount, more), { key: 'k', hash: `h${amount}`, traceId: 't' });

/** What a request comes to, and how it leaves the account. */
function post(account: Account, asked: Operation, now = NOW, replay?: Replay): { account: Account; answer: Answer } {
  const { answer, change } = apply(stateOf(account), asked, now, replay);
  return { answer, account: change?.account ?? account };
}

/** What is known under a key after this answer. */
function replayOf({ hash }: Operation, { outcome }: Answer): Replay {
  if (outcome === 'key-reused') throw new Error('nothing came of it');
  return { hash, outcome };
}

describe('a deposit', () => {
  it('is the first entry of an empty account, with the number 1', () => {
    const { account, answer } = post(ada(0), request(5));
    expect(answer).toMatchObject({
      replayed: false,
      outcome: {
        status: 'posted',
        entry: { sequence: 1, typeSequence: 1, amount: 5, balanceAfter: 5, createdAt: NOW },
      },
    });
    expect(account).toMatchObject({
      balance: 5,
      sequence: 1,
      types: { deposit: { count: 1, total: 5n } },
      lastAt: NOW,
    });
  });

  it('is refused when it would take the balance beyond what is held exactly', () => {
    expect(post(ada(LIMIT - 1), request(1)).account.balance).toBe(LIMIT);
    expect(post(ada(LIMIT), request(1)).answer).toMatchObject({ outcome: { rejection: { reason: 'limit' } } });
  });
});

describe('spending', () => {
  it('takes the last micro-dollar, and is refused for one more, with what was missing', () => {
    expect(post(ada(100), request(-100)).account.balance).toBe(0);
    expect(post(ada(100), request(-101)).answer).toMatchObject({
      outcome: {
        status: 'refused',
        rejection: { reason: 'insufficient', required: 101, available: 100 },
        traceId: 't',
      },
    });
  });

  it('leaves alone what a hold keeps back', () => {
    const held = ada(100, { held: stored(40) });
    expect(available(held)).toBe(60);
    expect(post(held, request(-61)).answer).toMatchObject({
      outcome: { rejection: { reason: 'insufficient', available: 60 } },
    });
    expect(post(held, request(-60)).account).toMatchObject({ balance: 40, held: 40 });
  });

  it('counts on in its own type', () => {
    const account = Object.freeze(ada(10, { types: Object.freeze({ debit: { count: 3, total: -30n } }) }));
    expect(post(account, Object.freeze(request(-1))).account.types).toEqual({ debit: { count: 4, total: -31n } });
    // The account that was given stays as it was.
    expect(account.types).toEqual({ debit: { count: 3, total: -30n } });
  });
});

describe('a purchase that the balance has no room for', () => {
  it('is refused for now, and remembered of no key', () => {
    const purchase = (purchaseId: string | null) => operationOn(ADA, funding(2, { purchaseId }), { key: 'k' });
    const refused = { outcome: { status: 'refused', rejection: { reason: 'limit' } } };
    for (const [id, isRemembered] of [
      ['pur_1', false],
      [null, true],
    ] as const) {
      const { answer, change } = apply(stateOf(ada(LIMIT)), purchase(id), NOW);
      expect(answer).toMatchObject(refused);
      expect(change !== undefined).toBe(isRemembered);
    }
  });
});

describe('a clawback', () => {
  const clawback = (amount: number) => request(amount, { type: 'refund' });

  it('may leave a debt, and nothing is spent until the debt is covered', () => {
    const debt = post(ada(10), clawback(-25)).account;
    expect(debt.balance).toBe(-15);
    expect(post(debt, request(-1)).answer).toMatchObject({
      outcome: { rejection: { reason: 'insufficient', available: -15 } },
    });
    const covered = post(debt, request(16)).account;
    expect(post(covered, request(-1)).account.balance).toBe(0);
  });

  it('leaves no debt beyond what is held exactly', () => {
    expect(post(ada(negate(LIMIT)), clawback(-1)).answer).toMatchObject({
      outcome: { rejection: { reason: 'limit' } },
    });
    // What a hold keeps may still be captured, which takes the balance down to what is available now.
    const holding = ada(negate(LIMIT) + 1, { held: stored(1) });
    expect(post(holding, clawback(-1)).answer).toMatchObject({ outcome: { rejection: { reason: 'limit' } } });
  });
});

describe('an amount that is none', () => {
  it.each([0, 0.5, NaN, Infinity, LIMIT + 1, negate(LIMIT) - 1, 2 ** 53])(
    'as %d is refused as malformed, before anything else',
    (amount) => {
      const ofAnother: Replay = {
        hash: 'other',
        outcome: { status: 'refused', rejection: { reason: 'limit' }, traceId: 'x' },
      };
      expect(post(ada(LIMIT), request(amount), NOW, ofAnother).answer).toMatchObject({
        outcome: { rejection: { reason: 'malformed' } },
      });
    },
  );

  it('leaves nothing behind, not even under its key', () => {
    expect(apply(stateOf(ada(10)), request(0), NOW).change).toBeUndefined();
  });
});

describe('a key that comes again', () => {
  it('gets the first answer and changes nothing; for another request it is refused', () => {
    const first = post(ada(10), request(-3));
    const replay = replayOf(request(-3), first.answer);
    const second = post(first.account, request(-3), NOW + 1, replay);
    expect(second.answer).toEqual({ outcome: first.answer.outcome, replayed: true });
    expect(second.account).toBe(first.account);
    expect(post(first.account, request(-4), NOW + 1, replay).answer).toEqual({ outcome: 'key-reused' });
  });

  it('is refused again, though the account could afford it by now', () => {
    const { answer } = post(ada(1), request(-3));
    const again = post(ada(1_000), request(-3), NOW + 1, replayOf(request(-3), answer));
    expect(again.answer).toEqual({ ...answer, replayed: true });
  });

  it('has no answer when the entry that it names is not there, or is not what was asked for', () => {
    const lost = { hash: 'h-3', outcome: undefined };
    expect(() => post(ada(10), request(-3), NOW, lost)).toThrow('is not there or another');
    const { answer } = post(ada(10), request(-4));
    expect(() => post(ada(10), request(-3), NOW, { ...replayOf(request(-4), answer), hash: 'h-3' })).toThrow(
      'is not there or another',
    );
  });
});

describe('time', () => {
  it('never runs backwards within an account', () => {
    const { account, answer } = post(ada(10, { lastAt: NOW }), request(-1), NOW - 5_000);
    expect(account.lastAt).toBe(NOW);
    expect(answer).toMatchObject({ outcome: { entry: { createdAt: NOW } } });
  });
});
