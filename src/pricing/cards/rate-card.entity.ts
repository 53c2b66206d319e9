import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer, json } from '../../common/database/index.js';
import type { RateCardBody } from '../domain/index.js';

/** A rate card; never changed once written. */
@Entity('rate_card')
@Index('rate_card_request', ['requestId'], { unique: true })
export class RateCardRow {
  /** Counts 1, 2, 3 … without a gap. */
  @PrimaryColumn({ type: 'integer' })
  version: number;

  /** Milliseconds since 1970. */
  @Column({ name: 'effective_from', type: 'bigint', transformer: integer, update: false })
  effectiveFrom: number;

  /** As in the body, for lists. */
  @Column({ type: 'varchar', length: 40, update: false })
  markup: string;

  /** The whole card as it was sent, at most 4 MiB of JSON. Only asked for by name. */
  @Column({ type: 'mediumtext' as 'text', transformer: json, update: false, select: false })
  body: RateCardBody;

  /** `admin:<sub>`; `system` for the card that ships. */
  @Column({ name: 'created_by', type: 'varchar', length: 210, update: false })
  createdBy: string;

  @Column({ name: 'created_at', type: 'bigint', transformer: integer, update: false })
  createdAt: number;

  /** Names the request that made it, so that the same request makes it once. */
  @Column({ name: 'request_id', type: 'varchar', length: 43, update: false })
  requestId: string;

  /** Covers the whole body. */
  @Column({ name: 'request_hash', type: 'varchar', length: 43, update: false })
  requestHash: string;
}

/** A rate card without its body. */
export type RateCardHead = Omit<RateCardRow, 'body'>;
