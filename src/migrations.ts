import { LEDGER_MIGRATIONS } from './ledger/index.js';
import { PAYMENTS_MIGRATIONS } from './payments/migrations/index.js';

/** All migrations, oldest first. */
export const MIGRATIONS = [...LEDGER_MIGRATIONS, ...PAYMENTS_MIGRATIONS];
