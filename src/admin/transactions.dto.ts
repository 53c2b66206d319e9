import { ApiProperty, IntersectionType } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';
import type { EntryType, Unit } from '../ledger/index.js';
import { PeriodQuery, TransactionDto } from '../wallet/index.js';
import { CursorQuery } from './cursor.dto.js';

const TYPES = [
  'deposit',
  'debit',
  'purchase',
  'grant',
  'consume',
  'refund',
  'expire',
  'void',
  'reversal',
] as const satisfies readonly EntryType[];

/** Which transactions to list, of all accounts unless one is named. */
export class AdminTransactionsQuery extends IntersectionType(CursorQuery, PeriodQuery) {
  /** Only what this actor did: `user:<sub>`, `admin:<sub>` or `system`. */
  @IsOptional()
  @IsText(1, 210)
  actor?: string;

  /** Only transactions of this type. */
  @IsOptional()
  @IsIn(TYPES)
  type?: EntryType;

  /** Only what the request with this trace id made. */
  @IsOptional()
  @IsText(1, 32)
  trace_id?: string;

  /** Only what was made under this idempotency key, as the client sent it. */
  @IsOptional()
  @IsText(1, 255)
  idempotency_key?: string;
}

/** A transaction of any account. Its id counts within its account and unit. */
export class AdminTransactionDto extends TransactionDto {
  /** @example "USD" */
  @ApiProperty({ enum: ['USD', 'tokens'] })
  unit: Unit;
}
