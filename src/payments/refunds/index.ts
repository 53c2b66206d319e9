export * from './purchases.controller.js';
export * from './refund-request.entity.js';
export * from './refunds.service.js';
