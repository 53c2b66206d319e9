import { IntersectionType, OmitType, PickType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsNumber, IsObject, IsOptional, Matches, ValidateNested } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { BonusTerms, ExpiryTerms } from '../common/config/index.js';
import { IsKey, IsListOf, IsMetadata, IsText } from '../common/http/index.js';
import {
  BalanceDto,
  CaptureTerms,
  CountFields,
  DepositTerms,
  HistoryQuery,
  HoldTerms,
  IsDollars,
  IsTokens,
  SpendingFields,
  SummaryDto,
  TransactionDto,
  TransactionsExportQuery,
  UnlessUsage,
} from '../wallet/index.js';

const TYPES = ['purchase', 'grant', 'consume', 'refund', 'expire', 'void', 'reversal'] as const;
type TokenType = (typeof TYPES)[number];

/** A grant of tokens. */
export class GrantDto extends DepositTerms {
  /**
   * Tokens, a whole number from 1.
   * @example 50000
   */
  @IsTokens()
  amount: number;

  /**
   * The purpose: 1–500 characters.
   * @example "Welcome tokens"
   */
  @IsText(1, 500)
  description: string;
}

/** Tokens that a language model has used. */
export class ConsumeDto extends IntersectionType(SpendingFields, CountFields) {
  /**
   * Tokens, a whole number from 1; absent where `usage` stands in its place.
   * @example 1250
   */
  @UnlessUsage()
  @IsTokens()
  amount?: number;

  /**
   * The purpose: 1–500 characters.
   * @example "Agent run #4521"
   */
  @IsOptional()
  @IsText(1, 500)
  description?: string;

  /**
   * At most 50 keys (1–40 characters) with strings (up to 500 characters), numbers or booleans.
   * @example { "agent": "researcher", "run": 4521 }
   */
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string | number | boolean>;
}

/** One consumption of a batch. */
export class ConsumeItemDto extends ConsumeDto {
  /**
   * The item's idempotency key, of the same scope as the header of a single consumption: 1–255 visible ASCII
   * characters.
   * @example "run-4521-step-7"
   */
  @IsOptional()
  @IsKey()
  idempotency_key?: string;
}

/** A batch of consumptions. */
export class ConsumeBatchDto extends AccountField {
  /**
   * 1–1,000 consumptions, executed in order. An item without `account` works on the batch's account.
   * @example [{ "amount": 1250, "model": "large-2026-10" }, { "amount": 300, "idempotency_key": "run-4522" }]
   */
  @IsListOf(1, 1000, () => ConsumeItemDto)
  items: ConsumeItemDto[];

  /**
   * `independent`: each item is posted or rejected by itself; `atomic`: all or none.
   * @example "independent"
   */
  @IsIn(['independent', 'atomic'])
  mode: 'independent' | 'atomic';
}

/** A hold to open. */
export class OpenTokenHoldDto extends IntersectionType(HoldTerms, CountFields) {
  /**
   * Tokens, a whole number from 1; absent where `usage` stands in its place.
   * @example 5000
   */
  @UnlessUsage()
  @IsTokens()
  amount?: number;
}

/** A capture from a hold. */
export class CaptureTokensDto extends IntersectionType(CaptureTerms, CountFields) {
  /**
   * Tokens, a whole number from 1, at most the remainder of the hold; absent where `usage` stands in its place.
   * @example 1250
   */
  @UnlessUsage()
  @IsTokens()
  amount?: number;
}

/** Selects the token transactions to list. */
export class TokenHistoryQuery extends HistoryQuery {
  /** Only transactions of this type. */
  @IsOptional()
  @IsIn(TYPES)
  type?: TokenType;
}

/** Selects the token transactions to export. */
export class TokenExportQuery extends IntersectionType(
  TransactionsExportQuery,
  PickType(TokenHistoryQuery, ['type']),
) {}

/** A balance of tokens; available = balance − held. */
export class TokenBalanceDto extends BalanceDto {
  /**
   * Whole tokens. Below zero only after a refund or dispute took back tokens that were already used.
   * @example 1048750
   */
  override balance: number;

  /**
   * The part that can be used now.
   * @example 1048750
   */
  override available: number;

  /**
   * The part that open holds keep back.
   * @example 0
   */
  override held: number;

  unit: 'tokens';
}

/** A movement of tokens, in whole tokens. */
export class TokenTransactionDto extends OmitType(TransactionDto, ['type']) {
  /** @example "consume" */
  type: TokenType;

  /** @example -1250 */
  override amount: number;

  /** @example 1048750 */
  override balance_after: number;

  /** @example "Agent run #4521" */
  override description: string | null;
}

/** A summary of an account's tokens in a period. Grants and purchases count as deposited, consumption as debited. */
export class TokenSummaryDto extends SummaryDto {
  unit: 'tokens';
}

/** Tokens that a plan brings on top, as a grant of their own. */
export class PlanBonusDto extends BonusTerms {
  /**
   * Tokens, a whole number from 1.
   * @example 50000
   */
  @IsTokens()
  amount: number;
}

/** A plan of tokens that can be bought. */
export class PlanDto extends ExpiryTerms {
  /**
   * The plan's id, which a checkout names.
   * @example "growth"
   */
  @Matches(/^[a-z0-9][a-z0-9_-]{0,39}$/)
  id: string;

  /**
   * The name in the customer's history and at the checkout.
   * @example "Growth"
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
   * The tokens that a purchase brings.
   * @example 10000000
   */
  @IsTokens()
  tokens: number;

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
  @Type(() => PlanBonusDto)
  bonus?: PlanBonusDto;
}

/** How much of a transaction an administrator reverses, and why. */
export class ReverseTokensDto {
  /**
   * The account of the transaction: ids count within it.
   * @example "user:42"
   */
  @IsText(1, 205)
  account: string;

  /**
   * Tokens, a whole number, more than 0; without it, all that is left.
   * @example 1250
   */
  @IsOptional()
  @IsTokens()
  amount?: number;

  /**
   * 1–500 characters. It becomes the description of the transaction.
   * @example "Charged twice for run #4521"
   */
  @IsText(1, 500)
  reason: string;
}
