import { Ledger1763600000000 } from './1763600000000-ledger.js';
import { Payments1763600001000 } from './1763600001000-payments.js';

/** All migrations, oldest first. */
export const migrations = [Ledger1763600000000, Payments1763600001000];
