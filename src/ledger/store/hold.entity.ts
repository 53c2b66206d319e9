import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Hold, HoldStatus, Slice, Stored } from '../domain/index.js';
import { slices } from './grant.entities.js';

/** Amounts that are kept back of a balance. */
@Entity('hold')
@Index('hold_status_expires', ['accountId', 'status', 'expiresAt'])
export class HoldRow implements Hold {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  number: number;

  @Column({ type: 'varchar', length: 10 })
  status: HoldStatus;

  @Column({ type: 'bigint', transformer: integer })
  amount: Stored;

  @Column({ type: 'bigint', transformer: integer })
  captured: Stored;

  @Column({ type: 'varchar', length: 500, nullable: true, update: false })
  description: string | null;

  @Column({ type: 'mediumtext' as 'text', nullable: true, update: false })
  metadata: string | null;

  @Column({ type: 'varchar', length: 210, update: false })
  actor: string;

  @Column({ type: 'varchar', length: 100, nullable: true, update: false })
  agent: string | null;

  @Column({ name: 'run_id', type: 'varchar', length: 100, nullable: true, update: false })
  runId: string | null;

  @Column({ type: 'varchar', length: 100, nullable: true, update: false })
  model: string | null;

  @Column({ name: 'expires_at', type: 'bigint', transformer: integer })
  expiresAt: number;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer, update: false })
  createdAt: number;

  @Column({ name: 'opened_after', type: 'bigint', transformer: integer, update: false })
  openedAfter: number;

  @Column({ name: 'closed_after', type: 'bigint', nullable: true, transformer: integer })
  closedAfter: number | null;

  @Column({ name: 'opened_event', type: 'bigint', transformer: integer, update: false })
  openedEvent: number;

  @Column({ name: 'closed_event', type: 'bigint', nullable: true, transformer: integer })
  closedEvent: number | null;

  @Column({ type: 'mediumtext' as 'text', transformer: slices, update: false })
  slices: readonly Slice[];

  @Column({ name: 'rate_card', type: 'integer', nullable: true, update: false })
  rateCard: number | null;
}
