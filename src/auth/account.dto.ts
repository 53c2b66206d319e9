import { IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';

/** The account that a request works on. */
export class AccountField {
  /** The account, such as `user:42` or `org:7`. Only an administrator may name another than their own. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;
}

/** `AccountField` for administrators' routes, where another account is the rule. */
export class OtherAccountField extends AccountField {
  /**
   * The account, such as `user:42` or `org:7`; by default the administrator's own.
   * @example "user:42"
   */
  @IsOptional()
  @IsText(1, 205)
  override account?: string;
}
