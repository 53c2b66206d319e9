export * from './credits.module.js';
export { CreditsService } from './credits.service.js';
