import { ApiProperty } from '@nestjs/swagger';
import { IsIn, ValidateIf } from 'class-validator';
import { fieldRule } from '../../common/http/index.js';
import { REFUND_REASONS, REFUND_STATUSES, type RefundReason, type RefundStatus } from '../provider/index.js';

const IsPrice = fieldRule(
  'isPrice',
  (value) =>
    typeof value === 'number' && value > 0 && value < 2 ** 33 && Math.round(value * 100) / 100 === value
      ? undefined
      : 'must be a number greater than 0 with at most two decimals',
  { minimum: 0.01, maximum: 2 ** 33 - 0.01 },
);

/** Only an absent field is optional: null is neither a sum nor the whole sum. */
const isGiven = (_: unknown, value: unknown) => value !== undefined;

/** The refund to make. */
export class RefundPurchaseDto {
  /**
   * In units of the purchase's currency with at most two decimals. Without it, the whole remaining sum.
   * @example 45
   */
  @ValidateIf(isGiven)
  @IsPrice()
  amount?: number;

  /**
   * The reason that the payment provider gets.
   * @example "requested_by_customer"
   */
  @ValidateIf(isGiven)
  @IsIn(REFUND_REASONS)
  reason?: RefundReason;
}

/** A refund. Settlement takes the credits or tokens back, usually before this answer. */
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

  /** The reason that the payment provider got. */
  reason: RefundReason | null;

  /**
   * The payment provider's answer.
   * @example "succeeded"
   */
  @ApiProperty({ enum: REFUND_STATUSES })
  status: RefundStatus;

  /** @example "2026-04-16T09:30:00.000Z" */
  created_at: string;
}
