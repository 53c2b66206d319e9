export * from './checkout.controller.js';
export * from './checkout.service.js';
export * from './customers.service.js';
export { Goods, inWords, reversedInWords, WORDS } from './goods.js';
export * from './present.js';
export * from './purchase.entity.js';
export { findPurchase, PurchaseWriter, Superseded } from './purchase.writer.js';
export * from './purchases.dto.js';
export { requireProvider, SessionsService } from './sessions.service.js';
