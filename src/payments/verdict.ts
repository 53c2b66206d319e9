import type { Purchase, PurchaseStatus } from './payments.entities.js';
import type { CheckoutSession } from './provider.js';

/** What the provider's session makes of a purchase; a review has a reason. */
export interface Verdict {
  readonly status: PurchaseStatus;
  readonly reason?: string;
}

/** The columns that decide. */
type Judged = Pick<Purchase, 'id' | 'status' | 'sessionId' | 'price' | 'currency' | 'livemode' | 'expiresAt'>;

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
  const paid = session.paymentStatus === 'paid';
  // A session that an earlier attempt left behind is nobody's business until somebody pays it.
  if (session.id !== purchase.sessionId && !paid) return { status: purchase.status };
  const differs = differences(purchase, session);
  if (differs.length > 0)
    return { status: 'review', reason: `The checkout session ${session.id} has another ${differs.join(', ')} than the purchase.` };
  if (paid) return { status: 'paid' };
  if (session.status === 'complete') return { status: 'processing' };
  if (session.status === 'expired') return { status: now < purchase.expiresAt ? 'canceled' : 'expired' };
  return { status: 'open' };
}

function differences(purchase: Judged, session: CheckoutSession): string[] {
  const same = {
    id: session.id === purchase.sessionId,
    purchase: session.purchaseId === purchase.id,
    mode: session.mode === 'payment',
    currency: session.currency === purchase.currency,
    amount: session.amount === purchase.price,
    livemode: session.livemode === (purchase.livemode === 1),
  };
  return Object.entries(same)
    .filter(([, equal]) => !equal)
    .map(([name]) => name);
}
