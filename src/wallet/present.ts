import type { Principal } from '../auth/index.js';
import { exactNumber } from '../common/http/index.js';
import {
  decimalOf,
  type Entry,
  fromStored,
  type Hold,
  type HoldName,
  remaining,
  statusAt,
  type Sums,
  type Summary,
  type Unit,
  ZERO,
} from '../ledger/index.js';
import type { HoldDto } from './hold.dto.js';
import type { SeriesItemDto, SummaryDto } from './summary.dto.js';
import type { TransactionDto } from './transaction.dto.js';

/**
 * An entry as the API shows it.
 * @param account the owner
 * @param reader to whom; only an administrator sees with which request it was made
 */
export function toTransaction(
  unit: Unit,
  entry: Entry,
  account: string,
  { admin }: Pick<Principal, 'admin'>,
): TransactionDto {
  return {
    id: entry.sequence,
    account,
    type: entry.type,
    amount: fromStored(unit, entry.amount),
    balance_after: fromStored(unit, entry.balanceAfter),
    description: entry.description,
    created_at: new Date(entry.createdAt).toISOString(),
    metadata: parseMetadata(entry.metadata),
    actor: entry.actor,
    ...given({ agent: entry.agent, run_id: entry.runId, model: entry.model }),
    ...given({
      hold_id: entry.hold === null ? null : holdId(entry.accountId, entry.hold),
      purchase_id: entry.purchaseId,
    }),
    ...(admin ? given({ trace_id: entry.traceId, idempotency_key: entry.idempotencyKey }) : {}),
  };
}

/** The fields that have a value; an answer leaves the others out. */
function given<T extends object>(fields: { readonly [F in keyof T]: T[F] | null }): Partial<T> {
  const found: Partial<T> = {};
  for (const name in fields) if (fields[name] !== null) found[name] = fields[name];
  return found;
}

/** A hold as the API shows it at a time. */
export function toHold(unit: Unit, hold: Hold, now: number): HoldDto {
  const status = statusAt(hold, now);
  return {
    id: holdId(hold.accountId, hold.number),
    status,
    amount: fromStored(unit, hold.amount),
    captured: fromStored(unit, hold.captured),
    released: fromStored(unit, status === 'open' ? ZERO : remaining(hold)),
    expires_at: new Date(hold.expiresAt).toISOString(),
    ...given({ agent: hold.agent, run_id: hold.runId, model: hold.model }),
    description: hold.description,
    metadata: parseMetadata(hold.metadata),
    created_at: new Date(hold.createdAt).toISOString(),
  };
}

/** A summary as the API shows it. */
export function toSummary(unit: Unit, { from, to, opening, closing, all, series }: Summary): SummaryDto {
  const total = sumsIn(unit, all);
  return {
    period: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    opening_balance: fromStored(unit, opening),
    closing_balance: fromStored(unit, closing),
    total_deposited: total.deposited,
    total_debited: total.debited,
    total_refunded: total.refunded,
    transaction_count: total.transaction_count,
    series: [...series].map(([period, sums]) => ({ period, ...sumsIn(unit, sums) })),
  };
}

function sumsIn(unit: Unit, { deposited, debited, refunded, count }: Sums): Omit<SeriesItemDto, 'period'> {
  const exact = (sum: bigint) => exactNumber(decimalOf(unit, sum));
  return { deposited: exact(deposited), debited: exact(debited), refunded: exact(refunded), transaction_count: count };
}

const HOLD_ID = /^hold_(\d{1,16})_(\d{1,16})$/;

/** Names a hold for all accounts; who may see it is decided by its account. */
function holdId(accountId: number, number: number): string {
  return `hold_${accountId}_${number}`;
}

/** The hold that an id names; undefined when it names none. */
export function holdName(id: string): HoldName | undefined {
  const [, accountId, number] = HOLD_ID.exec(id) ?? [];
  return accountId === undefined ? undefined : { accountId: Number(accountId), number: Number(number) };
}

function parseMetadata(text: string | null): TransactionDto['metadata'] {
  return text === null ? null : (JSON.parse(text) as TransactionDto['metadata']);
}
