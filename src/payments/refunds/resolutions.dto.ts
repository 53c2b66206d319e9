import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, ValidateIf } from 'class-validator';
import { fieldRule, IsText } from '../../common/http/index.js';
import { type Purchase, PurchaseDto, type Resolution, RESOLUTIONS, toPurchase } from '../checkout/index.js';

/** A sum of money in units of its currency. */
const IsPaid = fieldRule(
  'isPaid',
  (value) =>
    typeof value === 'number' && value >= 0 && value < 2 ** 33 && Math.round(value * 100) / 100 === value
      ? undefined
      : 'must be a number of at least 0 with at most two decimals',
  { type: 'number', minimum: 0, maximum: 2 ** 33 - 0.01 },
);

/** How an administrator ends the review of a purchase. */
export class ResolvePurchaseDto {
  /**
   * `grant`: what was bought is granted as promised. `refund`: the rest of the payment is given back, and nothing is
   * granted. `dismiss`: nothing is granted and nothing given back. After the last two the purchase is `canceled`.
   * @example "grant"
   */
  @IsIn(RESOLUTIONS)
  decision: Resolution;

  /**
   * Why: 1–500 characters, for the audit.
   * @example "The buyer paid the old price; agreed on the phone."
   */
  @IsText(1, 500)
  note: string;

  /**
   * With `grant`, where what was paid is not the price: the sum that you have seen, in units of the currency with at
   * most two decimals. It must be what was paid.
   * @example 80
   */
  @ValidateIf((_: unknown, value: unknown) => value !== undefined)
  @IsPaid()
  paid?: number;
}

/** A purchase as administrators see it. */
export class AdminPurchaseDto extends PurchaseDto {
  /**
   * Who began it.
   * @example "user:42"
   */
  actor: string;

  /**
   * Why a person has to look at it; absent: nobody has to.
   * @example "The checkout session cs_test_a1b2c3 has another amount than the purchase."
   */
  review_reason?: string;

  /** How its review ended; absent: it had none, or has not ended. */
  @ApiPropertyOptional({ enum: RESOLUTIONS })
  resolution?: Resolution;

  /**
   * The payment provider's id of the checkout session; absent before there is one.
   * @example "cs_test_a1b2c3"
   */
  session_id?: string;

  /**
   * The payment provider's id of the payment; absent before there is one.
   * @example "pi_3a1b2c3"
   */
  payment_intent?: string;
}

/** A purchase as administrators see it. */
export function toAdminPurchase(purchase: Purchase): AdminPurchaseDto {
  const { actor, reviewReason, resolution, sessionId, paymentIntent } = purchase;
  return {
    ...toPurchase(purchase),
    actor,
    ...(reviewReason !== null && { review_reason: reviewReason }),
    ...(resolution !== null && { resolution }),
    ...(sessionId !== null && { session_id: sessionId }),
    ...(paymentIntent !== null && { payment_intent: paymentIntent }),
  };
}
