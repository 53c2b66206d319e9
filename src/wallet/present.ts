import type { Principal } from '../auth/index.js';
import { type ExactNumber, exactNumber } from '../common/http/index.js';
import {
  type AccountName,
  type Balance,
  decimalOf,
  type Entry,
  fromStored,
  type Grant,
  type Hold,
  type HoldName,
  ownerAndUnit,
  remaining,
  type Slice,
  statusAt,
  statusOf,
  type Stored,
  type Sums,
  type Summary,
  type Unit,
  ZERO,
} from '../ledger/index.js';
import { readEvidence } from '../pricing/index.js';
import type { BalanceGrantDto, GrantPartDto } from './grant.dto.js';
import type { HoldDto } from './hold.dto.js';
import type { SeriesItemDto, SummaryDto } from './summary.dto.js';
import type { UsedDto } from './usage.dto.js';
import type { BalanceDto, TransactionDto } from './transaction.dto.js';

/** A list shows at most so many grants of one transaction. */
const GRANTS_IN_LIST = 100;

/** How somebody sees a transaction. */
interface View extends Pick<Principal, 'admin'> {
  /** How much of it was reversed. */
  readonly reversed?: Stored;
  readonly inList?: boolean;
  /** What it shows of usage and pricing, where that is at hand. */
  readonly evidence?: Pick<TransactionDto, 'usage' | 'pricing'>;
}

/** An entry as the API shows it; only an administrator sees with which request it was made. */
export function toTransaction(
  name: AccountName,
  entry: Entry,
  { admin, reversed, inList = false, evidence }: View,
): TransactionDto {
  const { owner: account, unit } = ownerAndUnit(name);
  const { slices } = entry;
  return {
    id: entry.sequence,
    account,
    type: entry.type,
    amount: fromStored(unit, entry.amount),
    balance_after: fromStored(unit, entry.balanceAfter),
    description: entry.description,
    created_at: new Date(entry.createdAt).toISOString(),
    metadata: objectOf(entry.metadata),
    actor: entry.actor,
    ...given({
      agent: entry.agent,
      run_id: entry.runId,
      model: entry.model,
      hold_id: entry.hold === null ? null : holdId(entry.accountId, entry.hold),
      purchase_id: entry.purchaseId,
    }),
    ...(evidence ?? (entry.usage === null && entry.pricing === null ? {} : evidenceOf(entry))),
    ...(slices === null
      ? {}
      : {
          grants: parts(unit, inList ? slices.slice(0, GRANTS_IN_LIST) : slices),
          grants_count: slices.length,
        }),
    ...given({
      reverses: entry.reverses,
      reprices: entry.reprices,
      reversed: reversed === undefined ? null : fromStored(unit, reversed),
      expired_at: timeOf(entry.expiredAt),
    }),
    ...(admin ? given({ trace_id: entry.traceId, idempotency_key: entry.idempotencyKey }) : {}),
  };
}

function evidenceOf({ usage, pricing }: Pick<Entry, 'usage' | 'pricing'>): Pick<TransactionDto, 'usage' | 'pricing'> {
  return given({ usage: objectOf<UsedDto>(usage), pricing: pricing === null ? null : readEvidence(pricing) });
}

/** The fields that have a value; an answer leaves the others out. */
function given<T extends object>(fields: { readonly [F in keyof T]: T[F] | null }): Partial<T> {
  const found: Partial<T> = {};
  for (const name in fields) if (fields[name] !== null) found[name] = fields[name];
  return found;
}

function timeOf(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

/** A grant as the API shows it. */
export function toGrant(name: AccountName, grant: Grant): BalanceGrantDto {
  const { owner: account, unit } = ownerAndUnit(name);
  return {
    id: grant.id,
    account,
    source: grant.source,
    amount: fromStored(unit, grant.amount),
    used: fromStored(unit, grant.used),
    held: fromStored(unit, grant.held),
    expired: fromStored(unit, grant.expired),
    voided: fromStored(unit, grant.voided),
    taken_back: fromStored(unit, grant.takenBack),
    remaining: fromStored(unit, grant.remaining),
    category: grant.category,
    priority: grant.priority,
    price: fromStored('USD', grant.price as Stored),
    status: statusOf(grant),
    ...given({ expires_at: timeOf(grant.expiresAt), purchase_id: grant.purchaseId, extends: grant.extends }),
    created_at: new Date(grant.createdAt).toISOString(),
  };
}

/** A balance as the API shows it. */
export function toBalance(name: AccountName, balance: Balance): BalanceDto {
  const { owner: account, unit } = ownerAndUnit(name);
  return {
    account,
    balance: fromStored(unit, balance.balance),
    available: fromStored(unit, balance.available),
    held: fromStored(unit, balance.held),
    paid: fromStored(unit, balance.paid),
    promotional: fromStored(unit, balance.promotional),
    debt: fromStored(unit, balance.debt),
    expiring: balance.expiring.map(({ at, amount }) => ({
      amount: fromStored(unit, amount),
      expires_at: new Date(at).toISOString(),
    })),
    as_of: balance.sequence,
    frozen: balance.frozen,
  };
}

function parts(unit: Unit, slices: readonly Slice[]): GrantPartDto[] {
  return slices.map(({ grant, amount }) => ({ grant_id: grant, amount: fromStored(unit, amount) }));
}

/** A hold as the API shows it at a time. */
export function toHold(name: AccountName, hold: Hold, now: number): HoldDto {
  const { owner: account, unit } = ownerAndUnit(name);
  const status = statusAt(hold, now);
  return {
    id: holdId(hold.accountId, hold.number),
    account,
    status,
    amount: fromStored(unit, hold.amount),
    captured: fromStored(unit, hold.captured),
    released: fromStored(unit, status === 'open' ? ZERO : remaining(hold)),
    ...given({ agent: hold.agent, run_id: hold.runId, model: hold.model }),
    grants: parts(unit, hold.slices),
    expires_at: new Date(hold.expiresAt).toISOString(),
    description: hold.description,
    metadata: objectOf(hold.metadata),
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
    total_expired: exact(unit, all.expired),
    total_voided: exact(unit, all.voided),
    total_reversed: exact(unit, all.reversed),
    transaction_count: total.transaction_count,
    series: [...series].map(([period, sums]) => ({ period, ...sumsIn(unit, sums) })),
  };
}

function sumsIn(unit: Unit, { count, ...sums }: Sums): Omit<SeriesItemDto, 'period'> {
  const ifAny = (sum: bigint) => (sum === 0n ? null : exact(unit, sum));
  return {
    deposited: exact(unit, sums.deposited),
    debited: exact(unit, sums.debited),
    refunded: exact(unit, sums.refunded),
    ...given({ expired: ifAny(sums.expired), voided: ifAny(sums.voided), reversed: ifAny(sums.reversed) }),
    transaction_count: count,
  };
}

function exact(unit: Unit, sum: bigint): ExactNumber {
  return exactNumber(decimalOf(unit, sum));
}

const HOLD_ID = /^hold_(\d{1,16})_(\d{1,16})$/;

/** Names a hold for all accounts; who may see it is decided by its account. */
export function holdId(accountId: number, number: number): string {
  return `hold_${accountId}_${number}`;
}

/** The hold that an id names; undefined when it names none. */
export function holdName(id: string): HoldName | undefined {
  const [, accountId, number] = HOLD_ID.exec(id) ?? [];
  return accountId === undefined ? undefined : { accountId: Number(accountId), number: Number(number) };
}

function objectOf<T = Record<string, string | number | boolean>>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}
