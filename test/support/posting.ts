import type { Posting } from '../../src/ledger/domain/index.js';

/** A posting of an amount: a debit when it is negative, else a deposit, and nothing more than that unless `more` says so. */
export const posting = (amount: number, more: Partial<Posting> = {}): Posting => ({
  kind: 'post',
  type: amount < 0 ? 'debit' : 'deposit',
  amount,
  description: null,
  metadata: null,
  model: null,
  purchaseId: null,
  overdraw: false,
  ...more,
});
