export * from './purchases.controller.js';
export * from './refund-request.entity.js';
export * from './refunds.service.js';
export * from './resolution.entity.js';
export * from './resolution.store.js';
export * from './resolutions.dto.js';
export * from './resolutions.service.js';
