import { type Entry, fromStored, type Hold, remaining, statusAt, type Unit } from './domain/index.js';
import type { HoldDto, TransactionDto } from './ledger.dto.js';

/** An entry as the API shows it. */
export function toTransaction(unit: Unit, entry: Omit<Entry, 'typeTotal'>): TransactionDto {
  return {
    id: entry.sequence,
    type: entry.type,
    amount: fromStored(unit, entry.amount),
    balance_after: fromStored(unit, entry.balanceAfter),
    description: entry.description,
    created_at: new Date(entry.createdAt).toISOString(),
    metadata: parseMetadata(entry.metadata),
    ...(entry.model === null ? {} : { model: entry.model }),
    ...(entry.hold === null ? {} : { hold_id: holdId(entry.accountId, entry.hold) }),
    ...(entry.purchaseId === null ? {} : { purchase_id: entry.purchaseId }),
  };
}

/** A hold as the API shows it at a time. */
export function toHold(unit: Unit, hold: Hold, now: number): HoldDto {
  const status = statusAt(hold, now);
  return {
    id: holdId(hold.accountId, hold.number),
    status,
    amount: fromStored(unit, hold.amount),
    captured: fromStored(unit, hold.captured),
    released: fromStored(unit, status === 'open' ? 0 : remaining(hold)),
    expires_at: new Date(hold.expiresAt).toISOString(),
    description: hold.description,
    metadata: parseMetadata(hold.metadata),
    created_at: new Date(hold.createdAt).toISOString(),
  };
}

const HOLD_ID = /^hold_(\d{1,10})_(\d{1,16})$/;

/** Names a hold for all accounts; who may see it is decided by its account. */
function holdId(accountId: number, number: number): string {
  return `hold_${accountId}_${number}`;
}

/** The account and the number that a hold's id names; undefined when it names none. */
export function parseHoldId(id: string): { accountId: number; number: number } | undefined {
  const [, accountId, number] = HOLD_ID.exec(id) ?? [];
  return accountId === undefined ? undefined : { accountId: Number(accountId), number: Number(number) };
}

function parseMetadata(text: string | null): TransactionDto['metadata'] {
  return text === null ? null : (JSON.parse(text) as TransactionDto['metadata']);
}
