export * from './apply.js';
export * from './batch.js';
export * from './types.js';
export * from './unit.js';
