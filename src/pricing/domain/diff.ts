import type { ModelBody, PricesBody } from './card.js';
import type { PriceList } from './price-list.js';

/** A price that differs between two cards; absent where the card has none. */
interface Change {
  /** The id of the model or meter. */
  id: string;
  /** The pool; `unit` for a meter's unit, `unit_price` for its price; `service_tier:<name>` for a factor. */
  pool: string;
  /** The `from` of the tier; absent: the model's own prices. */
  tier?: number;
  from?: string;
  to?: string;
}

/** What lies between two cards. */
export interface Difference {
  /** The ids of models and meters that only the second card has … */
  added: string[];
  /** … and only the first. */
  removed: string[];
  changed: Change[];
}

/** Compares two cards line by line; a number written in two ways is the same price. */
export function difference(before: PriceList, after: PriceList): Difference {
  const [a, b] = [linesOf(before), linesOf(after)];
  const idsOf = ({ models, meters }: PriceList) => [...models, ...meters].map(({ id }) => id);
  const [had, has] = [new Set(idsOf(before)), new Set(idsOf(after))];
  const changed = [...new Map([...a, ...b])].flatMap(([key, { id, pool, tier }]): Change[] => {
    const [from, to] = [a.get(key)?.value, b.get(key)?.value];
    if (same(from, to) || !had.has(id) || !has.has(id)) return [];
    return [
      {
        id,
        pool,
        ...(tier !== undefined && { tier }),
        ...(from !== undefined && { from }),
        ...(to !== undefined && { to }),
      },
    ];
  });
  return {
    added: [...has].filter((id) => !had.has(id)),
    removed: [...had].filter((id) => !has.has(id)),
    changed,
  };
}

interface Line extends Pick<Change, 'id' | 'pool' | 'tier'> {
  readonly value: string;
}

/** Every price and factor of a card, by its place. */
function linesOf({ models, meters }: PriceList): Map<string, Line> {
  const lines = [
    ...models.flatMap((model) => [
      ...pricesOf(model, model.prices),
      ...(model.tiers ?? []).flatMap(({ from, prices }) => pricesOf(model, prices, from)),
      ...Object.entries(model.service_tiers ?? {}).map(([name, value]) => ({
        id: model.id,
        pool: `service_tier:${name}`,
        value,
      })),
    ]),
    ...meters.flatMap(({ id, unit_price, unit }) => [
      { id, pool: 'unit_price', value: unit_price },
      { id, pool: 'unit', value: unit },
    ]),
  ];
  return new Map(lines.map((line) => [JSON.stringify([line.id, line.pool, 'tier' in line ? line.tier : null]), line]));
}

function pricesOf({ id }: ModelBody, prices: PricesBody, tier?: number): Line[] {
  return Object.entries(prices).map(([pool, value]) => ({ id, pool, ...(tier !== undefined && { tier }), value }));
}

function same(from: string | undefined, to: string | undefined): boolean {
  return from === to || (from !== undefined && to !== undefined && canonical(from) === canonical(to));
}

/** `3.00` and `3` are one price. */
const canonical = (text: string): string => (/^\d+\.\d*$/.test(text) ? text.replace(/\.?0+$/, '') : text);
