import type { PricesBody } from './card.js';
import { priceDecimals } from './card.js';
import { parseDecimal, PRICE_DECIMALS } from './decimal.js';
import { type Pool, POOLS } from './pools.js';
import { MAX_COUNT } from './usage-error.js';

/** A bad line of a rate card. */
export interface Problem {
  /** For example `models[3].prices.input`. */
  readonly field: string;
  readonly message: string;
}

const NAME = /^[A-Za-z0-9._:/@-]{1,100}$/;
const SERVICE_TIER = /^[A-Za-z0-9._+-]{1,100}$/;
const [DAY, CLOCK] = ['\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])', '([01]\\d|2[0-3]):[0-5]\\d'];
const TIME = new RegExp(`^${DAY}T${CLOCK}(:[0-5]\\d(\\.\\d{1,9})?)?(Z|[+-]${CLOCK})$`);
const THIRTY_DAYS = [4, 6, 9, 11];
const MAX_TEXT = 1_000;
/** The most dollars per million tokens or thousand calls, per unit of a meter, and the largest factor. */
const MAX_PRICE = 10_000;
const MAX_UNIT_PRICE = 1_000_000;
const MAX_FACTOR = 100;

type Members = Readonly<Record<string, unknown>>;

/** Every bad line of a rate card; empty when it is good. */
export function checkCard(body: unknown): Problem[] {
  return new CardCheck().check(body);
}

/** Walks through a card and collects its problems. */
class CardCheck {
  private readonly problems: Problem[] = [];
  /** Where each id and alias stands, of models and meters together. */
  private readonly names = new Map<string, string>();

  check(body: unknown): Problem[] {
    const card = this.object('', body, ['effective_from', 'currency', 'markup', 'models', 'meters', 'notes']);
    if (!card) return this.problems;
    const { effective_from: from, currency, markup, notes } = card;
    if (from !== undefined && !isTime(from)) this.add('effective_from', 'must be a time in ISO 8601');
    if (currency !== 'USD') this.add('currency', 'must be USD');
    this.factor('markup', markup);
    this.list('models', card['models']).forEach((model, i) => this.model(`models[${i}]`, model));
    this.list('meters', card['meters']).forEach((meter, i) => this.meter(`meters[${i}]`, meter));
    this.list('notes', notes ?? []).forEach((note, i) => this.text(`notes[${i}]`, note));
    return this.problems;
  }

  private model(field: string, body: unknown): void {
    const model = this.object(field, body, ['id', 'aliases', 'prices', 'tiers', 'service_tiers']);
    if (!model) return;
    this.name(`${field}.id`, model['id']);
    this.list(`${field}.aliases`, model['aliases'] ?? []).forEach((alias, i) =>
      this.name(`${field}.aliases[${i}]`, alias),
    );
    const priced = this.prices(`${field}.prices`, model['prices']);
    let last = 0;
    this.list(`${field}.tiers`, model['tiers'] ?? []).forEach((tier, i) => {
      last = this.tier(`${field}.tiers[${i}]`, tier, priced, last);
    });
    this.serviceTiers(`${field}.service_tiers`, model['service_tiers'] ?? {});
  }

  private serviceTiers(field: string, body: unknown): void {
    const seen = new Set(['standard', 'default']);
    for (const [name, factor] of Object.entries(this.object(field, body) ?? {})) {
      const plain = name.toLowerCase();
      if (!SERVICE_TIER.test(name) || seen.has(plain))
        this.add(
          `${field}.${name}`,
          'must be named by letters, digits and . _ + -, once whatever its capitals, and not standard',
        );
      seen.add(plain);
      this.factor(`${field}.${name}`, factor);
    }
  }

  /** @returns the tier's `from`, above which the next one must begin */
  private tier(field: string, body: unknown, priced: readonly Pool[], last: number): number {
    const tier = this.object(field, body, ['from', 'prices']);
    if (!tier) return last;
    const from = tier['from'];
    const known = this.prices(`${field}.prices`, tier['prices']);
    for (const pool of priced)
      if (!known.includes(pool)) this.add(`${field}.prices.${pool}`, 'must be there, because the model prices it');
    if (typeof from === 'number' && Number.isInteger(from) && from > last && from <= MAX_COUNT) return from;
    this.add(`${field}.from`, `must be a whole number above ${last}, and at most ${MAX_COUNT}`);
    return last;
  }

  /** @returns the pools that have a price, good or bad */
  private prices(field: string, body: unknown): Pool[] {
    const prices = this.object(field, body, POOLS) as PricesBody | undefined;
    if (!prices) return [];
    const priced = POOLS.filter((pool) => prices[pool] !== undefined);
    if (priced.length === 0) this.add(field, 'must have a price');
    for (const pool of priced) this.decimal(`${field}.${pool}`, prices[pool], priceDecimals(pool), MAX_PRICE);
    return priced;
  }

  private meter(field: string, body: unknown): void {
    const meter = this.object(field, body, ['id', 'unit_price', 'unit']);
    if (!meter) return;
    this.name(`${field}.id`, meter['id']);
    this.decimal(`${field}.unit_price`, meter['unit_price'], PRICE_DECIMALS, MAX_UNIT_PRICE);
    this.text(`${field}.unit`, meter['unit']);
  }

  /** A name that nothing else of the card has. */
  private name(field: string, value: unknown): void {
    if (typeof value !== 'string' || !NAME.test(value))
      return this.add(field, 'must be 1 to 100 characters of A-Z a-z 0-9 . _ : / @ -');
    const other = this.names.get(value);
    if (other !== undefined) return this.add(field, `must be unique; ${other} is ${value} too`);
    this.names.set(value, field);
  }

  private factor(field: string, value: unknown): void {
    if (this.decimal(field, value, PRICE_DECIMALS, MAX_FACTOR) === 0n) this.add(field, 'must be more than 0');
  }

  private decimal(field: string, value: unknown, decimals: number, most: number): bigint | undefined {
    const parsed = parseDecimal(value, decimals);
    if (parsed !== undefined && parsed <= BigInt(most) * 10n ** BigInt(decimals)) return parsed;
    const sign = typeof value === 'string' && value.startsWith('-') ? 'must not be negative: ' : '';
    this.add(field, `${sign}must be a decimal string from 0 to ${most} with at most ${decimals} decimals`);
    return undefined;
  }

  private text(field: string, value: unknown): void {
    if (typeof value !== 'string' || value === '' || value.length > MAX_TEXT)
      this.add(field, `must be a string of 1 to ${MAX_TEXT} characters`);
  }

  private list(field: string, value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value;
    this.add(field, 'must be a list');
    return [];
  }

  /** @param known its members; undefined: any */
  private object(field: string, value: unknown, known?: readonly string[]): Members | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(field, 'must be an object');
      return undefined;
    }
    for (const name of Object.keys(value))
      if (known && !known.includes(name)) this.add(field === '' ? name : `${field}.${name}`, 'is not known');
    return value as Members;
  }

  private add(field: string, message: string): void {
    this.problems.push({ field: field || 'body', message });
  }
}

/** Whether it names a time, on a day that its month has. */
function isTime(value: unknown): boolean {
  if (typeof value !== 'string' || !TIME.test(value)) return false;
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 ? (isLeap ? 29 : 28) : THIRTY_DAYS.includes(month) ? 30 : 31);
}
