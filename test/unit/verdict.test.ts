import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CheckoutSession } from '../../src/payments/provider/index.js';
import { clawback, verdict } from '../../src/payments/settlement/verdict.js';
import type { Stored } from '../../src/wallet/index.js';

const NOW = 1_776_249_000_000;
const purchase = {
  id: 'pur_1',
  status: 'open',
  resolution: null,
  sessionId: 'cs_1',
  price: 9000,
  currency: 'USD',
  livemode: 0,
  expiresAt: NOW + 1000,
  checkoutTerms: { automaticTax: false, promotionCodes: false },
} as const;
const session: CheckoutSession = {
  id: 'cs_1',
  url: null,
  mode: 'payment',
  status: 'open',
  paymentStatus: 'unpaid',
  subtotal: 9000,
  total: 9000,
  currency: 'USD',
  livemode: false,
  purchaseId: 'pur_1',
  paymentIntent: null,
  paymentFailed: false,
  received: null,
  receiptUrl: null,
};
const paid = { ...session, status: 'complete', paymentStatus: 'paid' } as const;

describe('verdict', () => {
  it.each([
    ['open', session, NOW, 'open'],
    ['complete, the money under way', { ...session, status: 'complete' as const }, NOW, 'processing'],
    ['complete and paid', paid, NOW, 'paid'],
    ['closed before its time', { ...session, status: 'expired' as const }, NOW, 'canceled'],
    ['closed by its time', { ...session, status: 'expired' as const }, NOW + 1000, 'expired'],
    [
      'for nothing to pay, which no price of ours is',
      { ...session, status: 'complete' as const, paymentStatus: 'no_payment_required' as const, total: 0 },
      NOW,
      'review',
    ],
  ])('a session that is %s', (_name, given, now, status) => {
    expect(verdict(purchase, given, now).status).toBe(status);
  });

  it.each(['open', 'processing', 'expired', 'canceled', 'failed'] as const)(
    'money that comes to a purchase that is %s counts',
    (status) => {
      expect(verdict({ ...purchase, status }, paid, NOW)).toEqual({ status: 'paid' });
    },
  );

  it.each(['paid', 'review'] as const)('%s is final', (status) => {
    for (const given of [session, paid, { ...session, status: 'expired' as const }, { ...paid, total: 1 }])
      expect(verdict({ ...purchase, status }, given, NOW)).toEqual({ status });
  });

  it.each<[string, Partial<CheckoutSession>]>([
    ['id', { id: 'cs_2' }],
    ['purchase', { purchaseId: 'pur_2' }],
    ['purchase', { purchaseId: null }],
    ['mode', { mode: 'setup' }],
    ['currency', { currency: 'EUR' }],
    ['amount', { total: 8999 }],
    ['amount', { total: 9001 }],
    ['amount', { subtotal: 8999 }],
    ['amount', { subtotal: null, total: null }],
    ['sum received', { received: 8999 }],
    ['livemode', { livemode: true }],
  ])('a paid session with another %s is for a person to look at', (field, change) => {
    expect(verdict(purchase, { ...paid, ...change }, NOW)).toEqual({
      status: 'review',
      reason: `The checkout session ${change.id ?? 'cs_1'} has another ${field} than the purchase.`,
    });
  });

  it('an unpaid session of an earlier attempt changes nothing', () => {
    expect(verdict(purchase, { ...session, id: 'cs_0', status: 'expired' }, NOW)).toEqual({ status: 'open' });
  });
});

describe('clawback', () => {
  const of = (amount: number, bonus: number, paid: number | null) => ({
    amount: amount as Stored,
    bonusAmount: bonus as Stored,
    paid,
  });
  const units = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.maxSafeInteger().map(Math.abs));
  const purchases = fc.record({
    amount: units,
    bonus: fc.oneof(fc.constant(0), units),
    paid: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 99_999_999 })),
  });
  // Both shares are exact, so only their sum has to be a safe integer.
  const sold = purchases.filter(({ amount, bonus }) => amount + bonus <= Number.MAX_SAFE_INTEGER);

  it.each([
    ['nothing reversed', of(100, 10, 9000), 0, 0],
    ['half', of(100, 10, 9000), 4500, 55],
    ['a third, each share rounded down by itself', of(100, 10, 9000), 3000, 33 + 3],
    ['all', of(100, 10, 9000), 9000, 110],
    ['more than was paid', of(100, 10, 9000), 18_000, 110],
    ['no bonus', of(100, 0, 9000), 3000, 33],
    ['nothing paid', of(100, 10, null), 9000, 0],
    ['a product beyond 2^53', of(2 ** 53 - 3, 1, 99_999_999), 99_999_998, 9_007_199_164_668_995],
  ])('%s', (_name, purchase, reversed, expected) => {
    expect(clawback(purchase, reversed)).toBe(expected);
  });

  it('never takes more than was given, all of it at a full refund, and more the more was reversed', () => {
    fc.assert(
      fc.property(sold, fc.nat(), fc.nat(), ({ amount, bonus, paid }, one, other) => {
        const [less, more] = [Math.min(one, other), Math.max(one, other)];
        const taken = (reversed: number) => clawback(of(amount, bonus, paid), reversed);
        expect(taken(less)).toBeLessThanOrEqual(taken(more));
        expect(taken(more)).toBeLessThanOrEqual(amount + bonus);
        expect(taken(paid)).toBe(amount + bonus);
        expect(taken(0)).toBe(0);
      }),
    );
  });

  it("takes each share as if it stood alone, rounded in the buyer's favour by less than one unit", () => {
    fc.assert(
      fc.property(sold, fc.nat(), ({ amount, bonus, paid }, seed) => {
        const reversed = seed % (paid + 1);
        const [ofAmount, ofBonus] = [clawback(of(amount, 0, paid), reversed), clawback(of(bonus, 0, paid), reversed)];
        expect(clawback(of(amount, bonus, paid), reversed)).toBe(ofAmount + ofBonus);
        const exact = BigInt(amount) * BigInt(reversed) - BigInt(ofAmount) * BigInt(paid);
        expect(exact >= 0n && exact < BigInt(paid)).toBe(true);
      }),
    );
  });
});
