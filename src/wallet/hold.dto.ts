import { ApiProperty } from '@nestjs/swagger';
import { GrantPartDto } from './grant.dto.js';
import type { HoldStatus } from '../ledger/index.js';
import { DimensionFields } from './dimensions.dto.js';

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
