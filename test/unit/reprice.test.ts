import { beforeEach, describe, expect, it } from '@jest/globals';
import type { AccountName, Action, Entry, Operation } from '../../src/ledger/domain/index.js';
import { funding, operationOn, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';

let story: Story;
beforeEach(() => {
  story = new Story();
  story.one(ADA, funding(100));
  story.one(ADA, spending(10, { agent: 'researcher', runId: 'run-1', model: 'large' }));
});

const repricing = (entry: number, price: number): Action => ({
  ...{ kind: 'reprice', entry, price: stored(price), pricing: `{"exact":"${price}"}`, description: 'Card 2' },
});
const reprice = (entry: number, price: number, more: Partial<Operation> = {}) =>
  story.one(ADA, repricing(entry, price), more).outcome;
/** Type, amount and correction of the entries after the spending. */
const since = () =>
  story.tables
    .entriesOf(story.tables.accountId(ADA))
    .slice(2)
    .map(({ type, amount, reverses, reprices }: Entry) => [type, amount, reverses, reprices]);

describe('a spending that gets another price', () => {
  it('is charged the difference, with its dimensions and the new pricing', () => {
    expect(reprice(2, 15)).toMatchObject({
      status: 'posted',
      entry: {
        ...{ type: 'debit', amount: -5, reprices: 2, reverses: null, usage: null, pricing: '{"exact":"15"}' },
        ...{ agent: 'researcher', runId: 'run-1', model: 'large', description: 'Card 2' },
      },
    });
    expect(story.tables.problems()).toEqual([]);
  });

  it('is given the difference back', () => {
    expect(reprice(2, 4)).toMatchObject({
      entry: { type: 'reversal', amount: 6, reprices: 2, reverses: 2, agent: 'researcher', model: 'large' },
    });
  });

  it('gives back first what its repricings charged, the last one first', () => {
    reprice(2, 15);
    reprice(2, 18);
    reprice(2, 4);
    expect(since()).toEqual([
      ['debit', -5, null, 2],
      ['debit', -3, null, 2],
      ['reversal', 3, 4, 2],
      ['reversal', 5, 3, 2],
      ['reversal', 6, 2, 2],
    ]);
    expect(story.tables.problems()).toEqual([]);
  });

  it('counts what was reversed of it', () => {
    story.one(ADA, { kind: 'reverse', entry: 2, amount: stored(7), description: 'Goodwill' });
    expect(reprice(2, 2)).toMatchObject({ entry: { type: 'reversal', amount: 1 } });
  });

  it('does so within one batch', () => {
    story.batch([15, 12].map((price) => [operationOn(ADA, repricing(2, price))]));
    expect(since()).toEqual([
      ['debit', -5, null, 2],
      ['reversal', 3, 3, 2],
    ]);
  });

  it('moves once under one key', () => {
    const key = { key: '2 7', hash: 'h' };
    reprice(2, 15, key);
    expect(story.one(ADA, repricing(2, 15), key)).toMatchObject({ replayed: true });
    expect(since()).toHaveLength(1);
  });

  it('may be asked for again under the same key after it was refused', () => {
    const key = { key: '2 7', hash: 'h' };
    expect(reprice(2, 200, key)).toMatchObject({ rejection: { reason: 'insufficient', required: 190, available: 90 } });
    story.one(ADA, funding(100));
    expect(reprice(2, 200, key)).toMatchObject({ entry: { type: 'debit', amount: -190 } });
  });

  it('is refused where nothing is to be moved', () => {
    expect(reprice(2, 10)).toMatchObject({ rejection: { reason: 'unchanged' } });
    expect(reprice(1, 10)).toMatchObject({ rejection: { reason: 'irreversible' } });
    expect(reprice(9, 10)).toMatchObject({ rejection: { reason: 'no-entry' } });
    expect(reprice(2, 0)).toMatchObject({ rejection: { reason: 'malformed' } });
    reprice(2, 15);
    expect(reprice(3, 1)).toMatchObject({ rejection: { reason: 'irreversible' } });
  });

  it('can not be reversed by hand, and neither can what it gave back', () => {
    reprice(2, 15);
    for (const entry of [3, 4]) {
      const reversed = story.one(ADA, { kind: 'reverse', entry, amount: null, description: 'r' }).outcome;
      expect(reversed).toMatchObject({ rejection: { reason: 'irreversible' } });
      reprice(2, 4);
    }
  });

  it('is charged nothing while its account is frozen, and is given back', () => {
    story.one(ADA, { kind: 'mark', frozen: 'A dispute' });
    expect(reprice(2, 15)).toMatchObject({ rejection: { reason: 'frozen', why: 'A dispute' } });
    expect(reprice(2, 4)).toMatchObject({ entry: { type: 'reversal' } });
  });
});
