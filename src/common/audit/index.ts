export * from './1764000002000-audit.js';
export * from './audit.js';
export * from './audit-id.js';
export * from './audit.entity.js';
