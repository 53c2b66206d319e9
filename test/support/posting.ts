import {
  type AccountName,
  type Action,
  type Dimensions,
  DEFAULT_PRIORITY,
  type EntryType,
  type Fund,
  type FundTerms,
  negate,
  type Operation,
  type Refund,
  type Spend,
  type Stored,
} from '../../src/ledger/domain/index.js';

/** Amounts of the tests, which are integers as the ledger stores them. */
export const stored = (amount: number): Stored => amount as Stored;

/** Spending that says nothing of what it is for. */
export const FOR_NOTHING: Dimensions = { agent: null, runId: null, model: null };

/** The terms of a plain deposit: paid, though for nothing, in the middle of the order, for ever. */
const PLAIN: FundTerms = {
  source: 'deposit',
  category: 'paid',
  priority: DEFAULT_PRIORITY,
  expiresAt: null,
  price: 0,
  purchaseId: null,
};

/** A deposit of an amount, on plain terms unless `terms` says otherwise. */
export const funding = (amount: number, terms: Partial<FundTerms> = {}, more: Partial<Fund> = {}): Fund => ({
  kind: 'fund',
  type: 'deposit',
  amount: stored(amount),
  description: null,
  metadata: null,
  terms: { ...PLAIN, ...terms },
  existing: false,
  ...more,
});

export const spending = (amount: number, more: Partial<Spend> = {}): Spend => ({
  kind: 'spend',
  type: 'debit',
  amount: stored(amount),
  description: null,
  metadata: null,
  ...FOR_NOTHING,
  ...more,
});

/** Takes an amount back when it is negative, whether or not it is there; else gives it back. */
export const refunding = (amount: number, purchaseId: string | null = null): Refund => ({
  kind: 'refund',
  amount: stored(amount),
  purchaseId,
  description: null,
});

/** What a posting may say besides its amount. */
interface More {
  readonly type?: EntryType;
  readonly description?: string | null;
  readonly metadata?: string | null;
}

/** A posting of an amount: a debit when it is negative, else a deposit on plain terms; or a refund, by its type. */
export function posting(amount: number, more: More = {}): Fund | Spend | Refund {
  if (more.type === 'refund') return { ...refunding(amount), description: more.description ?? null };
  return amount < 0 ? spending(negate(stored(amount)), more) : funding(amount, {}, more);
}

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
