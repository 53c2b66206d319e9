import type { Purchase, PurchaseStatus } from '../checkout/index.js';
import { type CheckoutSession, isPaid } from '../provider/index.js';

/** What the provider's session makes of a purchase; a review has a reason. */
export interface Verdict {
  readonly status: PurchaseStatus;
  readonly reason?: string;
}

/** The columns that decide. */
type Judged = Pick<Purchase, 'id' | 'status' | 'sessionId' | 'price' | 'currency' | 'livemode' | 'expiresAt'> & {
  readonly checkoutTerms: Pick<Purchase['checkoutTerms'], 'automaticTax' | 'promotionCodes'>;
};

/** Whether the purchase's session can't change it any more. */
export function isSettled({ status }: Pick<Purchase, 'status'>): boolean {
  return status === 'paid' || status === 'review';
}

/**
 * Decides from the current session alone, so that it doesn't matter which event asked, or how often, or in what order.
 * @param now milliseconds since 1970
 */
export function verdict(purchase: Judged, session: CheckoutSession, now: number): Verdict {
  if (isSettled(purchase)) return { status: purchase.status };
  const paid = isPaid(session);
  // A session that an earlier attempt left behind is nobody's business until somebody pays it.
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
    // What is sold has our price; tax may add to what is paid and a promotion code take from it, but only where the
    // checkout allowed that.
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
 * What refunds and disputes leave to be taken back, in the purchase's units: the same share of the amount and of the
 * bonus as of the money, each rounded in the buyer's favour.
 * @param reversed cents that went back, at most all that were paid
 */
export function clawback(
  { amount, bonusAmount, paid }: Pick<Purchase, 'amount' | 'bonusAmount' | 'paid'>,
  reversed: number,
): number {
  if (!paid) return 0;
  // Both factors can be near 2^53, so their product is no exact number.
  const share = (units: number) => Number((BigInt(units) * BigInt(Math.min(reversed, paid))) / BigInt(paid));
  return share(amount) + share(bonusAmount);
}
