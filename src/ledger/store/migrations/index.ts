import { Freeze1764000001000 } from './1764000001000-freeze.js';
import { Ledger1763800000000 } from './1763800000000-ledger.js';

/** The migrations that make the ledger's tables, oldest first. */
export const LEDGER_MIGRATIONS = [Ledger1763800000000, Freeze1764000001000];
