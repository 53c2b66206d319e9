export * from './config.js';
export type { DatabaseConfig } from './database-url.js';
export * from './config.module.js';
export * from './catalog.dto.js';
export * from './catalog.js';
