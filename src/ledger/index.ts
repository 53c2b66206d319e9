<<<<<<< HEAD
export { UNITS, toStored, fromStored, type EntryType, type HoldStatus, type Unit } from './domain/index.js';
=======
>>>>>>> main
export * from './ledger.dto.js';
export { LEDGER_ENTITIES } from './ledger.entities.js';
export * from './ledger.module.js';
export * from './ledger.reader.js';
export * from './ledger.service.js';
export * from './amount.rule.js';
