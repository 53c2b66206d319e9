import { IntersectionType, OmitType } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { AccountField } from '../../auth/index.js';
import { PagingQuery } from '../../common/http/index.js';
import { CheckoutDto } from './checkout.dto.js';
import { PURCHASE_STATUSES, type PurchaseKind, type PurchaseStatus } from './purchase.entity.js';

/** Which purchases to list, the newest first. */
export class PurchasesQuery extends IntersectionType(PagingQuery, AccountField) {
  /** Only purchases in this state. */
  @IsOptional()
  @IsIn(PURCHASE_STATUSES)
  status?: PurchaseStatus;
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
   * The credits or tokens that refunds and disputes have taken back, of the amount and of the bonus.
   * @example 0
   */
  reversed: number;

  /** The payment provider's receipt, when there is one. */
  receipt_url: string | null;
}
