import type { Purchase, PurchaseStatus } from '../checkout/index.js';
import { type CheckoutSession, isPaid } from '../provider/index.js';

/** The state that the provider's session implies for a purchase. A review has a reason. */
export interface Verdict {
  readonly status: PurchaseStatus;
  readonly reason?: string;
}

/** The columns that the verdict depends on. */
type Judged = Pick<
  Purchase,
  'id' | 'status' | 'resolution' | 'sessionId' | 'price' | 'currency' | 'livemode' | 'expiresAt'
> & {
  readonly checkoutTerms: Pick<Purchase['checkoutTerms'], 'automaticTax' | 'promotionCodes'>;
};

/** Whether the purchase's session can no longer change its state. */
export function isSettled({ status, resolution }: Pick<Purchase, 'status' | 'resolution'>): boolean {
  return status === 'paid' || status === 'review' || resolution !== null;
}

/**
 * Whether a session brings the first payment to a purchase of which a review has begun or ended. That nothing was paid
 * was part of the decision, so a person decides again.
 */
export function isLate(purchase: Pick<Purchase, 'id' | 'status' | 'resolution' | 'paid'>, session: CheckoutSession) {
  const isFirst = isSettled(purchase) && purchase.paid === null;
  return isFirst && isPaid(session) && session.purchaseId === purchase.id && session.total !== null;
}

/**
 * Decides from the current session alone, so the triggering event, their number and their order do not matter.
 * @param now milliseconds since 1970
 */
export function verdict(purchase: Judged, session: CheckoutSession, now: number): Verdict {
  if (isSettled(purchase)) return { status: purchase.status };
  const paid = isPaid(session);
  // An unpaid session of an earlier attempt does not matter.
  if (session.id !== purchase.sessionId && !paid) return { status: purchase.status };
  const differs = differences(purchase, session);
  if (differs.length > 0)
    return {
      status: 'review',
      reason: `The checkout session ${session.id} has another ${differs.join(', ')} than the purchase.`,
    };
  if (paid) return { status: 'paid' };
  if (session.status === 'complete') return { status: session.paymentFailed ? 'failed' : 'processing' };
  if (session.status === 'expired') return { status: now < purchase.expiresAt ? 'canceled' : 'expired' };
  return { status: 'open' };
}

function differences(purchase: Judged, session: CheckoutSession): string[] {
  const { automaticTax, promotionCodes } = purchase.checkoutTerms;
  const total = session.total ?? NaN;
  const same = {
    id: session.id === purchase.sessionId,
    purchase: session.purchaseId === purchase.id,
    mode: session.mode === 'payment',
    currency: session.currency === purchase.currency,
    // The subtotal is our price. Tax may raise the total and a promotion code lower it, but only where the checkout
    // allowed that.
    amount:
      session.subtotal === purchase.price &&
      (total >= purchase.price || promotionCodes) &&
      (total <= purchase.price || automaticTax) &&
      (total > 0 || session.paymentStatus !== 'paid'),
    livemode: session.livemode === (purchase.livemode === 1),
    'sum received': session.received === null || !isPaid(session) || session.received === session.total,
  };
  return Object.entries(same)
    .filter(([, equal]) => !equal)
    .map(([name]) => name);
}

/**
 * The part of amount and bonus to take back, in the purchase's units: the reversed share of the money, of each rounded
 * in the buyer's favour.
 * @param reversed cents that refunds and disputes took, at most all that were paid
 */
export function clawback(
  { amount, bonusAmount, paid }: Pick<Purchase, 'amount' | 'bonusAmount' | 'paid'>,
  reversed: number,
): number {
  if (!paid) return 0;
  // Both factors can be near 2^53, so their product needs more digits.
  const share = (units: number) => Number((BigInt(units) * BigInt(Math.min(reversed, paid))) / BigInt(paid));
  return share(amount) + share(bonusAmount);
}
