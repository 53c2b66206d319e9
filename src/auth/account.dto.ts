import { IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';

/** Names the account that a request works on. */
export class AccountField {
  /** The account, such as `user:42` or `org:7`. Only an administrator may name another than their own. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;
}

/** As `AccountField`, where only administrators come, who usually name another account than their own. */
export class OtherAccountField extends AccountField {
  /**
   * The account, such as `user:42` or `org:7`; without it, the administrator's own.
   * @example "user:42"
   */
  @IsOptional()
  @IsText(1, 205)
  override account?: string;
}
