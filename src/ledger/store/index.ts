export * from './account-id.js';
export * from './entities.js';
export { FinanceDayRow } from './finance.entity.js';
export { GrantRow, RepricingRow, ReversalRow } from './grant.entities.js';
export { HoldRow } from './hold.entity.js';
export * from './ledger.store.js';
export * from './migrations/index.js';
export { LookupRow, OverviewRow } from './overview.entities.js';
export * from './write.js';
