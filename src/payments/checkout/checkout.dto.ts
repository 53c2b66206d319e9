import { IsOptional, IsString, Length } from 'class-validator';
import { AccountField } from '../../auth/index.js';
import { BonusTerms, ExpiryTerms } from '../../common/config/index.js';
import { IsText } from '../../common/http/index.js';
import type { PurchaseStatus } from './purchase.entity.js';

/** Where the buyer goes after the checkout. */
class ReturnFields extends AccountField {
  /**
   * Where the buyer goes after the payment: an absolute http(s) address of this server or of an origin in the server's
   * `CHECKOUT_RETURN_ORIGINS`, at most 2,000 characters; in production https. Without it, the server's own page.
   */
  @IsOptional()
  @IsText(1, 2000)
  success_url?: string;

  /** Where a buyer goes who leaves the checkout, with the same rules as `success_url`. */
  @IsOptional()
  @IsText(1, 2000)
  cancel_url?: string;
}

/** The credits to buy. */
export class CreditPurchaseDto extends ReturnFields {
  /**
   * The id of a package of `GET /credits/packages`.
   * @example "pro"
   */
  @IsString()
  @Length(1, 100)
  package_id: string;
}

/** The tokens to buy. */
export class TokenCheckoutDto extends ReturnFields {
  /**
   * The id of a plan of `GET /tokens/plans`.
   * @example "growth"
   */
  @IsString()
  @Length(1, 100)
  plan_id: string;
}

/** What a purchase brings on top of its amount, as a grant of its own. */
export class PurchaseBonusDto extends BonusTerms {
  /**
   * US dollars of credits, or a number of tokens.
   * @example 10
   */
  amount: number;
}

/** A purchase that has begun: send the buyer to `checkout_url`. */
export class CheckoutDto extends ExpiryTerms {
  /** @example "pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b" */
  purchase_id: string;

  /**
   * The page where the buyer pays.
   * @example "https://checkout.stripe.com/c/pay/cs_test_a1b2c3"
   */
  checkout_url: string;

  /**
   * `open` until the outcome of the payment is known. Only `paid` has brought the credits or tokens.
   * @example "open"
   */
  status: PurchaseStatus;

  /**
   * The goods without the bonus: US dollars of credits, or a number of tokens.
   * @example 100
   */
  amount: number;

  /** What it brings on top; absent without one. */
  bonus?: PurchaseBonusDto;

  /**
   * The price, in units of the currency with at most two decimals.
   * @example 90
   */
  price: number;

  /**
   * ISO 4217.
   * @example "USD"
   */
  currency: string;

  /** `sandbox` is this server's own checkout, where no real money moves. */
  provider: 'stripe' | 'sandbox';

  /**
   * Whether real money moves.
   * @example false
   */
  livemode: boolean;

  /**
   * The end of the time to pay.
   * @example "2026-04-16T09:30:00.000Z"
   */
  expires_at: string;
}
