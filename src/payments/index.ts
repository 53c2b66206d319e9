export { PurchaseDto } from './checkout/index.js';
export { PAYMENTS_ENTITIES } from './payments.entities.js';
export * from './payments.module.js';
export { ReconciliationService } from './reconciliation/index.js';
export { PurchasesService } from './settlement/index.js';
