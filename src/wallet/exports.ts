import type { Principal } from '../auth/index.js';
import { type Export, fileName } from '../common/http/index.js';
import { type AccountName, type Entry, type EntryType, type Grant, ownerAndUnit, type Unit } from '../ledger/index.js';
import type { BalanceGrantDto } from './grant.dto.js';
import { asListed, checkPeriod, filterOf } from './history.js';
import { toGrant } from './present.js';
import type { GrantsExportQuery, TransactionsExportQuery } from './queries.dto.js';
import type { TransactionDto } from './transaction.dto.js';
import type { Wallet } from './wallet.js';

/** What the document says of the exports, for credits and tokens alike. */
export const EXPORT_ENDPOINTS = {
  transactions: {
    summary: 'Transaction history as a file',
    description: 'The filters of the history, for a period of any length.',
  },
  grants: {
    summary: 'Grants as a file',
    description: 'The grants of an account; `from` and `to` narrow them by the time when they were made.',
  },
} as const;

/** Every field of a transaction, in the order of the columns; some are for administrators alone. */
const TRANSACTION: Record<keyof TransactionDto, 'everybody' | 'administrators'> = {
  id: 'everybody',
  account: 'everybody',
  type: 'everybody',
  amount: 'everybody',
  balance_after: 'everybody',
  description: 'everybody',
  created_at: 'everybody',
  metadata: 'everybody',
  actor: 'everybody',
  agent: 'everybody',
  run_id: 'everybody',
  model: 'everybody',
  hold_id: 'everybody',
  purchase_id: 'everybody',
  usage: 'everybody',
  pricing: 'everybody',
  grants: 'everybody',
  grants_count: 'everybody',
  reverses: 'everybody',
  reversed: 'everybody',
  reprices: 'everybody',
  expired_at: 'everybody',
  account_created: 'everybody',
  trace_id: 'administrators',
  idempotency_key: 'administrators',
};

/** Every field of a grant, in the order of the columns. */
const GRANT: Record<keyof BalanceGrantDto, true> = {
  id: true,
  account: true,
  source: true,
  amount: true,
  used: true,
  held: true,
  expired: true,
  voided: true,
  taken_back: true,
  remaining: true,
  category: true,
  priority: true,
  price: true,
  status: true,
  expires_at: true,
  purchase_id: true,
  extends: true,
  created_at: true,
};

const KINDS: Record<Unit, string> = { USD: 'credits', tokens: 'tokens' };

/**
 * All transactions of a period that fit the filters, up to the last one there is now.
 * @throws ApiError FORBIDDEN, VALIDATION_ERROR
 */
export function exportTransactions(
  wallet: Wallet,
  who: Principal,
  query: TransactionsExportQuery & { readonly type?: EntryType },
): Export {
  const { account, type, from, to, order, format: _, ...asked } = query;
  checkPeriod(from, to);
  const name = wallet.nameFor(who, account);
  const period = { type, order, from: from?.getTime(), to: to?.getTime() };
  const filter = filterOf(wallet.words.unit, asked);
  const columns = Object.entries(TRANSACTION).filter(([, whose]) => who.admin || whose === 'everybody');
  return {
    name: nameOf(name, 'transactions', query),
    columns: columns.map(([column]) => column),
    pages: transactionsIn(wallet, who, name, wallet.reader.everyEntry(name, { ...period, filter })),
  };
}

/**
 * All grants of an account that fit the filters, up to the last one there is now.
 * @throws ApiError FORBIDDEN, VALIDATION_ERROR
 */
export function exportGrants(wallet: Wallet, who: Principal, query: GrantsExportQuery): Export {
  const { account, from, to, status, category, order } = query;
  checkPeriod(from, to);
  const name = wallet.nameFor(who, account);
  const selection = { status, category, order, from: from?.getTime(), to: to?.getTime() };
  return {
    name: nameOf(name, 'grants', query),
    columns: Object.keys(GRANT),
    pages: grantsIn(name, wallet.reader.everyGrant(name, selection)),
  };
}

async function* transactionsIn(
  wallet: Wallet,
  who: Principal,
  name: AccountName,
  pages: AsyncIterable<readonly Entry[]>,
): AsyncGenerator<TransactionDto[]> {
  for await (const entries of pages) yield await asListed(wallet.reader, who, name, entries);
}

async function* grantsIn(name: AccountName, pages: AsyncIterable<readonly Grant[]>): AsyncGenerator<BalanceGrantDto[]> {
  for await (const grants of pages) yield grants.map((grant) => toGrant(name, grant));
}

function nameOf(name: AccountName, rows: string, period: { readonly from?: Date; readonly to?: Date }): string {
  const { owner, unit } = ownerAndUnit(name);
  return fileName([KINDS[unit], rows, owner], period);
}
