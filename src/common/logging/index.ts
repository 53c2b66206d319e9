export * from './explain.js';
export * from './logger.js';
