import { ApiProperty } from '@nestjs/swagger';
import { IsBoolean, IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';

/** What an administrator says of an account. */
export class MarkAccountDto {
  /**
   * `true`: nothing can be debited and no hold be opened until `false` ends it; `true` needs `reason`.
   * @example true
   */
  @IsOptional()
  @IsBoolean()
  frozen?: boolean;

  /**
   * Why it is frozen: 1–500 characters. Everybody who debits the account reads it.
   * @example "Chargebacks are being looked into."
   */
  @IsOptional()
  @IsText(1, 500)
  reason?: string;

  /**
   * For administrators alone: at most 2,000 characters; an empty text removes it.
   * @example "Called on 15 April; sends documents."
   */
  @IsOptional()
  @IsText(0, 2000)
  note?: string;
}

/** What administrators have said of an account. */
export class MarksDto {
  /** @example "user:42" */
  account: string;

  /**
   * Whether nothing can be debited and no hold be opened.
   * @example true
   */
  frozen: boolean;

  /** Why it is frozen; absent unless it is. */
  reason?: string;

  /** Absent: none. */
  note?: string;
}

/** The account in a path. */
export class AccountPath {
  /**
   * `user:<id>` or `org:<id>`, percent-encoded.
   * @example "user:42"
   */
  @ApiProperty()
  @IsText(1, 205)
  account: string;
}
