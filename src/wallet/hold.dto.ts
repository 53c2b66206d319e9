import { ApiProperty, ApiPropertyOptional, IntersectionType, PickType } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsOptional, Max, Min } from 'class-validator';
import { AccountField } from '../auth/index.js';
import { IsMetadata, IsText } from '../common/http/index.js';
import { DimensionFields, SpendingFields } from './dimensions.dto.js';
import { GrantPartDto } from './grant.dto.js';
import type { HoldStatus } from '../ledger/index.js';

/**
 * The purpose of a hold, and its time. Captures bear its `agent` and `run_id`, and its `model` unless they name one.
 */
export class HoldTerms extends SpendingFields {
  /**
   * The purpose: 1–500 characters. Captures without a description of their own bear it.
   * @example "Agent run #4521"
   */
  @IsOptional()
  @IsText(1, 500)
  description?: string;

  /**
   * Seconds until it expires, 1–604800; 3600 by default.
   * @example 3600
   */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(604_800)
  expires_in?: number;

  /**
   * At most 50 keys (1–40 characters) with strings (up to 500 characters), numbers or booleans. Captures bear it.
   * @example { "agent": "researcher", "run": 4521 }
   */
  @IsOptional()
  @IsMetadata()
  metadata?: Record<string, string | number | boolean>;
}

/** The purpose of a capture, and whether it is the last. */
export class CaptureTerms extends IntersectionType(AccountField, PickType(DimensionFields, ['model'])) {
  /**
   * Whether to release the rest, true by default; `false` leaves the hold open for further captures.
   * @example true
   */
  @IsOptional()
  @IsBoolean()
  final?: boolean;

  /**
   * The purpose: 1–500 characters; by default the hold's own.
   * @example "Agent run #4521"
   */
  @IsOptional()
  @IsText(1, 500)
  description?: string;
}

/**
 * An amount kept back. It lowers `available` at once and never `balance`; after `expires_at` what remains of it is
 * available again.
 */
export class HoldDto extends DimensionFields {
  /** @example "hold_7_12" */
  id: string;

  /** @example "user:42" */
  account: string;

  /** @example "open" */
  @ApiProperty({ enum: ['open', 'captured', 'released', 'expired'] })
  status: HoldStatus;

  /**
   * What was kept back at first, in the unit.
   * @example 5
   */
  amount: number;

  /**
   * What captures took of it.
   * @example 1.25
   */
  captured: number;

  /**
   * What was given back: nothing while it is open, then what the captures left.
   * @example 0
   */
  released: number;

  /** The parts of grants that it took. Captures spend them in this order. */
  grants: GrantPartDto[];

  /** @example "2026-04-15T12:00:00.000Z" */
  expires_at: string;

  /** @example "Agent run #4521" */
  description: string | null;

  /** @example { "agent": "researcher" } */
  metadata: Record<string, string | number | boolean> | null;

  /** @example "2026-04-15T11:00:00.000Z" */
  created_at: string;
}
