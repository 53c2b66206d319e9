import { Payments1763800001000 } from './1763800001000-payments.js';

/** The migrations that make the tables of payments, oldest first. */
export const PAYMENTS_MIGRATIONS = [Payments1763800001000];
