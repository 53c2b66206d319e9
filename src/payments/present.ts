import type { CheckoutDto, PurchaseDto } from './payments.dto.js';
import type { Purchase } from './payments.entities.js';

/** Credits are dollars outside and micro-dollars in a row. */
export const MICRO_DOLLARS = 1_000_000;

/** The answer to the request that began the purchase; a replay repeats it, whatever became of the purchase since. */
export function toCheckout(purchase: Purchase): CheckoutDto {
  // The URL is written together with the session, which the purchase has by now.
  return { ...common(purchase), checkout_url: purchase.checkoutUrl as string, status: 'open' };
}

/** A purchase as it stands. */
export function toPurchase(purchase: Purchase): PurchaseDto {
  const { account, kind, item, name, status, checkoutUrl, createdAt, paidAt } = purchase;
  return {
    ...common(purchase),
    status,
    checkout_url: status === 'open' ? checkoutUrl : null,
    account,
    kind,
    item,
    name,
    created_at: new Date(createdAt).toISOString(),
    paid_at: paidAt === null ? null : new Date(paidAt).toISOString(),
  };
}

/** What the purchase brings, as a buyer reads it. */
export function inWords({ kind, amount }: Pick<Purchase, 'kind' | 'amount'>): string {
  return kind === 'credits' ? `${inMoney(amount / MICRO_DOLLARS, 'USD')} of credits` : `${amount.toLocaleString('en-US')} tokens`;
}

/** A sum of money, as a buyer reads it. */
export function inMoney(value: number, currency: string): string {
  return value.toLocaleString('en-US', { style: 'currency', currency });
}

function common({ id, kind, amount, price, currency, provider, livemode, expiresAt }: Purchase) {
  return {
    purchase_id: id,
    amount: kind === 'credits' ? amount / MICRO_DOLLARS : amount,
    price: price / 100,
    currency,
    provider: provider as CheckoutDto['provider'],
    livemode: livemode === 1,
    expires_at: new Date(expiresAt).toISOString(),
  };
}
