import { IsIn, IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';
import { PURCHASE_STATUSES, type PurchaseStatus } from '../payments/index.js';
import { CursorQuery } from './cursor.dto.js';

/** Which purchases to list. */
export class AdminPurchasesQuery extends CursorQuery {
  /** Only purchases in this state. */
  @IsOptional()
  @IsIn(PURCHASE_STATUSES)
  status?: PurchaseStatus;

  /** Only purchases for this account. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;

  /** Only the purchase with this checkout session or this payment: the payment provider's id. */
  @IsOptional()
  @IsText(1, 255)
  provider_reference?: string;
}
