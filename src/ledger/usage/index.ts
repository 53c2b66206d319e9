export * from './rollup.js';
export * from './usage.js';
export * from './usage.reader.js';
export * from './usage.store.js';
