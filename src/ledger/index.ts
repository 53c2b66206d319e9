export type { HoldStatus } from './domain/index.js';
export * from './ledger.dto.js';
export { LEDGER_ENTITIES } from './ledger.entities.js';
export * from './ledger.module.js';
export * from './ledger.reader.js';
export * from './ledger.service.js';
export * from './amount.rule.js';
export { accountIds, countEntries, Divergence, rebuildTotals, verifyLedger } from './verifier.js';
