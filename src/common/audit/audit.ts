import type { Tx } from '../database/index.js';
import { newAuditId } from './audit-id.js';
import { type AuditRecord, AuditRow } from './audit.entity.js';

/** A forwarded address is any text. */
const LONGEST_ADDRESS = 64;

/** What a record says, before it has its id and time. */
export type AuditEntry = Omit<AuditRecord, 'id' | 'at'>;

/** Makes a record of what is about to be done. */
export function newRecord(of: AuditEntry): AuditRecord {
  return { ...newAuditId(), ...of, clientAddress: of.clientAddress.slice(0, LONGEST_ADDRESS) };
}

/** Writes a record in the transaction that does what it tells of. */
export async function writeRecord(tx: Tx, record: AuditRecord): Promise<void> {
  await tx.manager.insert(AuditRow, record);
}
