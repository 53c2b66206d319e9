import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { integer } from '../../common/database/index.js';
import type { Grant, GrantCategory, GrantSource, Repricing, Reversal, Slice, Stored } from '../domain/index.js';

/** Parts of grants: `[[grant, amount], …]`. */
export const slices = {
  to: (value: readonly Slice[] | null): string | null => {
    if (value === null) return null;
    let text = '';
    for (const { grant, amount } of value) text += `${text ? ',' : ''}[${grant},${amount}]`;
    return `[${text}]`;
  },
  from: (text: string | null): Slice[] | null =>
    text === null ? null : (JSON.parse(text) as [number, Stored][]).map(([grant, amount]) => ({ grant, amount })),
};

/** What came in together, and what has become of it. */
@Entity('balance_grant')
@Index('balance_grant_open', ['accountId', 'open'])
@Index('balance_grant_expiry', ['accountId', 'expiresAt'])
@Index('balance_grant_purchase', ['accountId', 'purchaseId'])
export class GrantRow implements Grant {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  /** The number of the entry that made it. */
  @PrimaryColumn({ type: 'bigint', transformer: integer })
  id: number;

  @Column({ type: 'varchar', length: 10, update: false })
  source: GrantSource;

  @Column({ type: 'varchar', length: 11, update: false })
  category: GrantCategory;

  @Column({ type: 'integer', update: false })
  priority: number;

  @Column({ name: 'expires_at', type: 'bigint', nullable: true, update: false, transformer: integer })
  expiresAt: number | null;

  @Column({ type: 'bigint', transformer: integer })
  price: number;

  @Column({ name: 'purchase_id', type: 'varchar', length: 40, nullable: true, update: false })
  purchaseId: string | null;

  @Column({ type: 'bigint', nullable: true, update: false, transformer: integer })
  extends: number | null;

  @Column({ type: 'bigint', transformer: integer })
  amount: Stored;

  @Column({ type: 'bigint', transformer: integer })
  used: Stored;

  @Column({ type: 'bigint', transformer: integer })
  held: Stored;

  @Column({ type: 'bigint', transformer: integer })
  expired: Stored;

  @Column({ type: 'bigint', transformer: integer })
  voided: Stored;

  @Column({ name: 'taken_back', type: 'bigint', transformer: integer })
  takenBack: Stored;

  @Column({ type: 'bigint', transformer: integer })
  remaining: Stored;

  @Column({ name: 'is_open', type: 'integer' })
  open: number;

  @Column({ type: 'bigint', transformer: integer })
  carried: number;

  @Column({ name: 'extended_by', type: 'bigint', nullable: true, transformer: integer })
  extendedBy: number | null;

  @Column({ name: 'created_at', type: 'bigint', update: false, transformer: integer })
  createdAt: number;
}

/** How much of an entry was reversed, beside it because entries never change. */
@Entity('reversal')
export class ReversalRow implements Reversal {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  sequence: number;

  @Column({ type: 'bigint', transformer: integer })
  amount: Stored;
}

/** Which spendings raised the price of an entry. */
@Entity('repricing')
export class RepricingRow implements Repricing {
  @PrimaryColumn({ name: 'account_id', type: 'bigint', transformer: integer })
  accountId: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  sequence: number;

  @PrimaryColumn({ type: 'bigint', transformer: integer })
  repricing: number;
}
