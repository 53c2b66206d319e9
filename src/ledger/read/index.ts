export type { Balance } from './balance.js';
export { FinanceReader, type FinanceSummary, type JournalLine, type LiabilityMoves } from './finance.js';
export * from './ledger.reader.js';

export { findPositions } from './positions.js';
export { decidedOf, type PricedEntries, type PricedEntry, pricedEntries } from './priced.js';
export type { EntryFilter } from './search.js';
export type { Summary, Sums } from './summary.js';
