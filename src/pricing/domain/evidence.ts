import type { Pool } from './pools.js';
import type { Evidence, Line } from './price.js';

/** `null` where the evidence has none, as long as another one follows. */
type Kept = [rateCard: number, model: string | null, exact: string, lines: string, ...rest: Rest];
type Rest = [tier?: number | null, serviceTier?: string | null, meter?: string];

/**
 * The text that an entry keeps of a pricing. It is a JSON array that says all of it in less than half the length: most
 * of what a priced debit costs more than another is to write this.
 */
export function evidenceText({ rate_card, model, meter, tier, service_tier, lines, exact }: Evidence): string {
  let words = '';
  for (const { pool = '', quantity, unit_price, amount } of lines)
    words += `${words && ';'}${pool} ${quantity} ${unit_price} ${amount}`;
  const kept: Kept = [rate_card, model ?? null, exact, words];
  if (meter !== undefined) kept.push(tier ?? null, service_tier ?? null, meter);
  else if (service_tier !== undefined) kept.push(tier ?? null, service_tier);
  else if (tier !== undefined) kept.push(tier);
  return JSON.stringify(kept);
}

/** The pricing that an entry's text says. */
export function readEvidence(text: string): Evidence {
  const [rate_card, model, exact, words, tier, service_tier, meter] = JSON.parse(text) as Kept;
  const evidence: Evidence = { rate_card, lines: words.split(';').map((line) => lineOf(line, meter)), exact };
  if (model !== null) evidence.model = model;
  if (meter !== undefined) evidence.meter = meter;
  if (tier !== undefined && tier !== null) evidence.tier = tier;
  if (service_tier !== undefined && service_tier !== null) evidence.service_tier = service_tier;
  return evidence;
}

function lineOf(words: string, meter: string | undefined): Line {
  const [pool, quantity, unit_price, amount] = words.split(' ') as [Pool, string, string, string];
  const priced = { quantity: Number(quantity), unit_price, amount };
  return meter === undefined ? { pool, ...priced } : { meter, ...priced };
}
