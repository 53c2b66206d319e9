export * from './columns.js';
export * from './data-source.js';
export * from './database.module.js';
export * from './errors.js';
export * from './migrate.js';
export * from './open.js';
export * from './sql.js';
export * from './transactions.js';
