import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { affectedRows, isDuplicate, Transactions } from '../../common/database/index.js';
import type { AdminPurchaseDto } from './resolutions.dto.js';
import { PurchaseResolution } from './resolution.entity.js';

/** An answer as it is kept: the purchase, or the refusal. */
export type Kept =
  | { readonly purchase: AdminPurchaseDto }
  | { readonly message: string; readonly details: unknown; readonly traceId: string };

/** The resolutions that were made or refused, and their answers. */
@Injectable()
export class ResolutionStore {
  constructor(
    @InjectRepository(PurchaseResolution) private readonly resolutions: Repository<PurchaseResolution>,
    private readonly transactions: Transactions,
  ) {}

  /** The resolution of this request, or of an earlier one with its key: a key belongs to the account. */
  async find({ id, account, idempotencyKey }: PurchaseResolution): Promise<PurchaseResolution | null> {
    const own = await this.resolutions.findOneBy({ id });
    return own ?? (idempotencyKey === null ? null : this.resolutions.findOneBy({ account, idempotencyKey }));
  }

  /** Keeps a refusal, unless its key has got an answer meanwhile. */
  async keepRefusal(resolution: PurchaseResolution, refusal: Kept): Promise<void> {
    const row = { ...resolution, answer: JSON.stringify(refusal) };
    await this.transactions
      .run((tx) => tx.manager.insert(PurchaseResolution, row))
      .catch((error: unknown) => {
        if (!isDuplicate(error)) throw error;
      });
  }

  /** Keeps an answer, and returns the first one that was kept. */
  async keepAnswer({ id }: PurchaseResolution, answer: Kept): Promise<Kept> {
    await this.transactions.run((tx) =>
      affectedRows(tx, 'UPDATE purchase_resolution SET answer = ? WHERE id = ? AND answer IS NULL', [
        JSON.stringify(answer),
        id,
      ]),
    );
    return JSON.parse((await this.resolutions.findOneByOrFail({ id })).answer!) as Kept;
  }
}
