import { Ledger1763600000000 } from './1763600000000-ledger.js';

/** The migrations that make the ledger's tables, oldest first. */
export const LEDGER_MIGRATIONS = [Ledger1763600000000];
