import { Payments1763600001000 } from './1763600001000-payments.js';

/** The migrations that make the tables of payments, oldest first. */
export const PAYMENTS_MIGRATIONS = [Payments1763600001000];
