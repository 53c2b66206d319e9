import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Account,
  type Addressed,
  type Answer,
  apply as applyTo,
  available,
  dayOf,
  decide,
  emptyAccount,
  expire,
  identity,
  isKeyed,
  type LockedAccount,
  MAX_OPEN_HOLDS,
  type Operation,
  type Recorded,
  UNITS,
} from '../../src/ledger/domain/index.js';
import { posting } from '../support/posting.js';

const NOW = Date.UTC(2026, 3, 15, 10, 30);
const LIMIT = UNITS.USD.limit;

const operation = (amount: number, more: Partial<Operation> = {}): Operation => ({
  name: amount < 0 ? 'debit' : 'deposit',
  key: 'k',
  hash: `h${amount}`,
  traceId: 't',
  action: posting(amount),
  ...more,
});

const account = (balance: number, more: Partial<Account> = {}): Account => ({ ...emptyAccount(1, 'USD'), balance, ...more });

/** `apply` for what names no hold. */
function apply(state: Account, asked: Operation, now: number, recorded?: Recorded): { account: Account; answer: Answer } {
  const { state: after, answer } = applyTo({ account: state }, asked, now, recorded);
  return { account: after.account, answer };
}

describe('apply', () => {
  it('posts the first entry of an empty account as number 1', () => {
    const { account: after, answer } = apply(emptyAccount(1, 'USD'), operation(5), NOW);
    expect(answer).toMatchObject({
      replayed: false,
      outcome: { status: 'posted', entry: { sequence: 1, typeSequence: 1, amount: 5, balanceAfter: 5, createdAt: NOW } },
    });
    expect(after).toMatchObject({ balance: 5, sequence: 1, types: { deposit: { count: 1, total: 5n } }, lastAt: NOW });
  });

  it('spends to the last micro-dollar and refuses the next one, telling what was missing', () => {
    expect(apply(account(100), operation(-100), NOW).account.balance).toBe(0);
    expect(apply(account(100), operation(-101), NOW).answer).toMatchObject({
      outcome: { status: 'refused', rejection: { reason: 'insufficient', required: 101, available: 100 }, traceId: 't' },
    });
  });

  it('does not spend what is held', () => {
    const held = account(100, { held: 40 });
    expect(available(held)).toBe(60);
    expect(apply(held, operation(-61), NOW).answer).toMatchObject({ outcome: { rejection: { reason: 'insufficient', available: 60 } } });
    expect(apply(held, operation(-60), NOW).account).toMatchObject({ balance: 40, held: 40 });
  });

  it('lets a clawback below zero, and then refuses to spend until it is covered', () => {
    const debt = apply(account(10), operation(-25, { action: posting(-25, { type: 'refund', overdraw: true }) }), NOW).account;
    expect(debt.balance).toBe(-15);
    expect(apply(debt, operation(-1), NOW).answer).toMatchObject({ outcome: { rejection: { reason: 'insufficient', available: -15 } } });
    const covered = apply(debt, operation(16), NOW).account;
    expect(apply(covered, operation(-1), NOW).account.balance).toBe(0);
  });

  it.each([0, 0.5, NaN, Infinity, LIMIT + 1, -LIMIT - 1, 2 ** 53])('refuses %d as malformed, before anything else', (amount) => {
    const recorded: Recorded = { hash: 'other', outcome: { status: 'refused', rejection: { reason: 'limit' }, traceId: 'x' } };
    expect(apply(account(LIMIT), operation(amount), NOW, recorded).answer).toMatchObject({
      outcome: { rejection: { reason: 'malformed' } },
    });
  });

  it('refuses what would take a balance beyond the limit', () => {
    expect(apply(account(LIMIT - 1), operation(1), NOW).account.balance).toBe(LIMIT);
    expect(apply(account(LIMIT), operation(1), NOW).answer).toMatchObject({ outcome: { rejection: { reason: 'limit' } } });
    const overdraw = operation(-1, { action: posting(-1, { overdraw: true }) });
    expect(apply(account(-LIMIT), overdraw, NOW).answer).toMatchObject({ outcome: { rejection: { reason: 'limit' } } });
  });

  it('answers a key again as the first time, and refuses another request under it', () => {
    const first = apply(account(10), operation(-3), NOW);
    const recorded = { hash: 'h-3', outcome: first.answer.outcome } as Recorded;
    const second = apply(first.account, operation(-3), NOW + 1, recorded);
    expect(second.answer).toEqual({ outcome: first.answer.outcome, replayed: true });
    expect(second.account).toBe(first.account);
    expect(apply(first.account, operation(-4), NOW + 1, recorded).answer).toEqual({ outcome: 'key-reused' });
  });

  it('replays a refusal even when the account could afford it by now', () => {
    const { answer } = apply(account(1), operation(-3), NOW);
    const again = apply(account(1_000), operation(-3), NOW + 1, { hash: 'h-3', outcome: answer.outcome } as Recorded);
    expect(again.answer).toEqual({ ...answer, replayed: true });
  });

  it('never lets time run backwards within an account', () => {
    const { account: after } = apply(account(10, { lastAt: NOW }), operation(-1), NOW - 5_000);
    expect(after.lastAt).toBe(NOW);
  });

  it('opens no more holds than an account may have, and as many again as were settled', () => {
    const full = account(100, { openHolds: MAX_OPEN_HOLDS, holds: 20_000 });
    const opening = operation(1, {
      name: 'hold',
      action: { kind: 'hold', amount: 1, description: null, metadata: null, expiresIn: 1_000 },
    });
    expect(apply(full, opening, NOW).answer).toMatchObject({ outcome: { rejection: { reason: 'too-many-holds' } } });
    const settled = expire({ ...full, held: 1 }, [{ amount: 3, captured: 2 }], null);
    expect(settled).toMatchObject({ openHolds: MAX_OPEN_HOLDS - 1, held: 0 });
    expect(apply(settled, opening, NOW).account).toMatchObject({ openHolds: MAX_OPEN_HOLDS, held: 1 });
  });

  it('lets holds go by the clock, though the last entry came from a clock that was ahead', () => {
    const ahead = account(10, { lastAt: NOW + 365 * 86_400_000 });
    const opening = operation(1, {
      name: 'hold',
      action: { kind: 'hold', amount: 1, description: null, metadata: null, expiresIn: 1_000 },
    });
    const { state } = applyTo({ account: ahead }, opening, NOW);
    expect(state.hold).toMatchObject({ createdAt: NOW, expiresAt: NOW + 1_000 });
    const capture = operation(1, {
      name: 'capture',
      action: { kind: 'capture', hold: 1, type: 'debit', amount: 1, final: true, description: null },
    });
    expect(applyTo(state, capture, NOW + 999).answer).toMatchObject({ outcome: { status: 'posted', entry: { createdAt: ahead.lastAt } } });
    expect(applyTo(state, capture, NOW + 1_000).answer).toMatchObject({ outcome: { rejection: { status: 'expired' } } });
  });

  it('changes nothing that it was given', () => {
    const before = Object.freeze({ ...account(10), types: Object.freeze({ debit: { count: 3, total: -30n } }) });
    expect(apply(before, Object.freeze(operation(-1)), NOW).account.types).toEqual({ debit: { count: 4, total: -31n } });
    expect(before.types).toEqual({ debit: { count: 3, total: -30n } });
  });
});

/** A batch as a process may get it: a few accounts, keys that repeat, amounts that don't fit. */
const anyOperation = fc.record({
  accountId: fc.integer({ min: 1, max: 3 }),
  amount: fc.oneof(fc.integer({ min: -60, max: 60 }), fc.constantFrom(0, 0.5, LIMIT + 1, 2 ** 45, -(2 ** 45))),
  key: fc.integer({ min: 0, max: 12 }),
  keyed: fc.boolean(),
  overdraw: fc.boolean(),
});
type Any = typeof anyOperation extends fc.Arbitrary<infer T> ? T : never;

const toAddressed = ({ accountId, amount, key, keyed, overdraw }: Any): Addressed => ({
  accountId,
  operation: operation(amount, { name: 'any', key: keyed ? `k${key}` : undefined, action: posting(amount, { overdraw }) }),
});

const isWellFormed = ({ operation: { action } }: Addressed) =>
  action.kind === 'post' && Number.isSafeInteger(action.amount) && action.amount !== 0 && Math.abs(action.amount) <= LIMIT;

const fresh = (): LockedAccount[] => [1, 2, 3].map((id) => ({ version: 0, account: emptyAccount(id, 'USD') }));

/** Decides operations that are each for themselves. */
function decideAll(locked: LockedAccount[], batch: readonly Addressed[], recorded: ReadonlyMap<string, Recorded>, now: number) {
  const plan = decide(
    { locked, expired: [], holds: new Map(), recorded },
    batch.map((one) => [one]),
    now,
  );
  return { ...plan, answers: plan.answers.flat() };
}

/** Runs batches one after the other as the store does: what one writes, the next one reads. */
function run(
  batches: readonly (readonly Addressed[])[],
  times: readonly number[] = [],
): { rows: LockedAccount[]; plans: ReturnType<typeof decideAll>[]; recorded: Map<string, Recorded> } {
  let rows = fresh();
  const stored = new Map<string, Recorded>();
  const plans = batches.map((batch, i) => {
    const plan = decideAll(rows, batch, stored, times[i] ?? NOW + i);
    for (const { accountId, operation: done, outcome } of plan.operations)
      stored.set(identity(accountId, done), { hash: done.hash, outcome });
    rows = rows
      .map((row) => plan.accounts.find(({ account: { id } }) => id === row.account.id) ?? row)
      .map((row) => ({ ...row, version: row.version + 1 }));
    return plan;
  });
  return { rows, plans, recorded: stored };
}

describe('any history', () => {
  const history = fc.array(anyOperation, { maxLength: 120 });

  it('has numbers without a gap, balances that chain, counts and totals that agree with its entries', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyOperation, { maxLength: 20 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: NOW - 3 * 86_400_000, max: NOW })),
        (batches, times) => {
          const { rows, plans } = run(
            batches.map((batch) => batch.map(toAddressed)),
            times,
          );
          for (const { account: state } of rows) {
            const { id } = state;
            const entries = plans.flatMap((plan) => plan.entries).filter(({ accountId }) => accountId === id);
            let balance = 0;
            let time = 0;
            entries.forEach((entry, i) => {
              balance += entry.amount;
              expect(entry).toMatchObject({ sequence: i + 1, balanceAfter: balance });
              expect(entry.createdAt).toBeGreaterThanOrEqual(time);
              time = entry.createdAt;
            });
            expect(state).toMatchObject({ balance, sequence: entries.length, held: 0, lastAt: time });
            for (const type of ['debit', 'deposit'] as const) {
              const own = entries.filter((entry) => entry.type === type);
              expect(own.map(({ typeSequence }) => typeSequence)).toEqual(own.map((_, i) => i + 1));
              expect(state.types[type]?.count ?? 0).toBe(own.length);
              expect(state.types[type]?.total ?? 0n).toBe(own.reduce((sum, { amount }) => sum + BigInt(amount), 0n));
              for (const day of new Set(own.map(({ createdAt }) => dayOf(createdAt)))) {
                const ofDay = own.filter(({ createdAt }) => dayOf(createdAt) === day);
                const totals = plans
                  .flatMap((plan) => plan.totals)
                  .filter((total) => total.accountId === id && total.day === day && total.type === type);
                expect(totals.reduce((sum, { count }) => sum + count, 0)).toBe(ofDay.length);
                expect(totals.reduce((sum, { amount }) => sum + amount, 0n)).toBe(
                  ofDay.reduce((sum, { amount }) => sum + BigInt(amount), 0n),
                );
              }
            }
          }
        },
      ),
    );
  });

  it('never spends more than there was, unless it may overdraw', () => {
    fc.assert(
      fc.property(history, (all) => {
        const { plans } = run([all.map((any) => toAddressed({ ...any, overdraw: false }))]);
        for (const entry of plans[0]!.entries) expect(entry.balanceAfter).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('comes to the same in one batch as one by one', () => {
    fc.assert(
      fc.property(history, (all) => {
        const operations = all.map(toAddressed);
        const together = run([operations], [NOW]);
        const apart = run(
          operations.map((one) => [one]),
          operations.map(() => NOW),
        );
        expect(together.plans[0]!.answers).toEqual(apart.plans.flatMap((plan) => plan.answers));
        expect(together.plans[0]!.entries).toEqual(apart.plans.flatMap((plan) => plan.entries));
        expect(together.rows.map((row) => row.account)).toEqual(apart.rows.map((row) => row.account));
        expect(together.recorded).toEqual(apart.recorded);
      }),
    );
  });

  it('gives every key one effect, however often and with whatever it comes back', () => {
    fc.assert(
      fc.property(history, (all) => {
        const operations = all.map((any) => toAddressed({ ...any, keyed: true })).filter(isWellFormed);
        const { plans } = run([operations, operations]);
        const first = plans[0]!;
        const second = plans[1]!;
        expect(second.entries).toEqual([]);
        expect(second.accounts).toEqual([]);
        expect(new Set(first.operations.map((done) => identity(done.accountId, done.operation))).size).toBe(first.operations.length);
        second.answers.forEach((answer, i) => {
          const before = first.answers[i]!;
          expect(answer).toEqual(before.outcome === 'key-reused' ? before : { outcome: before.outcome, replayed: true });
        });
      }),
    );
  });

  it('answers every operation, in order, and remembers each that has a key', () => {
    fc.assert(
      fc.property(history, (all) => {
        const plan = run([all.map(toAddressed)]).plans[0]!;
        expect(plan.answers).toHaveLength(all.length);
        const keys = plan.operations.map((done) => identity(done.accountId, done.operation));
        expect(new Set(keys)).toEqual(
          new Set(
            all
              .map(toAddressed)
              .filter(isWellFormed)
              .filter(isKeyed)
              .map((one) => identity(one.accountId, one.operation)),
          ),
        );
        expect(keys).toHaveLength(new Set(keys).size);
        for (const { account } of plan.accounts)
          expect(account.operations).toBe(plan.operations.filter(({ accountId }) => accountId === account.id).length);
        const posted = plan.answers.filter(
          (answer) => answer.outcome !== 'key-reused' && !answer.replayed && answer.outcome.status === 'posted',
        );
        expect(posted).toHaveLength(plan.entries.length);
      }),
    );
  });

  it('remembers a refusal only where the client can ask for it again', () => {
    const refused = (key?: string) => decideAll(fresh(), [{ accountId: 1, operation: operation(-5, { key }) }], new Map(), NOW).operations;
    expect(refused('k')).toMatchObject([{ outcome: { status: 'refused' } }]);
    expect(refused()).toEqual([]);
  });
});
