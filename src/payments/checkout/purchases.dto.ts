import { ApiProperty, IntersectionType, OmitType } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { AccountField } from '../../auth/index.js';
import { FormatField, PagingQuery } from '../../common/http/index.js';
import { PeriodQuery } from '../../wallet/index.js';
import { REFUND_STATUSES, type RefundStatus } from '../provider/index.js';
import { CheckoutDto } from './checkout.dto.js';
import { PURCHASE_STATUSES, type PurchaseKind, type PurchaseStatus } from './purchase.entity.js';

/** Selects the purchases to list, the newest first. */
export class PurchasesQuery extends IntersectionType(PagingQuery, AccountField) {
  /** Only purchases in this state. */
  @IsOptional()
  @IsIn(PURCHASE_STATUSES)
  status?: PurchaseStatus;
}

/** Selects the purchases to export, by the time when they began. */
export class PurchasesExportQuery extends IntersectionType(
  OmitType(PurchasesQuery, ['limit', 'offset']),
  IntersectionType(PeriodQuery, FormatField),
) {}

/** A refund of a purchase, as the payment provider has it. */
export class PurchaseRefundDto {
  /**
   * The id of the answer to the request that made it; the provider's own id where it was made there.
   * @example "ref_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b"
   */
  refund_id: string;

  /**
   * In units of the currency.
   * @example 45
   */
  amount: number;

  /** @example "succeeded" */
  @ApiProperty({ enum: REFUND_STATUSES })
  status: RefundStatus;
}

/** A purchase in its current state. */
export class PurchaseDto extends OmitType(CheckoutDto, ['checkout_url']) {
  /**
   * The account that gets the credits or tokens: `user:<id>` or `org:<id>`.
   * @example "user:42"
   */
  account: string;

  /** The kind of goods. */
  kind: PurchaseKind;

  /**
   * The id of the package or plan.
   * @example "pro"
   */
  item: string;

  /**
   * The name that the buyer reads.
   * @example "Pro package"
   */
  name: string;

  /** The page where the buyer pays; null before there is a checkout, and after the purchase has left `open`. */
  checkout_url: string | null;

  /** @example "2026-04-15T10:29:00.000Z" */
  created_at: string;

  /** When its credits or tokens were granted; null before. */
  paid_at: string | null;

  /**
   * The sum paid, with tax and after discounts; null before the payment.
   * @example 90
   */
  paid: number | null;

  /** How much of the payment was given back; a refund that failed does not count. */
  refund_status: 'none' | 'partial' | 'full';

  /**
   * The sum refunded.
   * @example 0
   */
  refunded_amount: number;

  /**
   * The sum that disputes have withdrawn.
   * @example 0
   */
  disputed: number;

  /**
   * The credits or tokens that refunds and disputes have taken back, of the amount and of the bonus.
   * @example 0
   */
  reversed: number;

  /** The payment provider's receipt; null when there is none. */
  receipt_url: string | null;

  /** The refunds that the payment provider has, also those that were made there. */
  refunds: PurchaseRefundDto[];
}
