import type { Config } from '../../common/config/index.js';
import type { CheckoutTerms } from '../provider/index.js';
import { inWords, type Item } from './goods.js';
import type { Returns } from './returns.js';
import type { Purchase } from './purchase.entity.js';

/** Stripe allows at most 24 hours from the moment when it makes the session, which a retry can delay. */
const LIFETIME_MS = 23 * 3_600_000;

/** The terms of a purchase's new attempt. */
export function termsOf(
  purchase: Item & Returns & Pick<Purchase, 'id' | 'kind' | 'returnToken'>,
  config: Config,
): CheckoutTerms {
  const { checkoutSuccessUrl, checkoutCancelUrl, payments, publicUrl } = config;
  const { id, name, returnToken, successUrl, cancelUrl } = purchase;
  return {
    name,
    description: inWords(purchase),
    successUrl:
      successUrl ??
      (checkoutSuccessUrl
        ? withPurchase(checkoutSuccessUrl, id)
        : `${publicUrl}/checkout/return/${id}?token=${returnToken}`),
    cancelUrl:
      cancelUrl ?? (checkoutCancelUrl ? withPurchase(checkoutCancelUrl, id) : `${publicUrl}/checkout/cancel/${id}`),
    automaticTax: payments.automaticTax,
    promotionCodes: payments.promotionCodes,
  };
}

/** The end of the time to pay for an attempt that begins now; a whole second. */
export function expiryFrom(now: number): number {
  return Math.floor((now + LIFETIME_MS) / 1000) * 1000;
}

/** The operator's page, with the purchase's id in its query. */
function withPurchase(url: string, id: string): string {
  const [address, fragment] = url.split('#', 2);
  return `${address}${address?.includes('?') ? '&' : '?'}purchase_id=${id}${fragment === undefined ? '' : `#${fragment}`}`;
}
