export { PAYMENTS_ENTITIES } from './payments.entities.js';
export * from './payments.module.js';
