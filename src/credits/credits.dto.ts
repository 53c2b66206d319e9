import { IntersectionType, OmitType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsNumber, IsObject, IsOptional, Matches, ValidateNested } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { BonusTerms, ExpiryTerms } from '../common/config/index.js';
import { IsKey, IsListOf, IsMetadata, IsText } from '../common/http/index.js';
import {
  BalanceDto,
  CaptureTerms,
  ChargeFields,
  DepositTerms,
  HistoryQuery,
  HoldTerms,
  IsDollars,
  SpendingFields,
  SummaryDto,
  TransactionDto,
  TransactionsExportQuery,
  UnlessUsage,
} from '../wallet/index.js';

const TYPES = ['deposit', 'debit', 'refund', 'expire', 'void', 'reversal'] as const;
type CreditType = (typeof TYPES)[number];

/** A deposit of credits. */
export class DepositDto extends DepositTerms {
  /**
   * US dollars, more than 0, at most six decimals.
   * @example 50.00
   */
  @IsDollars()
  amount: number;

  /**
   * The purpose: 1–500 characters.
   * @example "Manual top-up"
   */
  @IsText(1, 500)
  description: string;
}

/** A debit of credits for a usage event. */
export class DebitDto extends IntersectionType(SpendingFields, ChargeFields) {
  /**
   * US dollars, more than 0, at most six decimals; absent where `usage` stands in its place.
   * @example 1.25
   */
  @UnlessUsage()
  @IsDollars()
  amount?: number;

  /**
   * The purpose: 1–500 characters.
   * @example "Agent run #4521"
   */
  @IsText(1, 500)
  description: string;

  /**
   * At most 50 keys (1–40 characters) with strings (up to 500 characters), numbers or booleans.
   * @example { "agent": "researcher", "run": 4521 }
   */
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string | number | boolean>;
}

/** One debit of a batch. */
export class DebitItemDto extends DebitDto {
  /**
   * The item's idempotency key, of the same scope as the header of a single debit: 1–255 visible ASCII characters.
   * @example "run-4521-step-7"
   */
  @IsOptional()
  @IsKey()
  idempotency_key?: string;
}

/** A batch of debits. */
export class DebitBatchDto extends AccountField {
  /**
   * 1–1,000 debits, executed in order. An item without `account` works on the batch's account.
   * @example [{ "amount": 1.25, "description": "Search" }, { "amount": 0.5, "description": "Edit", "agent": "writer" }]
   */
  @IsListOf(1, 1000, () => DebitItemDto)
  items: DebitItemDto[];

  /**
   * `independent`: each item is posted or rejected by itself; `atomic`: all or none.
   * @example "independent"
   */
  @IsIn(['independent', 'atomic'])
  mode: 'independent' | 'atomic';
}

/** A hold to open. */
export class OpenHoldDto extends IntersectionType(HoldTerms, ChargeFields) {
  /**
   * US dollars, more than 0, at most six decimals; absent where `usage` or `quote_id` stands in its place.
   * @example 5
   */
  @UnlessUsage()
  @IsDollars()
  amount?: number;
}

/** A capture from a hold. */
export class CaptureDto extends IntersectionType(CaptureTerms, ChargeFields) {
  /**
   * US dollars, more than 0, at most the remainder of the hold; absent where `usage` stands in its place.
   * @example 1.25
   */
  @UnlessUsage()
  @IsDollars()
  amount?: number;
}

/** Selects the credit transactions to list. */
export class CreditHistoryQuery extends HistoryQuery {
  /** Only transactions of this type. */
  @IsOptional()
  @IsIn(TYPES)
  type?: CreditType;
}

/** Selects the credit transactions to export. */
export class CreditExportQuery extends IntersectionType(
  TransactionsExportQuery,
  PickType(CreditHistoryQuery, ['type']),
) {}

/** A balance of credits; available = balance − held. */
export class CreditBalanceDto extends BalanceDto {
  /**
   * US dollars. Below zero only after a refund or dispute took back credits that were already spent.
   * @example 142.5
   */
  override balance: number;

  /**
   * The part that can be spent now.
   * @example 140
   */
  override available: number;

  /**
   * The part that open holds keep back.
   * @example 2.5
   */
  override held: number;

  currency: 'USD';
}

/** A movement of credits, in US dollars. */
export class CreditTransactionDto extends OmitType(TransactionDto, ['type']) {
  /**
   * `deposit` also stands for a purchase.
   * @example "debit"
   */
  type: CreditType;

  /** @example -1.25 */
  override amount: number;

  /** @example 241.25 */
  override balance_after: number;

  /** @example "Agent run #4521" */
  override description: string | null;
}

/** A summary of an account's credits in a period, in US dollars. */
export class CreditSummaryDto extends SummaryDto {
  currency: 'USD';
}

/** Credits that a package brings on top, as a grant of their own. */
export class PackageBonusDto extends BonusTerms {
  /**
   * US dollars, more than 0, at most six decimals.
   * @example 10
   */
  @IsDollars()
  amount: number;
}

/** A package of credits that can be bought. */
export class PackageDto extends ExpiryTerms {
  /**
   * The package's id, which a purchase names.
   * @example "pro"
   */
  @Matches(/^[a-z0-9][a-z0-9_-]{0,39}$/)
  id: string;

  /**
   * The name in the customer's history and at the checkout.
   * @example "Pro"
   */
  @IsText(1, 100)
  name: string;

  /**
   * What a buyer should know of it: 1–500 characters.
   * @example "For teams that run agents every day."
   */
  @IsOptional()
  @IsText(1, 500)
  description?: string;

  /**
   * The credits that a purchase brings, in US dollars.
   * @example 100
   */
  @IsDollars()
  amount: number;

  /**
   * The price, in US dollars and whole cents.
   * @example 90
   */
  @IsNumber({ maxDecimalPlaces: 2 })
  @IsDollars()
  price: number;

  @IsIn(['USD'])
  currency: 'USD';

  /** What it brings on top; absent without one. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => PackageBonusDto)
  bonus?: PackageBonusDto;
}

/** How much of a transaction an administrator reverses, and why. */
export class ReverseCreditsDto {
  /**
   * The account of the transaction: ids count within it.
   * @example "user:42"
   */
  @IsText(1, 205)
  account: string;

  /**
   * US dollars, at most six decimals, more than 0; without it, all that is left.
   * @example 1.25
   */
  @IsOptional()
  @IsDollars()
  amount?: number;

  /**
   * 1–500 characters. It becomes the description of the transaction.
   * @example "Charged twice for run #4521"
   */
  @IsText(1, 500)
  reason: string;
}
