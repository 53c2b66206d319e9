export * from './domain/index.js';
export { RateCards } from './cards/rate-cards.js';
export * from './pricing.module.js';
