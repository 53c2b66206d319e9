import type { SandboxReversal, SandboxSession } from './sandbox.entities.js';

/** In the shape of Stripe's events. */
export function toStripeSession({
  id,
  status,
  paymentStatus,
  price,
  currency,
  purchaseId,
  paymentIntent,
}: SandboxSession): object {
  return {
    id,
    object: 'checkout.session',
    mode: 'payment',
    status,
    payment_status: paymentStatus,
    amount_total: price,
    currency: currency.toLowerCase(),
    livemode: false,
    client_reference_id: purchaseId,
    metadata: { purchase_id: purchaseId },
    payment_intent: paymentIntent,
  };
}

/** In the shape of Stripe's events. */
export function toStripeReversal({
  id,
  kind,
  amount,
  status,
  paymentIntent,
}: Omit<SandboxReversal, 'idempotencyKey' | 'requestId' | 'createdAt'>): object {
  return { id, object: kind, amount, status, payment_intent: paymentIntent };
}
