import { describe, expect, it } from '@jest/globals';
import type { CheckoutSession } from '../../src/payments/provider/index.js';
import { verdict } from '../../src/payments/settlement/verdict.js';

const NOW = 1_776_249_000_000;
const purchase = {
  id: 'pur_1',
  status: 'open',
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
