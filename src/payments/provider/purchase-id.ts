import { randomBytes } from 'node:crypto';

const PURCHASE_ID = /^pur_[0-9a-f]{32}$/;

/** A new id. It is long and random, so that nobody can guess it. */
export function newPurchaseId(): string {
  return `pur_${randomBytes(16).toString('hex')}`;
}

export function isPurchaseId(text: string): boolean {
  return PURCHASE_ID.test(text);
}
