import { randomBytes } from 'node:crypto';
import type { Repository } from 'typeorm';
import type { Purchase } from './payments.entities.js';

const PURCHASE_ID = /^pur_[0-9a-f]{32}$/;

/** An id that nobody can guess. */
export function newPurchaseId(): string {
  return `pur_${randomBytes(16).toString('hex')}`;
}

export function isPurchaseId(text: string): boolean {
  return PURCHASE_ID.test(text);
}

/** The purchase of exactly this id. Left to themselves, MySQL and MariaDB would overlook spaces at its end. */
export async function findPurchase(purchases: Repository<Purchase>, id: string): Promise<Purchase | null> {
  return isPurchaseId(id) ? purchases.findOneBy({ id }) : null;
}
