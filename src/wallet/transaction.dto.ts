import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { GrantPartDto } from './grant.dto.js';
import { PricingDto, UsedDto } from './usage.dto.js';
import { DimensionFields } from './dimensions.dto.js';

/**
 * One movement of a balance. Amounts are in the unit of the ledger: dollars with up to six decimals for credits, whole
 * numbers for tokens.
 */
export class TransactionDto extends DimensionFields {
  /**
   * Counts 1, 2, 3 … within the account, without a gap.
   * @example 2
   */
  @ApiProperty({ type: 'integer' })
  id: number;

  /**
   * Whose balance it moved: `user:<id>` or `org:<id>`.
   * @example "user:42"
   */
  account: string;

  /** What kind of movement it is. */
  type: string;

  /** Signed: negative when it was taken from the balance. */
  amount: number;

  /** The balance right after it. */
  balance_after: number;

  /** What it was for, in the words of whoever made it. */
  description: string | null;

  /**
   * When it was made.
   * @example "2026-04-15T11:00:00.000Z"
   */
  created_at: string;

  /**
   * What the client attached; null when nothing.
   * @example { "agent": "researcher", "run": 4521 }
   */
  metadata: Record<string, string | number | boolean> | null;

  /**
   * Who made it: `user:<sub>`, `admin:<sub>` for an administrator on another account than their own, or `system`, which
   * settles purchases.
   * @example "user:42"
   */
  actor: string;

  /**
   * The hold that it captured.
   * @example "hold_7_12"
   */
  hold_id?: string;

  /** The purchase that it belongs to. */
  purchase_id?: string;

  /** What was used, if that made the amount. */
  usage?: UsedDto;

  /** How the amount follows from it; absent of tokens, which are counted. */
  pricing?: PricingDto;

  /** The grants that it took from or gave to, in that order; a list shows at most 100 of them. */
  grants?: GrantPartDto[];

  /** How many grants those are. */
  @ApiPropertyOptional({ type: 'integer' })
  grants_count?: number;

  /** The id of the transaction that it reverses. */
  @ApiPropertyOptional({ type: 'integer' })
  reverses?: number;

  /** The id of the transaction whose price it corrects. */
  @ApiPropertyOptional({ type: 'integer' })
  reprices?: number;

  /** How much of it was reversed. */
  reversed?: number;

  /** When the grant that it ends expired. */
  @ApiPropertyOptional({ format: 'date-time' })
  expired_at?: string;

  /** `true` in the answer to a deposit that made the account: check that its name is the one you meant. */
  account_created?: boolean;

  /**
   * The trace id of the request that made it; for administrators only.
   * @example "4bf92f3577b34da6a3ce929d0e0e4736"
   */
  trace_id?: string;

  /**
   * The idempotency key of that request, of a batch's item its own, else the batch's; for administrators only.
   * @example "run-4521-step-7"
   */
  idempotency_key?: string;
}

/** An amount that expires at one moment. */
export class ExpiringDto {
  /** @example 10 */
  amount: number;

  /** @example "2026-05-15T11:00:00.000Z" */
  expires_at: string;
}

/** A balance; available = balance − held = paid + promotional − debt. What has expired is not in it. */
export class BalanceDto {
  /** @example "user:42" */
  account: string;

  balance: number;
  available: number;
  held: number;

  /**
   * What remains of paid grants.
   * @example 142.5
   */
  paid: number;

  /**
   * What remains of promotional grants.
   * @example 0
   */
  promotional: number;

  /**
   * What refunds and disputes took back beyond what was there. It is paid first by whatever comes in.
   * @example 0
   */
  debt: number;

  /** What will expire, at the next ten moments at which something does. */
  expiring: ExpiringDto[];

  /**
   * The id of the last transaction, 0 before the first. What has expired since may make `balance` lower than its
   * `balance_after`.
   * @example 12
   */
  @ApiProperty({ type: 'integer' })
  as_of: number;

  /**
   * Whether an administrator has frozen the account. A frozen account debits nothing and opens no hold; holds that were
   * open before can be captured.
   * @example false
   */
  frozen: boolean;
}
