export type { Stored } from '../ledger/index.js';
export * from './amount.rule.js';
export * from './requests.js';
export * from './spend-batch.js';
export * from './wallet.dto.js';
export * from './wallet.js';
export * from './wallet.module.js';
export * from './words.js';
