export * from './ledger.reader.js';
export type { Summary, Sums } from './summary.js';
