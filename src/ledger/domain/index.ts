export * from './account.js';
export * from './apply.js';
export * from './batch.js';
export type { PurchaseState, ReversedEntry, State } from './change.js';
export type { Draft } from './draft.js';
export * from './effects.js';
export * from './grant.js';
export * from './operation.js';
export * from './unit.js';
