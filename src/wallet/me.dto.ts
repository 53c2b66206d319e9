import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { SCOPES, type Scope } from '../auth/index.js';

/** How many requests the caller may send. */
export class RequestLimitDto {
  /**
   * Requests per minute; 0: no limit.
   * @example 6000
   */
  @ApiProperty({ type: 'integer' })
  per_minute: number;
}

/** What this server offers. */
export class FeaturesDto {
  /**
   * Whether packages and plans can be bought.
   * @example true
   */
  payments: boolean;

  /**
   * Whether purchases are paid in the sandbox, where no real money moves.
   * @example true
   */
  sandbox: boolean;
}

/** The caller, as this server sees it. */
export class MeDto {
  /**
   * The name under which the caller acts on its own account.
   * @example "user:42"
   */
  actor: string;

  /**
   * The account that requests work on: `user:<id>` or `org:<id>`.
   * @example "user:42"
   */
  account: string;

  /**
   * `admin` may name every account.
   * @example "user"
   */
  role: 'admin' | 'user';

  /** The role in the organization; absent without one. */
  @ApiPropertyOptional({ enum: ['owner', 'admin', 'billing', 'member'] })
  org_role?: string;

  /**
   * What the caller may do.
   * @example ["credits:read", "credits:spend"]
   */
  @ApiProperty({ enum: SCOPES, isArray: true })
  scopes: Scope[];

  /**
   * Whether an administrator has stopped all spending of the account.
   * @example false
   */
  frozen: boolean;

  rate_limit: RequestLimitDto;

  features: FeaturesDto;
}
