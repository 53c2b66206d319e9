import { Audit1764000002000 } from './common/audit/index.js';
import { LEDGER_MIGRATIONS } from './ledger/index.js';
import { PAYMENTS_MIGRATIONS } from './payments/migrations/index.js';
import { PRICING_MIGRATIONS } from './pricing/migrations/index.js';

/** All migrations, oldest first. */
export const MIGRATIONS = [...LEDGER_MIGRATIONS, Audit1764000002000, ...PAYMENTS_MIGRATIONS, ...PRICING_MIGRATIONS];
