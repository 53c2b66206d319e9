import { Column, Entity, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';

/** When each kind of reconciliation is due, so that of many processes one does it. */
@Entity('reconciliation')
export class Reconciliation {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  name: string;

  @Column({ name: 'next_at', type: 'bigint', transformer: integer })
  nextAt: number;

  /** Up to when the last one that ended has looked. */
  @Column({ name: 'done_until', type: 'bigint', transformer: integer })
  doneUntil: number;
}
