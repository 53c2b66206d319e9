export * from './ledger.reader.js';
export type { Summary, SummaryPeriod, Sums } from './summary.js';
