import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsNumber, IsOptional } from 'class-validator';
import { type ExactNumber, IsText } from '../common/http/index.js';
import type { AccountOrder, Unit } from '../ledger/index.js';
import { PurchaseDto } from '../payments/index.js';
import { BalanceGrantDto, HoldDto, TransactionDto } from '../wallet/index.js';
import { CursorQuery } from './cursor.dto.js';

const SORTS = ['balance', 'spent_30d', 'last_activity', 'created'] as const;

/** Reads a query's text as a boolean. */
const toBoolean = ({ value }: { value: unknown }): unknown =>
  value === 'true' ? true : value === 'false' ? false : value;

/** Reads a query's text as a number with a sign and at most six decimals. */
const toSigned = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? (/^-?\d{1,16}(\.\d{1,6})?$/.test(value) ? Number(value) : NaN) : value;

/** No account holds or owes more, in dollars or tokens. */
const BALANCE_LIMITS = {
  type: 'number',
  minimum: -9_007_199_254_740_991,
  maximum: 9_007_199_254_740_991,
  required: false,
} as const;
const BALANCE = { message: '$property must be a number with at most six decimals' };

/** Which accounts to list. */
export class AccountsQuery extends CursorQuery {
  /** Only accounts whose name begins like this, such as `user:ali`; upper and lower case differ. */
  @IsOptional()
  @IsText(1, 205)
  q?: string;

  /** The unit: every owner has an account in each. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(['USD', 'tokens'])
  unit: Unit = 'USD';

  /** The order; the largest and the newest come first. */
  @ApiPropertyOptional()
  @IsOptional()
  @IsIn(SORTS)
  sort: AccountOrder = 'balance';

  /** `true`: only accounts with a debt; `false`: only those without. */
  @IsOptional()
  @Transform(toBoolean)
  @IsBoolean()
  in_debt?: boolean;

  /** Only balances from this one on; a debt is below zero. */
  @ApiProperty(BALANCE_LIMITS)
  @IsOptional()
  @Transform(toSigned)
  @IsNumber({ allowNaN: false }, BALANCE)
  min_balance?: number;

  /** Only balances up to this one. */
  @ApiProperty(BALANCE_LIMITS)
  @IsOptional()
  @Transform(toSigned)
  @IsNumber({ allowNaN: false }, BALANCE)
  max_balance?: number;
}

/** An account in one unit. Amounts are in the unit: dollars with up to six decimals, or whole tokens. */
export class AdminAccountDto {
  /** @example "user:42" */
  account: string;

  /** @example "USD" */
  @ApiProperty({ enum: ['USD', 'tokens'] })
  unit: Unit;

  /** @example 142.5 */
  balance: number;

  /**
   * balance − held.
   * @example 137.5
   */
  available: number;

  /**
   * Kept by open holds.
   * @example 5
   */
  held: number;

  /**
   * What refunds and disputes took back beyond what was there.
   * @example 0
   */
  debt: number;

  /**
   * Spent in the last 30 days of UTC, today included. What was reversed of it still counts.
   * @example 57.5
   */
  @ApiProperty({ type: 'number' })
  spent_30d: ExactNumber;

  /**
   * When the last transaction was made.
   * @example "2026-04-15T11:00:00.000Z"
   */
  @ApiProperty({ format: 'date-time' })
  last_activity: string;

  /**
   * When the first transaction was made.
   * @example "2026-03-01T09:00:00.000Z"
   */
  @ApiProperty({ format: 'date-time' })
  created_at: string;

  /**
   * Whether the account is frozen: it debits nothing and opens no hold.
   * @example false
   */
  frozen: boolean;

  /**
   * What an administrator noted of the account.
   * @example "Pays by invoice."
   */
  note?: string;
}

/** An account in one unit, with what is open and what happened last. */
export class AdminAccountInUnitDto extends AdminAccountDto {
  /** The open holds, the newest first, at most 200. */
  open_holds: HoldDto[];

  /** The grants of which something is left, the newest first, at most 200. */
  active_grants: BalanceGrantDto[];

  /** The last ten transactions, the newest first. */
  transactions: TransactionDto[];
}

/** All that support looks at first. */
export class AdminAccountWholeDto {
  /** @example "user:42" */
  account: string;

  /**
   * Whether the account is frozen: it debits nothing and opens no hold.
   * @example false
   */
  frozen: boolean;

  /**
   * What an administrator noted of the account.
   * @example "Pays by invoice."
   */
  note?: string;

  /** Its credits; absent when they have never moved. */
  credits?: AdminAccountInUnitDto;

  /** Its tokens; absent when they have never moved. */
  tokens?: AdminAccountInUnitDto;

  /** Its spending limits. */
  @ApiProperty({ type: 'array', items: { type: 'object' }, example: [] })
  limits: object[];

  /** Its API keys. */
  @ApiProperty({ type: 'array', items: { type: 'object' }, example: [] })
  keys: object[];

  /** Its purchases, the newest first, at most 50. */
  purchases: PurchaseDto[];
}
