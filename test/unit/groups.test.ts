import { describe, expect, it } from '@jest/globals';
import type { AccountName, Action, Answer, Group, Operation } from '../../src/ledger/domain/index.js';
import { FOR_NOTHING, operationOn, posting, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const BOB: AccountName = 'USD user:bob';
const ACME: AccountName = 'USD org:acme';

const keyed = (account: AccountName, action: Action, key: string, request = 'request'): Operation =>
  operationOn(account, action, { key, hash: request, traceId: `trace of ${key}` });

/**
 * Spending for several customers that Acme asks for in one request, under the key `k`: its claim, and then the items.
 */
const atomic = (...items: readonly [AccountName, amount: number][]): Group => [
  keyed(ACME, { kind: 'claim' }, 'k', JSON.stringify(items)),
  ...items.map(([account, amount], i) => keyed(account, posting(-amount), `k ${i}`)),
];

/** The effects of a batch that changes nothing. */
const NOTHING = {
  accounts: [],
  entries: [],
  operations: [],
  holds: [],
  grants: { made: [], moved: [], changed: [] },
  reversals: [],
  repricings: [],
  totals: [],
  marked: [],
  audit: [],
  books: [],
};

/** Ada has 10, Bob has 5. */
function begin(): Story {
  const story = new Story();
  story.one(ADA, posting(10));
  story.one(BOB, posting(5));
  return story;
}

const account = ({ tables }: Story, name: AccountName) => tables.account(tables.accountId(name));
const balances = (story: Story) => [ADA, BOB].map((name) => account(story, name).balance);
const plainly = ({ outcome }: Answer) => {
  if (outcome === 'key-reused') return outcome;
  return outcome.status === 'refused' ? outcome.rejection.reason : outcome.status;
};

describe('operations that are done together', () => {
  it('are all done when each of them can be', () => {
    const story = begin();
    expect(story.together(atomic([ADA, 3], [BOB, 5], [ADA, 7])).map(plainly)).toEqual([
      'claimed',
      'posted',
      'posted',
      'posted',
    ]);
    expect(balances(story)).toEqual([0, 0]);
  });

  it('leave everything as it was when one is refused, and each is told which one it was', () => {
    const story = begin();
    const answers = story.together(atomic([ADA, 3], [BOB, 6], [ADA, 1]));
    const because = { reason: 'insufficient', required: 6, available: 5 };
    const whole = { reason: 'group', index: 2, because };
    expect(answers).toEqual([
      { outcome: { status: 'refused', rejection: whole, traceId: 'trace of k' }, replayed: false },
      { outcome: { status: 'refused', rejection: whole, traceId: 'trace of k 0' }, replayed: false },
      { outcome: { status: 'refused', rejection: because, traceId: 'trace of k 1' }, replayed: false },
      { outcome: { status: 'refused', rejection: whole, traceId: 'trace of k 2' }, replayed: false },
    ]);
    expect(balances(story)).toEqual([10, 5]);
    expect(story.tables.entries()).toHaveLength(2);
  });

  it('are remembered as refused under the key of the whole alone', () => {
    const story = begin();
    const { effects } = story.batch([atomic([ADA, 3], [BOB, 6])]);
    expect(effects.operations).toMatchObject([{ key: 'k', refusal: { rejection: { reason: 'group', index: 2 } } }]);
    // An item's own key is free: nothing was done under it.
    expect(plainly(story.together([keyed(ADA, posting(-3), 'k 0')])[0]!)).toBe('posted');
  });

  it('get the same answer again, though they could be done by now', () => {
    const story = begin();
    const asked = atomic([ADA, 3], [BOB, 6]);
    const first = story.together(asked);
    story.one(BOB, posting(100));
    expect(story.together(asked)).toEqual(first.map((answer) => ({ ...answer, replayed: true })));
    expect(balances(story)).toEqual([10, 105]);
  });

  it('that were done are not done a second time', () => {
    const story = begin();
    const asked = atomic([ADA, 3], [BOB, 5]);
    const first = story.together(asked);
    expect(story.together(asked)).toEqual(first.map((answer) => ({ ...answer, replayed: true })));
    expect(balances(story)).toEqual([7, 0]);
  });

  it('leave everything as it was when a key among them was used for another request', () => {
    const story = begin();
    story.together([keyed(BOB, posting(-1), 'k 1', 'another request')]);
    const { answers, effects } = story.batch([atomic([ADA, 3], [BOB, 2])]);
    expect(answers![0]!.map(plainly)).toEqual(['key-reused', 'key-reused', 'key-reused']);
    expect(effects).toEqual(NOTHING);
    // Nothing is remembered of it, so the same key may come with a request that is right.
    expect(plainly(story.together([keyed(ACME, { kind: 'claim' }, 'k', 'a right one')])[0]!)).toBe('claimed');
  });

  it('undo the holds that they opened and captured', () => {
    const story = begin();
    const hold = { accountId: story.tables.accountId(ADA), number: 1 };
    const open: Action = {
      kind: 'open',
      amount: stored(4),
      description: null,
      metadata: null,
      ...FOR_NOTHING,
      expiresIn: 1_000,
    };
    story.one(ADA, open);
    const capture: Action = {
      kind: 'capture',
      hold,
      type: 'debit',
      amount: stored(4),
      final: true,
      description: null,
      model: null,
    };
    const before = account(story, ADA);
    const { effects } = story.batch([
      [
        operationOn(ACME, { kind: 'claim' }),
        operationOn(ADA, capture),
        operationOn(ADA, open),
        operationOn(ADA, posting(-100)),
      ],
    ]);
    expect(effects).toEqual(NOTHING);
    expect(account(story, ADA)).toEqual(before);
    expect(story.tables.holdsOf(hold.accountId)).toMatchObject([{ status: 'open', captured: 0 }]);
    expect(story.tables.grantsOf(hold.accountId)).toMatchObject([{ remaining: 6, held: 4, used: 0 }]);
  });
});

describe('a batch of several groups', () => {
  it('decides in order of arrival: each group sees what those before it have left', () => {
    const story = begin();
    const [first, second, third] = [
      [ADA, 8],
      [ADA, 3],
      [ADA, 2],
    ] as const;
    const { answers } = story.batch(
      [first, second, third].map(([name, amount]) => [operationOn(name, posting(-amount))]),
    );
    expect(answers!.flat().map(plainly)).toEqual(['posted', 'insufficient', 'posted']);
    expect(balances(story)).toEqual([0, 5]);
  });

  it('keeps what stands before and after a group that is refused, and leaves no gap in the numbers', () => {
    const story = begin();
    const { effects } = story.batch([
      [operationOn(ADA, posting(-1))],
      atomic([ADA, 2], [BOB, 6]),
      [operationOn(ADA, posting(-4))],
    ]);
    expect(effects.entries.map(({ sequence, amount, balanceAfter }) => [sequence, amount, balanceAfter])).toEqual([
      [2, -1, 9],
      [3, -4, 5],
    ]);
    expect(balances(story)).toEqual([5, 5]);
  });

  it('does once what comes twice under one key', () => {
    const story = begin();
    const asked = keyed(ADA, posting(-3), 'k');
    const { answers, effects } = story.batch([[asked], [asked]]);
    const [[first], [second]] = answers as [[Answer], [Answer]];
    expect(first).toMatchObject({ outcome: { status: 'posted' }, replayed: false });
    expect(second).toEqual({ ...first, replayed: true });
    expect(effects.entries).toHaveLength(1);
    expect(effects.operations).toHaveLength(1);
  });

  it('writes each row once, and totals by account, day and type', () => {
    const story = begin();
    const { effects } = story.batch([1, 2, 3].map((amount) => [operationOn(ADA, posting(-amount))]));
    expect(effects.accounts).toHaveLength(1);
    // With the version that it had before, by which the write finds out whether it still is so.
    expect(effects.accounts[0]).toMatchObject({ balance: 4, sequence: 4, version: 1 });
    expect(effects.totals).toMatchObject([{ type: 'debit', amount: -6n, count: 3 }]);
  });
});
