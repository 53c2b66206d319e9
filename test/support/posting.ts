import type { AccountName, Action, Dimensions, Operation, Post, Stored } from '../../src/ledger/domain/index.js';

/** Amounts of the tests, which are integers as the ledger stores them. */
export const stored = (amount: number): Stored => amount as Stored;

/** Spending that says nothing of what it is for. */
export const FOR_NOTHING: Dimensions = { agent: null, runId: null, model: null };

/**
 * A posting of an amount: a debit when it is negative, else a deposit, and nothing more than that unless `more` says
 * so.
 */
export const posting = (amount: number, more: Partial<Post> = {}): Post => ({
  kind: 'post',
  type: amount < 0 ? 'debit' : 'deposit',
  amount: stored(amount),
  description: null,
  metadata: null,
  ...FOR_NOTHING,
  purchaseId: null,
  overdraw: false,
  ...more,
});

/** An action without a key, of a scope named as its kind. */
export const operationOn = (account: AccountName, action: Action, more: Partial<Operation> = {}): Operation => ({
  account,
  scope: action.kind === 'open' ? 'hold' : action.kind,
  hash: '',
  traceId: '',
  actor: 'user:tester',
  action,
  ...more,
});
