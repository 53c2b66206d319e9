import { Pricing1764000008000 } from './1764000008000-pricing.js';

/** The migrations that make the tables of prices, oldest first. */
export const PRICING_MIGRATIONS = [Pricing1764000008000];
