import { IntersectionType } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { IsText } from '../common/http/index.js';

const RULE = { message: '$property must be 1 to 100 characters of A-Z a-z 0-9 . _ : / @ -' };

/** What an amount is spent for. */
export class DimensionFields {
  /**
   * The agent that spends it: 1–100 characters of `A-Z a-z 0-9 . _ : / @ -`.
   * @example "researcher"
   */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._:/@-]{1,100}$/, RULE)
  agent?: string;

  /**
   * The run that it belongs to: 1–100 characters of `A-Z a-z 0-9 . _ : / @ -`.
   * @example "run-4521"
   */
  @IsOptional()
  @Matches(/^[A-Za-z0-9._:/@-]{1,100}$/, RULE)
  run_id?: string;

  /**
   * The language model whose usage it is: 1–100 characters.
   * @example "large-2026-10"
   */
  @IsOptional()
  @IsText(1, 100)
  model?: string;
}

/** An account, and what an amount of it is spent for. */
export class SpendingFields extends IntersectionType(AccountField, DimensionFields) {}
