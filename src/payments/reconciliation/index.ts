export * from './audit.js';
export * from './purchases.reconciler.js';
export * from './reconciliation.entity.js';
export * from './reconciliation.service.js';
export * from './schedule.js';
