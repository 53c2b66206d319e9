export { Divergence } from './replay.js';
export { accountIds } from './scan.js';
export { rebuildTotals } from './totals.js';
export * from './verifier.js';
