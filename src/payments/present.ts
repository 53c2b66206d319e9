import type { CheckoutDto, PurchaseDto } from './payments.dto.js';
import type { Purchase } from './payments.entities.js';

/** Credits are dollars outside and micro-dollars in a row. */
export const MICRO_DOLLARS = 1_000_000;

/** The answer to the request that began the purchase; a replay repeats it, whatever became of the purchase since. */
export function toCheckout({ id, checkoutUrl, ...purchase }: Purchase): CheckoutDto {
  // The URL is written together with the session, which the purchase has by now.
  return { purchase_id: id, checkout_url: checkoutUrl as string, status: 'open', ...terms(purchase) };
}

/** A purchase as it stands. */
export function toPurchase({ id, account, item, name, status, checkoutUrl, createdAt, paidAt, ...purchase }: Purchase): PurchaseDto {
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
  };
}

/** What the purchase brings, as a buyer reads it. */
export function inWords({ kind, amount }: Pick<Purchase, 'kind' | 'amount'>): string {
  return kind === 'credits' ? `${inMoney(amount / MICRO_DOLLARS, 'USD')} of credits` : `${amount.toLocaleString('en-US')} tokens`;
}

/** A sum of money, as a buyer reads it; a credit can be as small as a micro-dollar. */
export function inMoney(value: number, currency: string): string {
  return value.toLocaleString('en-US', { style: 'currency', currency, maximumFractionDigits: 6 });
}

function terms({
  kind,
  amount,
  price,
  currency,
  provider,
  livemode,
  expiresAt,
}: Pick<Purchase, 'kind' | 'amount' | 'price' | 'currency' | 'provider' | 'livemode' | 'expiresAt'>) {
  return {
    amount: kind === 'credits' ? amount / MICRO_DOLLARS : amount,
    price: price / 100,
    currency,
    provider: provider as CheckoutDto['provider'],
    livemode: livemode === 1,
    expires_at: new Date(expiresAt).toISOString(),
  };
}
