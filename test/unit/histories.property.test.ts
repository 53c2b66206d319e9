import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccountName,
  type Answer,
  dayOf,
  type Decision,
  type Effects,
  isKeyed,
  keyOf,
  type Fund,
  type Operation,
  type Refund,
  type Spend,
  startOfDay,
  UNITS,
} from '../../src/ledger/domain/index.js';
import { operationOn, posting } from '../support/posting.js';
import { Story } from '../support/story.js';

const NOW = Date.UTC(2026, 3, 15, 10, 30);
const LIMIT = UNITS.USD.limit;
const ACCOUNTS: readonly AccountName[] = ['USD user:ada', 'USD user:bob', 'USD org:acme'];

/** A posting as a process may get it: one of a few accounts, keys that repeat, amounts that don't fit. */
const anyPosting = fc.record({
  account: fc.constantFrom(...ACCOUNTS),
  amount: fc.oneof(fc.integer({ min: -60, max: 60 }), fc.constantFrom(0, 0.5, LIMIT + 1, 2 ** 45, -(2 ** 45))),
  key: fc.integer({ min: 0, max: 12 }),
  keyed: fc.boolean(),
  overdraw: fc.boolean(),
});
type Any = typeof anyPosting extends fc.Arbitrary<infer T> ? T : never;
type Asked = Operation<Fund | Spend | Refund>;

const history = fc.array(anyPosting, { maxLength: 120 });

const toOperation = ({ account, amount, key, keyed, overdraw }: Any): Asked =>
  operationOn(account, posting(amount, overdraw ? { type: 'refund' } : {}), {
    scope: 'any',
    key: keyed ? `k${key}` : undefined,
    hash: `h${amount}${overdraw}`,
    traceId: 't',
  }) as Asked;

const isWellFormed = ({ action: { amount } }: Asked) =>
  Number.isSafeInteger(amount) && amount !== 0 && Math.abs(amount!) <= LIMIT;

/** What a key is called where several accounts have it. */
const named = ({ account, scope, key = '' }: Pick<Operation, 'account' | 'scope' | 'key'>) =>
  `${account} ${keyOf({ scope, key })}`;

/** Batches one after the other: what one writes, the next one reads. */
class History {
  readonly story = new Story();
  readonly answers: (readonly Answer[])[] = [];
  readonly effects: Effects[] = [];

  constructor(
    readonly batches: readonly (readonly Asked[])[],
    times: readonly number[] = [],
  ) {
    for (const [i, batch] of batches.entries()) {
      this.story.now = times[i] ?? NOW + i;
      const { answers, effects }: Decision = this.story.batch(batch.map((one) => [one]));
      this.answers.push(answers!.flat());
      this.effects.push(effects);
    }
  }

  /** An account in the end, whatever version its batches gave it. */
  account(name: AccountName) {
    const { tables } = this.story;
    return { ...tables.account(tables.accountId(name)), version: 0 };
  }

  /** The operations that are remembered, by account and key. */
  remembered(): string[] {
    const { tables } = this.story;
    const names = new Map(ACCOUNTS.map((name) => [tables.accountId(name), name]));
    return this.effects
      .flatMap(({ operations }) => operations)
      .map((row) => named({ ...row, account: names.get(row.accountId)! }));
  }

  /** What is known in the end under each key that was used. */
  replays() {
    const { tables } = this.story;
    const asked: readonly Operation[] = this.batches.flat();
    return tables.replays(
      asked.filter(isKeyed).map(({ account, scope, key }) => ({ accountId: tables.accountId(account), scope, key })),
    );
  }
}

describe('any history', () => {
  it('has numbers without a gap, balances that chain, counts and totals that agree with its entries', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyPosting, { maxLength: 20 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: NOW - startOfDay(3), max: NOW })),
        (batches, times) => {
          const all = new History(
            batches.map((batch) => batch.map(toOperation)),
            times,
          );
          for (const name of ACCOUNTS) expectConsistent(all, name);
        },
      ),
    );
  });

  it('never spends more than there was, unless it may overdraw', () => {
    fc.assert(
      fc.property(history, (all) => {
        const { effects } = new History([all.map((any) => toOperation({ ...any, overdraw: false }))]);
        for (const entry of effects[0]!.entries) expect(entry.balanceAfter).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('comes to the same in one batch as one by one', () => {
    fc.assert(
      fc.property(history, (all) => {
        const operations = all.map(toOperation);
        const together = new History([operations], [NOW]);
        const apart = new History(
          operations.map((one) => [one]),
          operations.map(() => NOW),
        );
        expect(together.answers[0]).toEqual(apart.answers.flat());
        expect(together.effects[0]!.entries).toEqual(apart.effects.flatMap(({ entries }) => entries));
        expect(ACCOUNTS.map((name) => together.account(name))).toEqual(ACCOUNTS.map((name) => apart.account(name)));
        expect(together.replays()).toEqual(apart.replays());
      }),
    );
  });

  it('gives every key one effect, however often and with whatever it comes back', () => {
    fc.assert(
      fc.property(history, (all) => {
        const operations = all.map((any) => toOperation({ ...any, keyed: true })).filter(isWellFormed);
        const twice = new History([operations, operations]);
        const [first, second] = twice.answers as [Answer[], Answer[]];
        expect(twice.effects[1]).toMatchObject({ entries: [], accounts: [], operations: [] });
        expect(new Set(twice.remembered()).size).toBe(twice.effects[0]!.operations.length);
        second.forEach((answer, i) => {
          const before = first[i]!;
          expect(answer).toEqual(
            before.outcome === 'key-reused' ? before : { outcome: before.outcome, replayed: true },
          );
        });
      }),
    );
  });

  it('answers every operation, in order, and remembers each that has a key', () => {
    fc.assert(
      fc.property(history, (all) => {
        const operations = all.map(toOperation);
        const once = new History([operations]);
        const answers = once.answers[0]!;
        const { accounts, entries, operations: rows } = once.effects[0]!;
        expect(answers).toHaveLength(all.length);
        const keys = once.remembered();
        expect(new Set(keys)).toEqual(new Set(operations.filter(isWellFormed).filter(isKeyed).map(named)));
        expect(keys).toHaveLength(new Set(keys).size);
        for (const { id, operations: count } of accounts)
          expect(count).toBe(rows.filter(({ accountId }) => accountId === id).length);
        const posted = answers.filter(
          (answer) => answer.outcome !== 'key-reused' && !answer.replayed && answer.outcome.status === 'posted',
        );
        expect(posted).toHaveLength(entries.length);
      }),
    );
  });

  it('remembers a refusal only where the client can ask for it again', () => {
    const refused = (keyed: boolean) =>
      new History([[toOperation({ account: 'USD user:ada', amount: -5, key: 1, keyed, overdraw: false })]]).effects[0]!
        .operations;
    expect(refused(true)).toMatchObject([
      { sequence: null, hold: null, refusal: { rejection: { reason: 'insufficient' } } },
    ]);
    expect(refused(false)).toEqual([]);
  });
});

/** All that is derived from the entries of an account, added up again. */
function expectConsistent({ story, effects }: History, name: AccountName): void {
  const id = story.tables.accountId(name);
  const entries = effects.flatMap((each) => each.entries).filter(({ accountId }) => accountId === id);
  const state = story.tables.account(id);
  let [balance, time] = [0, 0];
  entries.forEach((entry, i) => {
    balance += entry.amount;
    expect(entry).toMatchObject({ sequence: i + 1, balanceAfter: balance });
    expect(entry.createdAt).toBeGreaterThanOrEqual(time);
    time = entry.createdAt;
  });
  expect(state).toMatchObject({ balance, sequence: entries.length, held: 0, lastAt: time });
  for (const type of ['debit', 'deposit', 'refund'] as const) {
    const own = entries.filter((entry) => entry.type === type);
    expect(own.map(({ typeSequence }) => typeSequence)).toEqual(own.map((_, i) => i + 1));
    expect(state.types[type]?.count ?? 0).toBe(own.length);
    expect(state.types[type]?.total ?? 0n).toBe(own.reduce((sum, { amount }) => sum + BigInt(amount), 0n));
    for (const day of new Set(own.map(({ createdAt }) => dayOf(createdAt)))) {
      const ofDay = own.filter(({ createdAt }) => dayOf(createdAt) === day);
      const totals = effects
        .flatMap((each) => each.totals)
        .filter((total) => total.accountId === id && total.day === day && total.type === type);
      expect(totals.reduce((sum, { count }) => sum + count, 0)).toBe(ofDay.length);
      expect(totals.reduce((sum, { amount }) => sum + amount, 0n)).toBe(
        ofDay.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
      );
    }
  }
}
