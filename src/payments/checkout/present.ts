import type { CheckoutDto, PurchaseBonusDto } from './checkout.dto.js';
import { type Contents, WORDS } from './goods.js';
import type { Purchase } from './purchase.entity.js';
import type { PurchaseDto } from './purchases.dto.js';

/** The answer to the request that began the purchase. A replay repeats it, even when the purchase has changed since. */
export function toCheckout({ id, checkoutUrl, checkoutTerms, ...purchase }: Purchase): CheckoutDto {
  // A session that was found only after its payment has no address to pay at.
  return { purchase_id: id, checkout_url: checkoutUrl ?? checkoutTerms.successUrl, status: 'open', ...terms(purchase) };
}

/** A purchase in its current state. */
export function toPurchase({
  id,
  account,
  item,
  name,
  status,
  checkoutUrl,
  createdAt,
  paidAt,
  ...purchase
}: Purchase): PurchaseDto {
  return {
    purchase_id: id,
    account,
    kind: purchase.kind,
    item,
    name,
    checkout_url: status === 'open' ? checkoutUrl : null,
    status,
    ...terms(purchase),
    created_at: new Date(createdAt).toISOString(),
    paid_at: paidAt === null ? null : new Date(paidAt).toISOString(),
    paid: purchase.paid === null ? null : purchase.paid / 100,
    refund_status: refundStatusOf(purchase),
    refunded_amount: purchase.refunded / 100,
    disputed: purchase.disputed / 100,
    reversed: WORDS[purchase.kind].units(purchase.reversed),
    receipt_url: purchase.receiptUrl,
    refunds: (purchase.refunds ?? []).map(({ id: provided, requestId, amount, status: became }) => ({
      refund_id: requestId ?? provided,
      amount: amount / 100,
      status: became,
    })),
  };
}

/** Whether the payment was given back; a refund that failed does not count. */
function refundStatusOf({ refunded, paid }: Pick<Purchase, 'refunded' | 'paid'>): PurchaseDto['refund_status'] {
  if (refunded === 0) return 'none';
  return refunded < (paid ?? 0) ? 'partial' : 'full';
}

type Terms = Contents & Pick<Purchase, 'kind' | 'price' | 'currency' | 'provider' | 'livemode' | 'expiresAt'>;

function terms(purchase: Terms) {
  const { kind, amount, price, currency, provider, livemode, expiresAt, expiresInDays } = purchase;
  return {
    amount: WORDS[kind].units(amount),
    ...(expiresInDays !== null && { expires_in_days: expiresInDays }),
    ...(purchase.bonusAmount > 0 && { bonus: bonusOf(purchase) }),
    price: price / 100,
    currency,
    provider: provider as CheckoutDto['provider'],
    livemode: livemode === 1,
    expires_at: new Date(expiresAt).toISOString(),
  };
}

function bonusOf({ kind, bonusAmount, bonusExpiresInDays: days, bonusPriority: priority }: Terms): PurchaseBonusDto {
  return {
    amount: WORDS[kind].units(bonusAmount),
    ...(days !== null && { expires_in_days: days }),
    ...(priority !== null && { priority }),
  };
}
