export * from './accounts.reader.js';
export * from './entries.reader.js';
export * from './follower.js';
export * from './overview.store.js';
