export * from './domain/index.js';
export { RateCards } from './cards/rate-cards.js';
export { type ParkedReason, ParkedUsageRow } from './parking/parked-usage.entity.js';
export { NotParked, ParkedUsageStore, type Refused } from './parking/parked-usage.store.js';
export * from './pricing.module.js';
export { Quotes } from './quotes/quotes.js';
