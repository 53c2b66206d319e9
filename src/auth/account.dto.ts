import { IsOptional, IsString, MaxLength } from 'class-validator';

/** Names the account that a request works on. */
export class AccountField {
  /** The account, such as `user:42` or `org:7`. Only an administrator may name another than their own. */
  @IsOptional()
  @IsString()
  @MaxLength(205)
  account?: string;
}
