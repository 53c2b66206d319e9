import { Ledger1763800000000 } from './1763800000000-ledger.js';
import { Overview1764000000000 } from './1764000000000-overview.js';
import { Freeze1764000001000 } from './1764000001000-freeze.js';
import { Finance1764000003000 } from './1764000003000-finance.js';
import { Usage1764000006000 } from './1764000006000-usage.js';

/** The migrations that make the ledger's tables, oldest first. */
export const LEDGER_MIGRATIONS = [
  Ledger1763800000000,
  Overview1764000000000,
  Freeze1764000001000,
  Finance1764000003000,
  Usage1764000006000,
];
