import { Column, Entity, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';

/** The due time of each kind of reconciliation, so that one of many processes does it. */
@Entity('reconciliation')
export class Reconciliation {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  name: string;

  @Column({ name: 'next_at', type: 'bigint', transformer: integer })
  nextAt: number;

  /** The time up to which the last finished run has looked. */
  @Column({ name: 'done_until', type: 'bigint', transformer: integer })
  doneUntil: number;
}
