export * from './card.js';
export * from './check-card.js';
export { type Format, FORMATS } from './formats.js';
export * from './pools.js';
export { type Evidence, type Line, price, type Priced, type Unpriced } from './price.js';
export * from './quote.js';
export * from './usage.js';
export * from './usage-error.js';
