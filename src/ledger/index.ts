export * from './domain/index.js';
export * from './engine/index.js';
export * from './follow/index.js';
export * from './ledger.module.js';
export { accountIds, countEntries, Divergence, rebuildBooks, rebuildTotals, verifyLedger } from './proof/index.js';
export * from './read/index.js';
export * from './usage/index.js';
export { LEDGER_ENTITIES, LEDGER_MIGRATIONS } from './store/index.js';
