import { Ledger1763700000000 } from './1763700000000-ledger.js';

/** The migrations that make the ledger's tables, oldest first. */
export const LEDGER_MIGRATIONS = [Ledger1763700000000];
