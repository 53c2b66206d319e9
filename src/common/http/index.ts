export * from './bootstrap.js';
export * from './envelope.js';
export * from './errors.js';
export * from './idempotency.js';
export * from './openapi.js';
export * from './paging.dto.js';
export * from './public.js';
export * from './validation.js';
