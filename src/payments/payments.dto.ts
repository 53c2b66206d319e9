import { ApiProperty, IntersectionType, OmitType } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length, ValidateIf } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { fieldRule, PagingQuery } from '../common/http/index.js';
import { PURCHASE_STATUSES, type PurchaseKind, type PurchaseStatus } from './payments.entities.js';
import { SANDBOX_ACTIONS, type SandboxAction } from './sandbox.provider.js';
import { REFUND_REASONS, REFUND_STATUSES, type RefundReason, type RefundStatus } from './provider.js';

/** Which credits to buy. */
export class CreditPurchaseDto extends AccountField {
  /**
   * The id of a package of `GET /credits/packages`.
   * @example "pro"
   */
  @IsString()
  @Length(1, 100)
  package_id: string;
}

/** Which tokens to buy. */
export class TokenCheckoutDto extends AccountField {
  /**
   * The id of a plan of `GET /tokens/plans`.
   * @example "growth"
   */
  @IsString()
  @Length(1, 100)
  plan_id: string;
}

/** Which purchases to list, the newest first. */
export class PurchasesQuery extends IntersectionType(PagingQuery, AccountField) {
  /** Only purchases in this state. */
  @IsOptional()
  @IsIn(PURCHASE_STATUSES)
  status?: PurchaseStatus;
}

/** A purchase that has begun: send the buyer to `checkout_url`. */
export class CheckoutDto {
  /** @example "pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b" */
  purchase_id: string;

  /**
   * Where the buyer pays.
   * @example "https://checkout.stripe.com/c/pay/cs_test_a1b2c3"
   */
  checkout_url: string;

  /**
   * `open` until the payment is known; only `paid` has brought the credits or tokens.
   * @example "open"
   */
  status: PurchaseStatus;

  /**
   * What it brings: US dollars of credits, or a number of tokens.
   * @example 100
   */
  amount: number;

  /**
   * What it costs, in units of the currency with at most two decimals.
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
   * Until when the checkout can be paid.
   * @example "2026-04-16T09:30:00.000Z"
   */
  expires_at: string;
}

/** A purchase as it stands. */
export class PurchaseDto extends OmitType(CheckoutDto, ['checkout_url']) {
  /**
   * The account that it credits: `user:<id>` or `org:<id>`.
   * @example "user:42"
   */
  account: string;

  /** What is bought. */
  kind: PurchaseKind;

  /**
   * The id of the package or plan.
   * @example "pro"
   */
  item: string;

  /**
   * What the buyer reads.
   * @example "Pro package"
   */
  name: string;

  /** Where the buyer pays; null while there is no checkout, and once the purchase is not open any more. */
  checkout_url: string | null;

  /** @example "2026-04-15T10:29:00.000Z" */
  created_at: string;

  /** When its credits or tokens were granted; null before. */
  paid_at: string | null;

  /**
   * What was paid, with tax and after discounts; null before.
   * @example 90
   */
  paid: number | null;

  /**
   * What has been refunded of it.
   * @example 0
   */
  refunded: number;

  /**
   * What disputes have withdrawn of it.
   * @example 0
   */
  disputed: number;

  /**
   * The credits or tokens that refunds and disputes have taken back.
   * @example 0
   */
  reversed: number;

  /** The payment provider's receipt, when there is one. */
  receipt_url: string | null;
}

const IsPrice = fieldRule('isPrice', (value) =>
  typeof value === 'number' && value > 0 && value < 2 ** 33 && Math.round(value * 100) / 100 === value
    ? undefined
    : 'must be a number greater than 0 with at most two decimals',
);

/** Only what is absent may be left out: null would be no sum, and not all of it either. */
const isGiven = (_: unknown, value: unknown) => value !== undefined;

/** How much to refund. */
export class RefundPurchaseDto {
  /**
   * In units of the purchase's currency with at most two decimals; without it, all that remains.
   * @example 45
   */
  @ValidateIf(isGiven)
  @IsPrice()
  amount?: number;

  /**
   * What the payment provider is told.
   * @example "requested_by_customer"
   */
  @ValidateIf(isGiven)
  @IsIn(REFUND_REASONS)
  reason?: RefundReason;
}

/** A refund. The credits or tokens go out when the settlement has seen it, which is usually before this answer. */
export class RefundDto {
  /** @example "ref_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b" */
  refund_id: string;

  /** @example "pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b" */
  purchase_id: string;

  /**
   * In units of the currency.
   * @example 45
   */
  amount: number;

  /**
   * ISO 4217.
   * @example "USD"
   */
  currency: string;

  /** What the payment provider was told. */
  reason: RefundReason | null;

  /**
   * As the payment provider answered.
   * @example "succeeded"
   */
  @ApiProperty({ enum: REFUND_STATUSES })
  status: RefundStatus;

  /** @example "2026-04-16T09:30:00.000Z" */
  created_at: string;
}

/** The answer to a webhook: the event is stored, or of no interest. */
export class WebhookReceiptDto {
  /** @example true */
  received: boolean;
}

/** Which button of the sandbox's checkout was pressed. */
export class SandboxActionDto {
  @IsIn(SANDBOX_ACTIONS)
  action: SandboxAction;
}
