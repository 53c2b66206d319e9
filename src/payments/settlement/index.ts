export * from './inbox.service.js';
export * from './payments.metrics.js';
export * from './purchases.service.js';
export * from './settlement.service.js';
export { isSettled } from './verdict.js';
export { WebhookController } from './webhook.controller.js';
export { WebhookEvent } from './webhook-event.entity.js';
export * from './webhook-events.js';
