import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { newRecord, writeRecord } from '../../common/audit/index.js';
import { affectedRows, Transactions, type Tx } from '../../common/database/index.js';
import type { Idempotency } from '../../common/http/index.js';
import { isPurchaseId } from '../provider/index.js';
import { Purchase } from './purchase.entity.js';

/** The purchase has changed since it was read, so the facts fetched for it may be old. */
export class Superseded extends Error {}

type Change = Partial<Omit<Purchase, 'id' | 'version' | 'updatedAt' | 'askedAt'>>;

/** The purchase after an attempt to change it, and whether this call changed it. */
export interface Changed {
  readonly purchase: Purchase;
  readonly written: boolean;
}

/** The one writer of purchases. It changes a row at the version that was read, or not at all. */
@Injectable()
export class PurchaseWriter {
  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    private readonly transactions: Transactions,
  ) {}

  /** Inserts a new purchase; with its record in the audit if an administrator began it for another account. */
  async begin(
    purchase: Omit<Purchase, UnknownAtFirst>,
    { traceId, clientAddress }: Pick<Idempotency, 'traceId' | 'clientAddress'>,
  ): Promise<void> {
    const { id: target, actor, account, status, item, price, currency } = purchase;
    const after = { status, item, price: price / 100, currency };
    const action = 'purchases.begin';
    const record = newRecord({ actor, action, account, target, before: null, after, traceId, clientAddress });
    await this.transactions.run(async (tx) => {
      await tx.manager.insert(Purchase, purchase);
      if (actor.startsWith('admin:')) await writeRecord(tx, record);
    });
  }

  /**
   * Changes a purchase within a transaction. The update locks the row until the transaction ends.
   * @throws Superseded
   */
  async write(tx: Tx, { id, version }: Purchase, change: Change): Promise<void> {
    const values = { ...change, version: version + 1, updatedAt: Date.now() };
    const { affected } = await tx.manager.update(Purchase, { id, version }, values);
    if (affected !== 1) throw new Superseded();
  }

  /** Changes a purchase that others may change too, as long as `may` allows it. */
  async change(purchase: Purchase, may: (current: Purchase) => boolean, change: Change): Promise<Changed> {
    for (let current = purchase; ; current = await this.purchases.findOneByOrFail({ id: purchase.id })) {
      if (!may(current)) return { purchase: current, written: false };
      const written = await this.tryWrite(current, change);
      if (written) return { purchase: await this.purchases.findOneByOrFail({ id: purchase.id }), written };
    }
  }

  /**
   * Moves the time of the last question on, and returns whether this call did. Of all callers in all processes that
   * read the same time, one succeeds. The time is not settled, so the version stays.
   */
  async takeTurn({ id, askedAt }: Purchase): Promise<boolean> {
    const values = [Date.now(), id, askedAt];
    const taken = (tx: Tx) =>
      affectedRows(tx, 'UPDATE purchase SET asked_at = ? WHERE id = ? AND asked_at = ?', values);
    return (await this.transactions.run(taken)) === 1;
  }

  private async tryWrite(purchase: Purchase, change: Change): Promise<boolean> {
    try {
      await this.transactions.run((tx) => this.write(tx, purchase, change));
      return true;
    } catch (error) {
      if (error instanceof Superseded) return false;
      throw error;
    }
  }
}

/** The columns that stay null until the provider has answered. */
type UnknownAtFirst =
  | 'refunds'
  | 'reviewReason'
  | 'resolution'
  | 'sessionId'
  | 'checkoutUrl'
  | 'paymentIntent'
  | 'paid'
  | 'receiptUrl'
  | 'paidAt';

/** The purchase with exactly this id. MySQL and MariaDB would ignore spaces at its end. */
export async function findPurchase(purchases: Repository<Purchase>, id: string): Promise<Purchase | null> {
  return isPurchaseId(id) ? purchases.findOneBy({ id }) : null;
}
