import { isDeepStrictEqual } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AccountName, Action, FundTerms, Group, Operation } from '../../src/ledger/domain/index.js';
import { type Expected, NaiveLedger, plainly } from '../support/naive-ledger.js';
import { funding, operationOn, refunding, spending, stored } from '../support/posting.js';
import { Story } from '../support/story.js';

/** `FAST_CHECK_RUNS` makes a soak of it, and `FAST_CHECK_SEED` repeats one. */
const runs = Number(process.env['FAST_CHECK_RUNS'] ?? 20_000);
const seed = process.env['FAST_CHECK_SEED'];
const parameters = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };

const ADA: AccountName = 'USD user:ada';
const BOB: AccountName = 'USD user:bob';
const TICK = 1_000;
const DAY = 86_400_000;
const PURCHASES = ['p1', 'p2'] as const;

/** How often each is asked for. */
const KINDS = {
  deposit: 5,
  purchase: 3,
  spend: 7,
  open: 5,
  capture: 6,
  release: 3,
  'take back': 5,
  'give back': 4,
  void: 2,
  extend: 4,
  reverse: 7,
} as const;
type Kind = keyof typeof KINDS;
const KIND = (Object.keys(KINDS) as Kind[]).flatMap((kind) => Array.from({ length: KINDS[kind] }, () => kind));

/** Chance, from which an operation is made when it is known what there is. */
interface Draft {
  readonly kind: Kind;
  readonly isBob: boolean;
  /** Which grant, entry, hold or purchase. */
  readonly which: number;
  readonly amount: number;
  readonly more: number;
}
const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom(...KIND),
  isBob: fc.nat(9).map((number) => number === 0),
  which: fc.nat(20),
  amount: fc.integer({ min: 1, max: 7 }),
  more: fc.nat(5_039),
});
/** A batch, or the clock goes on, or jumps. */
const step = fc.oneof(
  { weight: 12, arbitrary: draft.map((one) => [[one]]) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }).map((ticks) => ticks * TICK) },
  { weight: 1, arbitrary: fc.constantFrom(-2 * TICK, 31 * DAY) },
  { weight: 1, arbitrary: fc.array(fc.array(draft, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }) },
);
const history = fc.array(step, { minLength: 3, maxLength: 16, size: 'max' });

/** How often each was asked for, and done. */
const counts = new Map<string, [asked: number, done: number]>();
function count(what: string, isDone = true): void {
  const [asked, done] = counts.get(what) ?? [0, 0];
  counts.set(what, [asked + 1, done + (isDone ? 1 : 0)]);
}

/** The engine and the naive ledger side by side. */
class Pair {
  readonly story = new Story();
  readonly naive = new NaiveLedger();
  /** The purchases that the present batch gives back: none is given back more than was taken. */
  private given = new Set<string>();

  batch(drafts: readonly (readonly Draft[])[]): void {
    this.given = new Set();
    const groups = drafts.map((group): Group => {
      const operations = group.map((one) => this.operation(one));
      return group.length === 1 ? operations : [operationOn(ADA, { kind: 'claim' }), ...operations];
    });
    const { answers } = this.story.batch(groups);
    const [is, should] = [answers!.map((group) => group.map(plainly)), this.naive.run(groups, this.story.now)];
    if (!isDeepStrictEqual(is, should)) expect(is).toEqual(should);
    for (const group of drafts) if (group.length > 1) count('atomic group');
    if (drafts.length > 1) count('batch');
    this.countAll(groups, should);
  }

  /** A batch without an operation that does anything, as the sweep sends it. */
  sweep(): void {
    const groups = [[operationOn(ADA, { kind: 'claim' })], [operationOn(BOB, { kind: 'claim' })]];
    this.story.batch(groups);
    this.naive.run(groups, this.story.now);
  }

  compare(): void {
    for (const name of [ADA, BOB]) {
      const [is, should] = [this.story.tables.show(name), this.naive.show(name)];
      if (!isDeepStrictEqual(is, should)) expect({ name, ...is }).toEqual({ name, ...should });
    }
  }

  finish(): void {
    const entries = [ADA, BOB].flatMap((name) => this.naive.account(name).entries);
    for (const { type } of entries) if (type === 'expire') count('expiry');
    expect(this.story.tables.problems()).toEqual([]);
  }

  private operation(one: Draft): Operation {
    const account = one.isBob ? BOB : ADA;
    return operationOn(account, this.action(account, one));
  }

  private action(account: AccountName, { kind, which, amount, more }: Draft): Action {
    const { entries, grants, holds, taken } = this.naive.account(account);
    const id = more % 12 === 0 ? which : (grants[which % (grants.length || 1)]?.id ?? 1);
    const hold = { accountId: this.story.tables.accountId(account), number: 1 + (which % (holds.length + 1)) };
    const purchase = PURCHASES[which % 2]!;
    switch (kind) {
      case 'deposit':
        return funding(amount, this.terms(more, amount), { existing: more % 7 === 0 });
      case 'purchase':
        return this.purchase(purchase, amount, more);
      case 'spend':
        return spending(amount);
      case 'open':
        return {
          ...{ kind, amount: stored(amount), description: null, metadata: null },
          expiresIn: (1 + (more % 7)) * TICK,
        };
      case 'capture':
        return { kind, hold, type: 'debit', amount: stored(amount), final: more % 2 === 0, description: null };
      case 'release':
        return { kind, hold };
      case 'take back':
        return refunding(-amount * (1 + (more % 2)), more % 5 === 0 ? null : purchase);
      case 'give back': {
        const back = this.given.has(purchase) ? 0 : (taken[purchase]?.length ?? 0);
        this.given.add(purchase);
        return back === 0 ? refunding(amount) : refunding(1 + (more % back), purchase);
      }
      case 'void':
        return { kind, grant: id, description: 'void' };
      case 'extend': {
        const expiresAt = this.story.now + ((more % 9) - 1) * TICK;
        return { kind, grant: id, type: 'deposit', expiresAt, description: 'extend' };
      }
      case 'reverse': {
        const entry = 1 + ((which * 7 + more) % (entries.length + 1));
        return { kind, entry, amount: more % 3 === 0 ? null : stored(amount), description: 'reverse' };
      }
    }
  }

  private purchase(purchaseId: string, amount: number, more: number): Action {
    const price = (more % 13) * 3;
    const bonusTerms = {
      ...this.terms(more, 0),
      source: 'bonus',
      category: 'promotional',
      price: 0,
      purchaseId,
    } as const;
    const bonus = { amount: stored(1 + (more % 4)), description: 'bonus', terms: bonusTerms };
    const terms = { ...this.terms(more >> 3, price), source: 'purchase', category: 'paid', price, purchaseId } as const;
    return funding(amount, terms, more % 2 === 0 ? { bonus } : {});
  }

  private terms(more: number, price: number): FundTerms {
    const { now } = this.story;
    const category = more % 4 === 0 ? 'promotional' : 'paid';
    const expiry = Math.floor(more / 4) % 10;
    return {
      source: 'deposit',
      category,
      priority: 50 - (Math.floor(more / 40) % 3),
      // One in ten has waited until its time had passed.
      expiresAt: expiry < 4 ? null : now + (expiry - 4) * 2 * TICK,
      ...(expiry === 9 ? { expiresIn: TICK } : {}),
      price: category === 'paid' ? price : 0,
      purchaseId: null,
    };
  }

  private countAll(groups: readonly Group[], answers: readonly (readonly Expected[])[]): void {
    groups.forEach((group, i) =>
      group.forEach(({ action }, j) => {
        if (action.kind === 'claim') return;
        const isBack = action.kind === 'refund' && action.amount > 0;
        const name =
          action.kind === 'refund'
            ? `${isBack ? 'give' : 'take'} back`
            : action.kind === 'fund' && action.terms.purchaseId !== null
              ? `purchase${action.bonus ? ' with bonus' : ''}`
              : action.kind === 'capture'
                ? `capture${action.final ? ', final' : ', partial'}`
                : action.kind;
        count(name, !('refused' in answers[i]![j]!));
      }),
    );
  }
}

describe('grants against a naive ledger of single units', () => {
  afterAll(() => {
    const sums = [...counts].sort().map(([what, [asked, done]]) => `${what} ${done}/${asked}`);
    process.stdout.write(`${runs} histories of grants, done/asked: ${sums.join('; ')}\n`);
  });

  it('stand the same after every step of any history', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const pair = new Pair();
        for (const each of steps) {
          if (typeof each === 'number') {
            pair.story.now += each;
            count('clock');
            if (each % (2 * TICK) === 0) pair.sweep();
          } else {
            pair.batch(each);
          }
          pair.compare();
        }
        pair.finish();
      }),
      parameters,
    );
  });
});
