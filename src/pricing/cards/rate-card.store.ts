import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { type AuditRecord, writeRecord } from '../../common/audit/index.js';
import { FenceLost, forUpdate, isDuplicate, Transactions, type Tx } from '../../common/database/index.js';
import { ApiError, invalidField } from '../../common/http/index.js';
import type { RateCardBody } from '../domain/index.js';
import { type RateCardHead, RateCardRow } from './rate-card.entity.js';

/** A rate card that is to be made, and the record that tells of it once it has its version. */
export interface NewRateCard extends Omit<RateCardRow, 'version' | 'effectiveFrom'> {
  /** Milliseconds since 1970; absent: now. */
  readonly effectiveFrom?: number;
  readonly audit?: (made: RateCardHead) => AuditRecord;
}

/** The table of rate cards. */
@Injectable()
export class RateCardStore {
  constructor(
    @InjectRepository(RateCardRow) private readonly cards: Repository<RateCardRow>,
    private readonly transactions: Transactions,
  ) {}

  /** The highest version; 0 while there is no card. */
  async newest(): Promise<number> {
    return (await this.cards.maximum('version')) ?? 0;
  }

  /** All cards, in no order. */
  async heads(): Promise<RateCardHead[]> {
    return this.cards.find();
  }

  /** A page of the cards, the newest first. */
  async list(limit: number, offset: number): Promise<{ rows: RateCardHead[]; total: number }> {
    const [rows, total] = await this.cards.findAndCount({ order: { version: 'DESC' }, take: limit, skip: offset });
    return { rows, total };
  }

  async head(version: number): Promise<RateCardHead | null> {
    return this.cards.findOneBy({ version });
  }

  async body(version: number): Promise<RateCardBody | undefined> {
    return (await this.cards.findOne({ where: { version }, select: { version: true, body: true } }))?.body;
  }

  /**
   * Makes a card under the next version, with its record in the audit; under the same request once.
   * @throws ApiError IDEMPOTENCY_KEY_REUSED, VALIDATION_ERROR for a time that has passed
   */
  async make(card: NewRateCard): Promise<{ head: RateCardHead; replayed: boolean }> {
    let isOwn = false;
    return this.transactions.run(async (tx) => {
      const made = await tx.manager.findOneBy(RateCardRow, { requestId: card.requestId });
      if (made && made.requestHash !== card.requestHash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
      // An earlier attempt may have been committed although its answer was lost.
      if (made) return { head: made, replayed: !isOwn };
      const head = await this.insert(tx, card);
      isOwn = true;
      return { head, replayed: false };
    });
  }

  /** Makes version 1, unless there is a card. */
  async makeFirst(card: Omit<RateCardRow, 'version'>): Promise<void> {
    await this.transactions
      .run(async (tx) => {
        if ((await tx.manager.maximum(RateCardRow, 'version')) === null)
          await tx.manager.insert(RateCardRow, { ...card, version: 1 });
      })
      .catch((error: unknown) => {
        // Another server was first.
        if (!isDuplicate(error)) throw error;
      });
  }

  private async insert(tx: Tx, { audit, ...card }: NewRateCard): Promise<RateCardHead> {
    const now = Date.now();
    if (card.effectiveFrom !== undefined && card.effectiveFrom < now)
      throw invalidField('effective_from', 'must not be in the past');
    // Those who make a card at once take turns. Where the lock does not hold, the primary key does.
    await tx.query(`SELECT version FROM rate_card WHERE version = 1${forUpdate(tx)}`);
    const version = ((await tx.manager.maximum(RateCardRow, 'version')) ?? 0) + 1;
    const row = { ...card, version, effectiveFrom: card.effectiveFrom ?? now, createdAt: now };
    await tx.manager.insert(RateCardRow, row).catch((error: unknown) => {
      throw isDuplicate(error) ? new FenceLost() : error;
    });
    if (audit) await writeRecord(tx, audit(row));
    return row;
  }
}
