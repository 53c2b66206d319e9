import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccountName,
  type Action,
  type BookRow,
  dayOf,
  type EntryType,
  type FundTerms,
  type Group,
  type Operation,
} from '../../src/ledger/domain/index.js';
import { journalOf, summaryOf } from '../../src/ledger/read/finance.js';
import { type Expected, NaiveLedger, plainly } from '../support/naive-ledger.js';
import { FOR_NOTHING, funding, operationOn, refunding, spending, stored } from '../support/posting.js';
import { Random } from '../support/random.js';
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
  deposit: 6,
  purchase: 4,
  spend: 7,
  open: 7,
  capture: 8,
  release: 3,
  'take back': 4,
  'give back': 4,
  void: 2,
  extend: 4,
  reverse: 8,
  reprice: 8,
} as const;
type Kind = keyof typeof KINDS;
const KIND = (Object.keys(KINDS) as Kind[]).flatMap((kind) => Array.from({ length: KINDS[kind] }, () => kind));

/** Chance, from which an operation is made when it is known what there is. */
interface Draft {
  readonly kind: Kind;
  /** Which grant, entry, hold or purchase; how much; on which terms. */
  readonly dice: number;
}
const draft: fc.Arbitrary<Draft> = fc.record({ kind: fc.constantFrom(...KIND), dice: fc.nat() });
const funded = fc.record({ kind: fc.constantFrom<Kind>('deposit', 'purchase'), dice: fc.nat() });
/** A batch; or the clock goes on, or jumps. */
const step = fc.oneof(
  { weight: 14, arbitrary: draft.map((one) => [[one]]) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }).map((ticks) => ticks * TICK) },
  { weight: 1, arbitrary: fc.constantFrom(-2 * TICK, 31 * DAY) },
  { weight: 1, arbitrary: fc.array(fc.array(draft, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }) },
);
/** Something comes in first. */
const history = fc
  .tuple(fc.array(funded, { minLength: 1, maxLength: 3 }), fc.array(step, { minLength: 3, maxLength: 10, size: 'max' }))
  .map(([first, steps]) => [...first.map((one) => [[one]]), ...steps]);

/** How often each was asked for, and done. */
const counts = new Map<string, [asked: number, done: number]>();
function count(what: string, isDone = true): void {
  const [asked, done] = counts.get(what) ?? [0, 0];
  counts.set(what, [asked + 1, done + (isDone ? 1 : 0)]);
}

/** Spreads one number over several choices. */
class Dice {
  private readonly random: Random;

  constructor(number: number) {
    this.random = new Random(number);
  }

  below(end: number): number {
    return this.random.below(end);
  }

  of<T>(values: readonly T[]): T {
    return this.random.of(values);
  }

  /** One of them, or now and then none. */
  likely<T>(values: readonly T[]): T | undefined {
    return values.length === 0 || this.random.chance(0.1) ? undefined : this.random.of(values);
  }
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
    if (!isSame(is, should)) expect(is).toEqual(should);
    should.forEach((group) => group.length > 1 && count('atomic group', !('refused' in group[0]!)));
    if (drafts.length > 1) count('batch');
    this.countAll(groups, should);
    this.compare(groups);
  }

  /** A batch without an operation that does anything, as the sweep sends it. */
  sweep(): void {
    const groups = [[operationOn(ADA, { kind: 'claim' })]];
    this.story.batch(groups);
    this.naive.run(groups, this.story.now);
    this.compare(groups);
  }

  private compare(groups: readonly Group[]): void {
    for (const name of new Set(groups.flat().map(({ account }) => account))) {
      const [is, should] = [this.story.tables.show(name), this.naive.show(name)];
      if (!isSame(is, should)) expect({ name, ...is }).toEqual({ name, ...should });
    }
  }

  finish(): void {
    const entries = [ADA, BOB].flatMap((name) => this.naive.account(name).entries);
    for (const { type } of entries) if (type === 'expire') count('expiry');
    const problems = this.story.tables.problems();
    if (problems.length > 0) expect(problems).toEqual([]);
    this.compareBooks(entries);
  }

  /** The books of both accounts, counted from the naive ledger's units and entries. */
  private compareBooks(
    entries: readonly { type: EntryType; amount: number; at: number; expiredAt: number | null }[],
  ): void {
    const rows = this.story.tables.books();
    for (const { day, lines } of byDay(journalOf(rows))) {
      const balance = lines.reduce((sum, { debit, credit }) => sum + debit - credit, 0n);
      if (balance !== 0n) expect({ day, balance }).toEqual({ day, balance: 0n });
    }
    const [is] = summaryOf(rows, 0) as [ReturnType<typeof summaryOf>[number]];
    const [ada, bob] = [this.naive.books(ADA), this.naive.books(BOB)];
    const sum = (of: (books: typeof ada) => number) => of(ada) + of(bob);
    const money = (account: string) =>
      Number(
        journalOf(rows)
          .filter((line) => line.account === account)
          .reduce((total, { debit, credit }) => total + debit - credit, 0n),
      );
    const should = {
      paid: sum(({ units }) => units.paid),
      promotional: sum(({ units }) => units.promotional),
      debt: sum(({ units }) => units.debt),
      deferred: sum(({ deferred }) => deferred),
      receivable: sum(({ receivable }) => receivable),
      cash: sum(({ cash }) => cash),
      breakage: 0 - sum(({ breakage }) => breakage),
      waived: sum(({ promotional }) => promotional),
    };
    const found = {
      paid: Number(is.paid.closing),
      promotional: Number(is.promotional.closing),
      debt: Number(is.debt),
      deferred: Number(is.deferredRevenue),
      receivable: Number(is.receivable),
      cash: money('cash'),
      breakage: money('breakage'),
      waived: money('promotional'),
    };
    if (!isSame(found, should)) expect(found).toEqual(should);
    // An entry of expiry may hold units that came back after it was due, and these are booked on their own day.
    let [expired, ended] = [0, 0];
    for (const day of new Set([
      ...rows.map((row) => row.day),
      ...entries.flatMap(({ at, expiredAt }) => [dayOf(at), dayOf(expiredAt ?? at)]),
    ])) {
      const [{ expired: now, ...booked }, { expired: due, ...entered }] = [movesOf(rows, day), entriesOf(entries, day)];
      [expired, ended] = [expired + now, ended + due];
      if (!isSame(booked, entered)) expect({ day, ...booked }).toEqual({ day, ...entered });
    }
    expect(expired).toBe(ended);
  }

  private operation({ kind, dice }: Draft): Operation {
    const [isBob, rest] = [dice % 10 === 0, Math.floor(dice / 10)];
    const account = isBob ? BOB : ADA;
    return operationOn(account, this.action(account, kind, new Dice(rest)));
  }

  private action(account: AccountName, kind: Kind, dice: Dice): Action {
    const { entries, grants, holds, taken, units } = this.naive.account(account);
    const purchase = dice.of(PURCHASES);
    const amount = stored(1 + dice.below(6));
    const remaining = new Set(units.filter(({ where }) => where === 'remaining').map((unit) => unit.grant));
    switch (kind) {
      case 'deposit':
        return funding(amount * 2, this.terms(dice, amount), { existing: dice.below(9) === 0 });
      case 'purchase':
        return this.purchase(purchase, amount * 2, dice);
      case 'spend':
        return spending(amount);
      case 'open':
        return {
          ...{ kind, amount, description: null, metadata: null, ...FOR_NOTHING },
          expiresIn: (1 + dice.below(9)) * TICK,
        };
      case 'capture':
      case 'release': {
        const open = holds.flatMap(({ status }, i) => (status === 'open' ? i + 1 : []));
        if (open.length === 0 && dice.below(5) > 0) return this.action(account, 'open', dice);
        const number = dice.likely(open) ?? 1 + dice.below(holds.length + 1);
        const hold = { accountId: this.story.tables.accountId(account), number };
        if (kind === 'release') return { kind, hold };
        const part = stored(1 + dice.below(3));
        return { kind, hold, type: 'debit', amount: part, final: dice.below(3) === 0, description: null, model: null };
      }
      case 'take back':
        return refunding((0 - amount) * (1 + dice.below(2)), dice.below(5) === 0 ? null : purchase);
      case 'give back': {
        const back = this.given.has(purchase) ? 0 : (taken[purchase]?.length ?? 0);
        this.given.add(purchase);
        return back === 0 ? refunding(amount) : refunding(1 + dice.below(back), purchase);
      }
      case 'void':
      case 'extend': {
        const open = grants.filter(({ id, expiresAt }) => remaining.has(id) && (kind === 'void' || expiresAt !== null));
        if (open.length === 0 && dice.below(5) > 0) return this.action(account, 'deposit', dice);
        const grant = dice.likely(open)?.id ?? dice.likely(grants)?.id ?? dice.below(entries.length + 2);
        if (kind === 'void') return { kind, grant, description: 'void' };
        const expiresAt = this.story.now + (3 + dice.below(12)) * TICK;
        return { kind, grant, type: 'deposit', expiresAt, description: 'extend' };
      }
      case 'reverse': {
        const made = entries.flatMap(({ type, spent }, i) =>
          spent.length > 0 || (type === 'deposit' && remaining.has(i + 1)) ? i + 1 : [],
        );
        if (made.length === 0 && dice.below(5) > 0) return this.action(account, 'spend', dice);
        const entry = dice.likely(made) ?? 1 + dice.below(entries.length + 1);
        const part = dice.below(3) === 0 ? null : stored(1 + dice.below(3));
        return { kind, entry, amount: part, description: 'reverse' };
      }
      case 'reprice': {
        const spent = entries.flatMap(({ type }, i) => (type === 'debit' ? i + 1 : []));
        if (spent.length === 0 && dice.below(5) > 0) return this.action(account, 'spend', dice);
        const entry = dice.likely(spent) ?? 1 + dice.below(entries.length + 1);
        return { kind, entry, price: stored(1 + dice.below(7)), pricing: '{}', description: 'reprice' };
      }
    }
  }

  private purchase(purchaseId: string, amount: number, dice: Dice): Action {
    const price = dice.below(40);
    const terms = { ...this.terms(dice, price), source: 'purchase', category: 'paid', price, purchaseId } as const;
    const ofBonus = { source: 'bonus', category: 'promotional', price: 0, purchaseId } as const;
    const bonus = {
      ...{ amount: stored(1 + dice.below(5)), description: 'bonus' },
      terms: { ...this.terms(dice, 0), ...ofBonus },
    };
    return funding(amount, terms, dice.below(2) === 0 ? { bonus } : {});
  }

  private terms(dice: Dice, price: number): FundTerms {
    const category = dice.below(4) === 0 ? 'promotional' : 'paid';
    const ticks = dice.below(20);
    return {
      source: 'deposit',
      category,
      priority: 50 - dice.below(2),
      // One in twenty has waited until its time had passed.
      expiresAt: ticks > 12 ? null : this.story.now + ticks * TICK,
      ...(ticks === 13 ? { expiresIn: TICK } : {}),
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
                : action.kind === 'reprice'
                  ? `reprice${'posted' in answers[i]![j]! && answers[i]![j].posted.amount > 0 ? ', down' : ', up'}`
                  : action.kind;
        count(name, !('refused' in answers[i]![j]!));
      }),
    );
  }
}

/** The lines of a journal, day by day. */
function byDay<Line extends { day: number }>(lines: readonly Line[]) {
  const days = [...new Set(lines.map(({ day }) => day))];
  return days.map((day) => ({ day, lines: lines.filter((line) => line.day === day) }));
}

/** Units by what happened, of both categories, as the books have them of a day … */
function movesOf(all: readonly BookRow[], day: number) {
  const rows = all.filter((row) => row.day === day);
  const { paid, promotional } = summaryOf(rows, day)[0]!;
  const sum = (name: keyof typeof paid) => Number(paid[name] + promotional[name]);
  const owed = rows.reduce((total, { line, paid: units }) => {
    if (line === 'owed') return total + Number(units);
    return line === 'settled' || line === 'waived' ? total - Number(units) : total;
  }, 0);
  return {
    in: sum('sold') + sum('granted'),
    spent: sum('spent'),
    expired: sum('expired'),
    voided: sum('voided'),
    reversed: sum('reversed'),
    // A refund counts when it takes units; what it can't take is a debt.
    refunded: sum('refunded') + owed,
  };
}

/** … and as the entries have them. Expiry is booked when it was due. */
function entriesOf(
  entries: readonly { type: EntryType; amount: number; at: number; expiredAt: number | null }[],
  day: number,
) {
  const sum = (wanted: EntryType) =>
    entries.reduce((total, { type, amount, at, expiredAt }) => {
      return type === wanted && dayOf(expiredAt ?? at) === day ? total + amount : total;
    }, 0);
  return {
    in: sum('deposit'),
    spent: 0 - sum('debit'),
    expired: 0 - sum('expire'),
    voided: 0 - sum('void'),
    reversed: sum('reversal'),
    refunded: 0 - sum('refund'),
  };
}

/** Faster than `toEqual`, which says what the difference is. */
function isSame(a: any, b: any): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], b[key]));
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
            if (each % (3 * TICK) === 0) pair.sweep();
          } else {
            pair.batch(each);
          }
        }
        pair.finish();
      }),
      parameters,
    );
  });
});
