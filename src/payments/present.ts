import type { CheckoutDto, PurchaseDto } from './payments.dto.js';
import type { Purchase } from './payments.entities.js';

/** Credits are dollars outside and micro-dollars in a row. */
export const MICRO_DOLLARS = 1_000_000;

/** The answer to the request that began the purchase; a replay repeats it, whatever became of the purchase since. */
export function toCheckout({ id, checkoutUrl, checkoutTerms, ...purchase }: Purchase): CheckoutDto {
  // A session whose making was never heard of can be found when it has been paid and leads nowhere any more.
  return { purchase_id: id, checkout_url: checkoutUrl ?? checkoutTerms.successUrl, status: 'open', ...terms(purchase) };
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
    paid: purchase.paid === null ? null : purchase.paid / 100,
    refunded: purchase.refunded / 100,
    disputed: purchase.disputed / 100,
    reversed: units(purchase.kind, purchase.reversed),
    receipt_url: purchase.receiptUrl,
  };
}

function units(kind: Purchase['kind'], stored: number): number {
  return kind === 'credits' ? stored / MICRO_DOLLARS : stored;
}

/** What the purchase brings, as a buyer reads it. */
export function inWords({ kind, amount }: Pick<Purchase, 'kind'> & { readonly amount: number }): string {
  return kind === 'credits' ? `${inMoney(amount / MICRO_DOLLARS, 'USD')} of credits` : `${amount.toLocaleString('en-US')} tokens`;
}

/** A sum of money, as a buyer reads it; a credit can be as small as a micro-dollar. */
export function inMoney(value: number, currency: string): string {
  return value.toLocaleString('en-US', { style: 'currency', currency, maximumFractionDigits: 6 });
}

/** An amount of credits in whole cents, as a buyer reads it; less than a cent is left out, so that no more is promised than is there. */
export function inCents(credits: number): string {
  return inMoney(Math.floor(Math.round(credits * MICRO_DOLLARS) / 10_000) / 100, 'USD');
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
    amount: units(kind, amount),
    price: price / 100,
    currency,
    provider: provider as CheckoutDto['provider'],
    livemode: livemode === 1,
    expires_at: new Date(expiresAt).toISOString(),
  };
}
