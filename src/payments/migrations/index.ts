import { Payments1763800001000 } from './1763800001000-payments.js';
import { Resolutions1764000003500 } from './1764000003500-resolutions.js';
import { Returns1764000004000 } from './1764000004000-returns.js';
import { RefundRecords1764000005000 } from './1764000005000-refund-records.js';

/** The migrations that make the tables of payments, oldest first. */
export const PAYMENTS_MIGRATIONS = [
  Payments1763800001000,
  Resolutions1764000003500,
  Returns1764000004000,
  RefundRecords1764000005000,
];
