import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccountName, Action, Answer, Capture, Open } from '../../src/ledger/domain/index.js';
import { FOR_NOTHING, funding, operationOn, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const USAGE = '{"input":1000}';

/** Spending by usage, at the price of the moment; null: nothing prices it. */
const used = (amount: number | null, usage = USAGE) =>
  spending(1, { amount: amount && stored(amount), usage, pricing: amount && `{"exact":"${amount}"}` } as object);

const plainly = ({ outcome }: Answer) =>
  outcome === 'key-reused' || outcome.status !== 'refused' ? outcome : outcome.rejection.reason;

describe('spending by usage', () => {
  let story: Story;
  const act = (action: Action, key?: string): any =>
    story.one(ADA, action, key === undefined ? {} : { key, hash: 'h' });

  beforeEach(() => {
    story = new Story();
    act(funding(100));
  });

  it('leaves the usage and the pricing in the entry, and is the same entry again at another price', () => {
    const first = act(used(3), 'k');
    expect(first.outcome.entry).toMatchObject({ amount: -3, usage: USAGE, pricing: '{"exact":"3"}', reprices: null });
    for (const price of [4, null]) expect(act(used(price), 'k')).toEqual({ outcome: first.outcome, replayed: true });
    expect(story.tables.entries()).toHaveLength(2);
  });

  it('that nothing prices is refused after the replay, and the refusal is not remembered', () => {
    expect(plainly(act(used(null), 'k'))).toBe('unpriced');
    expect(story.tables.problems()).toEqual([]);
    expect(act(used(3), 'k')).toMatchObject({ outcome: { status: 'posted' }, replayed: false });
  });

  it('that nothing prices leaves a group as if nobody had asked', () => {
    const group = (price: number | null) => [
      operationOn(ADA, { kind: 'claim' }, { key: 'g', hash: 'h' }),
      operationOn(ADA, spending(1), { key: 'g 0', hash: 'h' }),
      operationOn(ADA, used(price), { key: 'g 1', hash: 'h' }),
    ];
    expect(story.together(group(null))).toMatchObject([
      { outcome: { rejection: { reason: 'group', index: 2, because: { reason: 'unpriced' } } } },
      { outcome: { rejection: { reason: 'group' } } },
      { outcome: { rejection: { reason: 'unpriced' } } },
    ]);
    const first = story.together(group(3));
    expect(first).toMatchObject([
      { outcome: { status: 'claimed' } },
      { outcome: { status: 'posted' } },
      { outcome: { entry: { amount: -3 } } },
    ]);
    expect(story.together(group(null))).toEqual(first.map((answer) => ({ ...answer, replayed: true })));
  });

  it('takes holds with the version of the prices that they bind, and captures by usage', () => {
    const open: Open = {
      ...{ kind: 'open', amount: stored(9), description: null, metadata: null, ...FOR_NOTHING, expiresIn: 60_000 },
      ...{ priced: true, rateCard: 7 },
    };
    const held = act(open, 'o');
    expect(held.outcome.hold).toMatchObject({ number: 1, amount: 9, rateCard: 7 });
    expect(act({ ...open, amount: null, rateCard: null }, 'o')).toEqual({ outcome: held.outcome, replayed: true });
    expect(plainly(act({ ...open, amount: null }))).toBe('unpriced');

    const capture: Capture = {
      ...{ kind: 'capture', hold: { accountId: story.tables.accountId(ADA), number: 1 }, type: 'debit' },
      ...{ amount: stored(2), final: false, description: null, model: 'm', usage: USAGE, pricing: '{}' },
    };
    const captured = act(capture, 'c');
    expect(captured.outcome.entry).toMatchObject({ amount: -2, model: 'm', usage: USAGE, pricing: '{}', hold: 1 });
    expect(act({ ...capture, amount: null, pricing: null }, 'c')).toEqual({
      outcome: captured.outcome,
      replayed: true,
    });
    expect(plainly(act({ ...capture, amount: null }))).toBe('unpriced');
    expect(story.tables.problems()).toEqual([]);
  });
});

it('under a key makes one entry, whatever the prices are each time that it is asked', () => {
  const asked = fc.record({ key: fc.nat(2), price: fc.option(fc.integer({ min: 1, max: 9 })), together: fc.boolean() });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 30 }), (requests) => {
      const story = new Story();
      story.one(ADA, funding(1_000));
      const first = new Map<number, Answer>();
      for (const { key, price, together } of requests) {
        const operation = operationOn(ADA, used(price, `{"input":${key}}`), { key: `k${key}`, hash: `h${key}` });
        // A retry may share the batch of the first, or come later.
        const answers = story.batch(together ? [[operation], [operation]] : [[operation]]).answers!.flat();
        for (const answer of answers) {
          const before = first.get(key);
          if (before) expect(answer).toEqual({ ...before, replayed: true });
          else if (price === null) expect(plainly(answer)).toBe('unpriced');
          else first.set(key, answer);
        }
      }
      expect(story.tables.entries()).toHaveLength(1 + first.size);
      expect(story.tables.problems()).toEqual([]);
    }),
  );
});
