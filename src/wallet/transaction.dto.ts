import { ApiProperty } from '@nestjs/swagger';

/**
 * One movement of a balance. Amounts are in the unit of the ledger: dollars with up to six decimals for credits, whole
 * numbers for tokens.
 */
export class TransactionDto {
  /**
   * Counts 1, 2, 3 … within the account, without a gap.
   * @example 2
   */
  @ApiProperty({ type: 'integer' })
  id: number;

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
   * The language model that used the tokens.
   * @example "large-2026-10"
   */
  model?: string;

  /**
   * The hold that it captured.
   * @example "hold_7_12"
   */
  hold_id?: string;

  /** The purchase that it belongs to. */
  purchase_id?: string;
}

/** A balance; available = balance − held. */
export class BalanceDto {
  balance: number;
  available: number;
  held: number;
}
