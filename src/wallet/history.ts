import type { Principal } from '../auth/index.js';
import { cursorAt, type CursorMeta, invalidField, type PageMeta, positionOf } from '../common/http/index.js';
import {
  type AccountName,
  DAY_MS,
  type Entry,
  type EntryFilter,
  type EntryType,
  type LedgerReader,
  ownerAndUnit,
  type Unit,
} from '../ledger/index.js';
import { storedAmount } from './amount.rule.js';
import { holdName, toTransaction } from './present.js';
import type { HistoryQuery, TransactionFilter } from './queries.dto.js';
import type { TransactionDto } from './transaction.dto.js';

const DEFAULT_DAYS = 31;
const MOST_DAYS = 92;

/** A page of a history, which has a cursor in place of a total when a filter makes it. */
export interface HistoryPage {
  data: TransactionDto[];
  meta: PageMeta | CursorMeta;
}

type Query = HistoryQuery & { readonly type?: EntryType };

/**
 * Lists an account's transactions.
 * @throws ApiError VALIDATION_ERROR for a period, filter or cursor that is none
 */
export async function listTransactions(
  reader: LedgerReader,
  who: Principal,
  name: AccountName,
  query: Query,
): Promise<HistoryPage> {
  checkPeriod(query.from, query.to);
  const { unit } = ownerAndUnit(name);
  const show = (entries: readonly Entry[]) => asListed(reader, who, name, entries);
  const { account: _, type, from, to, order, limit, offset, cursor, ...asked } = query;
  const period = { type, order, limit, from: from?.getTime(), to: to?.getTime() };
  if (Object.values(asked).every((value) => value === undefined)) {
    if (cursor !== undefined) throw invalidField('cursor', 'goes with a filter; this list goes on by offset');
    const { rows, total } = await reader.history(name, { ...period, offset: offset ?? 0 });
    return { data: await show(rows), meta: { total, limit, offset: offset ?? 0 } };
  }
  if (offset !== undefined) throw invalidField('offset', 'goes with no filter; this list goes on by cursor');
  const list = { ...asked, name, type, order, from: period.from, to: period.to };
  const [low, high] = cursor === undefined ? [] : positionOf(list, cursor);
  const { rows, rest } = await reader.search(name, {
    ...period,
    filter: filterOf(unit, asked),
    // A cursor goes on with the entries of the period that its first page found.
    ...(low === undefined || high === undefined ? { from: startOf(period) } : { rest: { low, high } }),
  });
  return {
    data: await show(rows),
    meta: { limit, ...(rest && { next_cursor: cursorAt(list, [rest.low, rest.high]) }) },
  };
}

/** Entries as a list shows them. */
export async function asListed(
  reader: LedgerReader,
  { admin }: Principal,
  name: AccountName,
  entries: readonly Entry[],
): Promise<TransactionDto[]> {
  const reversed = await reader.reversedOf(entries);
  return entries.map((entry) =>
    toTransaction(name, entry, { admin, inList: true, reversed: reversed.get(entry.sequence) }),
  );
}

/** @throws ApiError VALIDATION_ERROR for a period that ends before it begins */
export function checkPeriod(from: Date | undefined, to: Date | undefined): void {
  if (from && to && from > to) throw invalidField('from', 'must not be later than to');
}

/** When the period of a search begins. */
function startOf({ from, to = Date.now() }: { readonly from?: number; readonly to?: number }): number {
  if (from === undefined) return to - DEFAULT_DAYS * DAY_MS;
  if (to - from > MOST_DAYS * DAY_MS)
    throw invalidField('from', `must be at most ${MOST_DAYS} days before to (without it, before now) under a filter`);
  return from;
}

/** @throws ApiError VALIDATION_ERROR for amounts that none can lie between, or that the ledger does not hold */
export function filterOf(unit: Unit, asked: TransactionFilter): EntryFilter {
  const { agent, run_id, model, actor, hold_id, purchase_id, min_amount, max_amount, q } = asked;
  if (min_amount !== undefined && max_amount !== undefined && min_amount > max_amount)
    throw invalidField('min_amount', 'must not be more than max_amount');
  return {
    agent,
    runId: run_id,
    model,
    actor,
    purchaseId: purchase_id,
    // An id that names none is that of a hold which no account has.
    hold: hold_id === undefined ? undefined : (holdName(hold_id) ?? { accountId: 0, number: 0 }),
    least: min_amount === undefined ? undefined : storedAmount(unit, min_amount, 'min_amount'),
    most: max_amount === undefined ? undefined : storedAmount(unit, max_amount, 'max_amount'),
    words: q,
  };
}
