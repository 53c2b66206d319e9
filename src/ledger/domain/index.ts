export * from './account.js';
export * from './apply.js';
export * from './batch.js';
export type { State } from './change.js';
export * from './effects.js';
export * from './operation.js';
export * from './unit.js';
