import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BONUS_PACKAGE, catalogFile } from '../support/catalog.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { expectVerified } from '../support/ledger.js';
import type { FakeDispute, FakeEvent, FakeRefund, FakeSession } from '../support/fake-stripe.js';
import { Reconciler, type Sale, Shop } from '../support/shop.js';

/** `PROPERTY_RUNS=1000 npm run test:all -- history.property` is the long run. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 15);

/** Credits come with a bonus, tokens without. */
const CATALOG = catalogFile([BONUS_PACKAGE]);

/** One thing that happens to a payment; what can't happen in the state that it is in does not. */
type Step =
  | { readonly kind: 'pay' | 'pay-later' | 'succeed' | 'fail' | 'expire' }
  | { readonly kind: 'refund'; readonly cents: number; readonly pending: boolean }
  | { readonly kind: 'refund-succeeds' | 'refund-fails' }
  | { readonly kind: 'dispute'; readonly cents: number; readonly inquiry: boolean }
  | { readonly kind: 'escalate' | 'win' | 'lose' };

// Often the same sums again, so that a purchase comes back to where it was before.
const cents = fc.oneof(fc.constantFrom(1000, 4500), fc.integer({ min: 1, max: 9000 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('pay', 'pay-later', 'succeed', 'fail', 'expire') }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('refund'), cents, pending: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('refund-succeeds', 'refund-fails') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('dispute'), cents, inquiry: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('escalate', 'win', 'lose') }) },
);

/** What becomes of an event on its way: how often it comes, whether under another id, whether it was ever made. */
interface Fate {
  readonly times: number;
  readonly twin: boolean;
  readonly made: boolean;
  readonly order: number;
  /** After so many of the steps. */
  readonly late: number;
}

const fate: fc.Arbitrary<Fate> = fc.record({
  times: fc.integer({ min: 0, max: 3 }),
  twin: fc.boolean(),
  made: fc.boolean(),
  order: fc.nat(1000),
  late: fc.nat(4),
});

const history = fc.record({
  kind: fc.constantFrom('credits' as const, 'tokens' as const),
  // Most begin with a payment, or little would happen after it.
  steps: fc
    .tuple(fc.option(fc.constant<Step>({ kind: 'pay' }), { freq: 4 }), fc.array(step, { maxLength: 8 }))
    .map(([first, rest]) => [...(first ? [first] : []), ...rest]),
  fates: fc.array(fate, { minLength: 30, maxLength: 30 }),
});

describeEachDatabase((database) => {
  let shop: Shop;
  let reconciler: Reconciler;
  const done: { sale: Sale; expected: unknown }[] = [];

  beforeAll(async () => {
    shop = await Shop.open(database, { LOG_LEVEL: 'error', CATALOG_FILE: CATALOG });
    reconciler = await Reconciler.start({ ...shop.environment, LOG_LEVEL: 'silent' });
  });
  afterAll(async () => {
    await reconciler?.stop();
    await shop?.close();
  });

  it(
    `8. ${RUNS} random histories, delivered shuffled, duplicated and truncated, and then reconciled, end as the money did`,
    async () => {
      await fc.assert(
        fc.asyncProperty(history, async ({ kind, steps, fates }) => {
          const [scattered, orderly] = [await shop.buy(kind), await shop.buy(kind)];
          await deliverInOrder(orderly, steps);
          await deliverScattered(scattered, steps, fates);
          const expected = await moneyOf(scattered);
          expect(await moneyOf(orderly)).toEqual(expected);
          await reconciler.run({ since: (Math.min(scattered.session.created, orderly.session.created) - 1) * 1000 });
          for (const sale of [scattered, orderly]) {
            await eventually(async () => expect(await ledgerOf(sale)).toEqual(expected));
            if (expected.status === 'paid') done.push({ sale, expected });
          }
          // A purchase without an end would be looked at again in every later round.
          await shop.sql.query("UPDATE purchase SET status = 'expired' WHERE status IN ('open', 'processing')");
        }),
        // A history that fails is shrunk for a while only, and told before the test's time is over: each try is a
        // purchase and a round of reconciliation.
        {
          numRuns: RUNS,
          interruptAfterTimeLimit: RUNS * 20_000,
          markInterruptAsFailure: true,
          endOnFailure: RUNS > 100,
        },
      );
      // Nothing that was still on its way has changed any of them since.
      await shop.workedOff();
      for (const { sale, expected } of done.slice(-200)) expect(await ledgerOf(sale)).toEqual(expected);
      await expectVerified(database);
    },
    180_000 + RUNS * 20_000,
  );

  /** Every event, one after the other, while the history goes on. */
  async function deliverInOrder({ session }: Sale, steps: readonly Step[]): Promise<void> {
    const state: State = { session };
    for (const each of steps)
      for (const event of happen(state, each)) expect((await shop.deliver(event)).status).toBe(200);
  }

  /** Some events never, some thrice, some late, all out of order. */
  async function deliverScattered({ session }: Sale, steps: readonly Step[], fates: readonly Fate[]): Promise<void> {
    const state: State = { session };
    const waiting: { event: FakeEvent; at: number; order: number }[] = [];
    let number = 0;
    const send = async (until: number) => {
      const due = waiting.filter(({ at }) => at <= until).sort((a, b) => a.order - b.order);
      for (const { event } of due)
        waiting.splice(
          waiting.findIndex((one) => one.event === event),
          1,
        );
      const answers = await Promise.all(due.map(({ event }) => shop.deliver(event)));
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    };
    for (const [i, each] of steps.entries()) {
      const { made } = fates[number % fates.length]!;
      shop.stripe.silent = !made;
      const events = happen(state, each);
      shop.stripe.silent = false;
      for (const event of made ? events : []) {
        const { times, twin, order, late } = fates[number++ % fates.length]!;
        for (let n = 0; n < times; n++)
          waiting.push({
            event: twin && n > 0 ? shop.stripe.twin(event) : { ...event },
            at: i + late,
            order: (order * (n + 7)) % 1009,
          });
      }
      await send(i);
    }
    await send(Infinity);
  }

  /** What the ledger has to show: the state, and what the money that stayed has brought. */
  async function moneyOf({ session, kind }: Sale): Promise<{ status: string; balance: number }> {
    const shares = kind === 'credits' ? [100_000_000n, 10_000_000n] : [1_000_000n];
    const payment = session.payment_intent === null ? undefined : shop.stripe.payments.get(session.payment_intent);
    const status =
      session.payment_status === 'paid'
        ? 'paid'
        : session.status === 'complete'
          ? payment?.status === 'processing'
            ? 'processing'
            : 'failed'
          : session.status === 'expired'
            ? 'canceled'
            : 'open';
    const left = shares.map(
      (amount) => amount - (amount * BigInt(shop.stripe.reversedOf(session))) / BigInt(session.amount_total),
    );
    return { status, balance: status === 'paid' ? Number(left.reduce((sum, amount) => sum + amount)) : 0 };
  }

  async function ledgerOf(sale: Sale): Promise<{ status: string; balance: number }> {
    const { status, entries } = await shop.endOf(sale);
    const balance = (await sale.client.get(`/api/${sale.kind}/balance`)).body.data.balance;
    const scale = sale.kind === 'credits' ? 1_000_000 : 1;
    // The history adds up to the balance, however many movements it took.
    expect(entries.reduce((sum, amount) => sum + Math.round(amount * scale), 0)).toBe(Math.round(balance * scale));
    return { status, balance: Math.round(balance * scale) };
  }

  interface State {
    readonly session: FakeSession;
    refund?: FakeRefund;
    dispute?: FakeDispute;
  }

  /** Lets a step happen at Stripe, if it can; returns what Stripe tells of it. */
  function happen(state: State, each: Step): FakeEvent[] {
    const { stripe } = shop;
    const { session, refund, dispute } = state;
    const payment = session.payment_intent === null ? undefined : stripe.payments.get(session.payment_intent)!;
    const paid = session.payment_status === 'paid';
    switch (each.kind) {
      case 'pay':
        return session.status === 'open' ? stripe.pay(session) : [];
      case 'pay-later':
        return session.status === 'open' ? stripe.payLater(session) : [];
      case 'succeed':
      case 'fail':
        return payment && payment.status !== 'succeeded' ? stripe.conclude(session, each.kind === 'succeed') : [];
      case 'expire':
        return session.status === 'open' ? stripe.expire(session) : [];
      case 'refund': {
        const left = session.amount_total - stripe.reversedOf(session);
        if (!paid || left === 0) return [];
        const made = stripe.refund(session, Math.min(each.cents, left), each.pending ? 'pending' : 'succeeded');
        state.refund = made.refund;
        return made.events;
      }
      case 'refund-succeeds':
        return refund?.status === 'pending' ? stripe.changeRefund(refund, 'succeeded') : [];
      case 'refund-fails':
        return refund && refund.status !== 'failed' ? stripe.changeRefund(refund, 'failed') : [];
      case 'dispute': {
        if (!paid || dispute) return [];
        const made = stripe.dispute(
          session,
          Math.min(each.cents, session.amount_total),
          each.inquiry ? 'warning_needs_response' : 'needs_response',
        );
        state.dispute = made.dispute;
        return made.events;
      }
      case 'escalate':
        return dispute?.status === 'warning_needs_response' ? stripe.changeDispute(dispute, 'needs_response') : [];
      case 'win':
      case 'lose':
        return dispute?.status === 'needs_response'
          ? stripe.changeDispute(dispute, each.kind === 'win' ? 'won' : 'lost')
          : [];
    }
  }
});
