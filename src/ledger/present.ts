import { type Entry, fromStored, type Unit } from './domain/index.js';
import type { TransactionDto } from './ledger.dto.js';

/** An entry as the API shows it. */
export function toTransaction(unit: Unit, entry: Entry): TransactionDto {
  return {
    id: entry.sequence,
    type: entry.type,
    amount: fromStored(unit, entry.amount),
    balance_after: fromStored(unit, entry.balanceAfter),
    description: entry.description,
    created_at: new Date(entry.createdAt).toISOString(),
    metadata: entry.metadata === null ? null : (JSON.parse(entry.metadata) as TransactionDto['metadata']),
    ...(entry.model === null ? {} : { model: entry.model }),
    ...(entry.purchaseId === null ? {} : { purchase_id: entry.purchaseId }),
  };
}
