import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer, json } from '../../common/database/index.js';
import type { QuoteBody } from '../domain/index.js';

/** A quote: the rate card that it binds for an account and a model or meter. */
@Entity('quote')
@Index('quote_expiry', ['expiresAt'])
export class Quote {
  /** `quo_` and 32 hexadecimal digits. */
  @PrimaryColumn({ type: 'varchar', length: 40 })
  id: string;

  /** `user:<id>` or `org:<id>`. */
  @Column({ type: 'varchar', length: 205, update: false })
  account: string;

  /** Micro-dollars, above zero. */
  @Column({ type: 'bigint', transformer: integer, update: false })
  amount: number;

  /** The version of the rate card. */
  @Column({ name: 'rate_card', type: 'integer', update: false })
  rateCard: number;

  /** The canonical id; null for a meter. */
  @Column({ type: 'varchar', length: 255, nullable: true, update: false })
  model: string | null;

  /** Null for a model. */
  @Column({ type: 'varchar', length: 255, nullable: true, update: false })
  meter: string | null;

  /** What was asked for. */
  @Column({ name: 'usage_text', type: 'text', transformer: json, update: false })
  usage: QuoteBody;

  /** Milliseconds since 1970. */
  @Column({ name: 'created_at', type: 'bigint', transformer: integer, update: false })
  createdAt: number;

  /** Milliseconds since 1970. */
  @Column({ name: 'expires_at', type: 'bigint', transformer: integer, update: false })
  expiresAt: number;
}
