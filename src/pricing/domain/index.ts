export * from './card.js';
export * from './pools.js';
export * from './price.js';
export * from './quote.js';
export * from './usage.js';
