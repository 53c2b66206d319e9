import { IsOptional, IsString, MaxLength } from 'class-validator';

/** Names the account that a request works on. */
export class AccountField {
  /**
   * The account, `user:<id>` or `org:<id>`. Only an administrator may name another than their own.
   * @example "user:42"
   */
  @IsOptional()
  @IsString()
  @MaxLength(205)
  account?: string;
}
