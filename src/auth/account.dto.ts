import { IsOptional } from 'class-validator';
import { IsText } from '../common/http/index.js';

/** Names the account that a request works on. */
export class AccountField {
  /** The account, such as `user:42` or `org:7`. Only an administrator may name another than their own. */
  @IsOptional()
  @IsText(1, 205)
  account?: string;
}
