import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type AccountName,
  type Action,
  type Answer,
  type BookRow,
  Books,
  type Decision,
} from '../../src/ledger/domain/index.js';
import { funding, operationOn, refunding, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

const ADA: AccountName = 'USD user:ada';
const DAY = 86_400_000;
/** The last evening of a month. */
const EVENING = Date.UTC(2026, 9, 31, 20);

let story: Story;
let books: BookRow[];

beforeEach(() => {
  story = new Story(EVENING - 10 * DAY);
  books = [];
});

function act(action: Action): Answer {
  const { answers, effects }: Decision = story.batch([[operationOn(ADA, action)]]);
  books.push(...effects.books);
  return answers![0]![0]!;
}

const hold = (amount: number, days: number) => {
  const opening = { kind: 'open', amount: stored(amount), description: null, metadata: null } as const;
  const { outcome } = act({ ...opening, agent: null, runId: null, model: null, expiresIn: days * DAY });
  if (outcome === 'key-reused' || outcome.status !== 'held') throw new Error('nothing is held');
  const { accountId, number } = outcome.hold;
  return { accountId, number };
};
const dayOf = (time: number) => Math.floor(time / DAY);
/** The units of a line by day. */
const booked = (line: BookRow['line']) =>
  books.filter((row) => row.line === line).map(({ day, paid, promotional }) => [day, Number(paid + promotional)]);
/** What is deferred by the end of a day, in micro-dollars. */
const deferredBy = (time: number) => {
  const sums = new Books();
  for (const row of books.filter(
    ({ day, line }) => day <= dayOf(time) && !['owed', 'settled', 'waived', 'adjusted'].includes(line),
  ))
    sums.add({
      unit: row.unit,
      day: row.day,
      books: [{ line: row.line, category: 'paid', units: 0, dollars: Number(row.dollars) }],
    });
  return Number(sums.rows().reduce((total, { dollars }) => total + dollars, 0n));
};

describe('what ends with its grant', () => {
  it('is booked on the day on which it was due, whenever the sweep comes', () => {
    act(funding(100, { expiresAt: EVENING, price: 100 }));
    story.now = EVENING + DAY;
    act({ kind: 'claim' });
    expect(booked('expired')).toEqual([[dayOf(EVENING), -100]]);
  });

  it('leaves a month that is closed as it was when it came back later', () => {
    act(funding(100, { expiresAt: EVENING, price: 100 }));
    const held = hold(60, 20);
    story.now = EVENING + DAY;
    act({ kind: 'claim' });
    const closed = deferredBy(EVENING);
    act({ kind: 'release', hold: held });
    expect(booked('expired')).toEqual([
      [dayOf(EVENING), -40],
      [dayOf(EVENING + DAY), -60],
    ]);
    expect(deferredBy(EVENING)).toBe(closed);
    expect(deferredBy(story.now)).toBe(0);
  });

  it('so when the hold ends by itself', () => {
    act(funding(100, { expiresAt: EVENING, price: 100 }));
    hold(60, 12);
    story.now = EVENING + 5 * DAY;
    act({ kind: 'claim' });
    expect(booked('expired')).toEqual([
      [dayOf(EVENING), -40],
      [dayOf(story.now), -60],
    ]);
  });

  it('so when a refund fails long after', () => {
    act(funding(100, { source: 'purchase', purchaseId: 'p', expiresAt: EVENING, price: 100 }));
    act(refunding(-100, 'p'));
    story.now = EVENING + 40 * DAY;
    act(refunding(100, 'p'));
    expect(booked('expired')).toEqual([[dayOf(story.now), -100]]);
    expect(deferredBy(EVENING)).toBe(0);
  });
});

it('a hold that is given back to an extended grant moves no revenue between days', () => {
  act(funding(31, { expiresAt: EVENING + 20 * DAY, price: 10_090_000 }));
  const held = hold(1, 25);
  act({ kind: 'extend', grant: 1, type: 'deposit', expiresAt: EVENING + 60 * DAY, description: 'more time' });
  act(spending(23));
  const spent = books.filter(({ line }) => line === 'spent').length;
  story.now += DAY;
  act({ kind: 'release', hold: held });
  expect(books.filter(({ line }) => line === 'spent')).toHaveLength(spent);
});
