export { LedgerUnavailable } from './errors.js';
export * from './expiry-sweeper.js';
export * from './lanes.js';
export * from './ledger.metrics.js';
export { Repair } from './repair.js';
export type { Submission } from './submission.js';
export type { WrittenAccounts } from './written-accounts.js';
