import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  checkCard,
  compileCard,
  type ModelBody,
  price,
  type Priced,
  type RateCard,
  type RateCardBody,
  readUsage,
} from '../../../src/pricing/domain/index.js';
import { NearestNames } from '../../../src/pricing/domain/nearest.js';
import { BODY } from './card.js';

const MODEL: ModelBody = { id: 'a/b', prices: { input: '1', output: '2' } };
const cardWith = (more: object): object => ({ currency: 'USD', markup: '1', models: [], meters: [], ...more });
const modelWith = (more: object) => cardWith({ models: [{ ...MODEL, ...more }] });
const priceOf = (pool: string, text: unknown) => modelWith({ prices: { [pool]: text } });
const tiers = (...each: object[]) => modelWith({ tiers: each });
const PRICES = { input: '2', output: '3' };
const meterWith = (more: object) =>
  cardWith({ meters: [{ id: 'compute_second', unit_price: '0.1', unit: 'second', ...more }] });

describe('a good card', () => {
  it.each<[string, object]>([
    ['everything', BODY],
    ['an empty one', cardWith({})],
    ['a day of a leap year', cardWith({ effective_from: '2028-02-29T23:59:59-11:00' })],
    ['a time', cardWith({ effective_from: '2026-12-01T00:00:00Z' })],
    ['the largest token price', priceOf('input', '10000')],
    ['the smallest token price', priceOf('input', '0.000001')],
    ['nothing is a price', priceOf('input', '0')],
    ['nine decimals for calls', priceOf('requests', '0.000000001')],
    ['twelve decimals for meters', meterWith({ unit_price: '0.000000000001' })],
    ['the largest meter price', meterWith({ unit_price: '1000000' })],
    ['a tier from the first token', tiers({ from: 1, prices: PRICES })],
    ['a factor of a hundred', modelWith({ service_tiers: { batch: '100' } })],
  ])('%s', (_, card) => {
    expect(checkCard(card)).toEqual([]);
  });
});

describe('a bad line', () => {
  it.each<[string, unknown, string]>([
    ['a list', [], 'body'],
    ['nothing', null, 'body'],
    ['no models', { currency: 'USD', markup: '1', meters: [] }, 'models'],
    ['no meters', { currency: 'USD', markup: '1', models: [] }, 'meters'],
    ['a member that nobody knows', cardWith({ margin: '2' }), 'margin'],
    ['another currency', cardWith({ currency: 'EUR' }), 'currency'],
    ['no markup', { currency: 'USD', models: [], meters: [] }, 'markup'],
    ['a markup of nothing', cardWith({ markup: '0' }), 'markup'],
    ['a markup of more than a hundred', cardWith({ markup: '100.1' }), 'markup'],
    ['a markup that is a number', cardWith({ markup: 1.25 }), 'markup'],
    ['a day', cardWith({ effective_from: '2026-12-01' }), 'effective_from'],
    ['a day that never was', cardWith({ effective_from: '2026-13-01T00:00:00Z' }), 'effective_from'],
    ['a day that February lacks', cardWith({ effective_from: '2027-02-29T00:00:00Z' }), 'effective_from'],
    ['a day that no February has', cardWith({ effective_from: '2028-02-30T23:00:00+01:00' }), 'effective_from'],
    ['a day that November lacks', cardWith({ effective_from: '2027-11-31T00:00:00Z' }), 'effective_from'],
    ['a note of no letters', cardWith({ notes: ['fine', ''] }), 'notes[1]'],
    ['an id with a space', modelWith({ id: 'a b' }), 'models[0].id'],
    ['an id of 101 letters', modelWith({ id: 'a'.repeat(101) }), 'models[0].id'],
    ['a model that nobody can buy', modelWith({ prices: {} }), 'models[0].prices'],
    ['a pool that nobody knows', modelWith({ prices: { ...PRICES, thoughts: '1' } }), 'models[0].prices.thoughts'],
    ['a member of a model that nobody knows', modelWith({ price: {} }), 'models[0].price'],
    ['-1', priceOf('input', '-1'), 'models[0].prices.input'],
    ['a number', priceOf('input', 3), 'models[0].prices.input'],
    ['seven decimals', priceOf('input', '0.0000001'), 'models[0].prices.input'],
    ['ten decimals for calls', priceOf('web_searches', '0.0000000001'), 'models[0].prices.web_searches'],
    ['more than ten thousand', priceOf('input', '10000.000001'), 'models[0].prices.input'],
    ['an exponent', priceOf('input', '1e3'), 'models[0].prices.input'],
    ['a comma', priceOf('input', '1,5'), 'models[0].prices.input'],
    ['no digit before the point', priceOf('input', '.5'), 'models[0].prices.input'],
    ['nothing after the point', priceOf('input', '1.'), 'models[0].prices.input'],
    ['a space', priceOf('input', ' 1'), 'models[0].prices.input'],
    ['a million digits', priceOf('input', '1'.repeat(1_000_000)), 'models[0].prices.input'],
    ['an alias that is a number', modelWith({ aliases: ['x', 3] }), 'models[0].aliases[1]'],
    ['an alias that is its id', modelWith({ aliases: ['a/b'] }), 'models[0].aliases[0]'],
    ['the same alias twice', modelWith({ aliases: ['x', 'x'] }), 'models[0].aliases[1]'],
    ['an id twice', cardWith({ models: [MODEL, MODEL] }), 'models[1].id'],
    [
      'an id that is an alias',
      cardWith({
        models: [
          { ...MODEL, aliases: ['c'] },
          { ...MODEL, id: 'c' },
        ],
      }),
      'models[1].id',
    ],
    [
      'a meter that has the name of a model',
      cardWith({ models: [MODEL], meters: [{ id: 'a/b', unit_price: '1', unit: 'x' }] }),
      'meters[0].id',
    ],
    ['a tier from nothing', tiers({ from: 0, prices: PRICES }), 'models[0].tiers[0].from'],
    ['a tier from a part', tiers({ from: 1.5, prices: PRICES }), 'models[0].tiers[0].from'],
    [
      'tiers that do not rise',
      tiers({ from: 9, prices: PRICES }, { from: 9, prices: PRICES }),
      'models[0].tiers[1].from',
    ],
    [
      'a tier without a pool of its model',
      tiers({ from: 9, prices: { input: '2' } }),
      'models[0].tiers[0].prices.output',
    ],
    ['a bad price in a tier', tiers({ from: 9, prices: { ...PRICES, input: 'x' } }), 'models[0].tiers[0].prices.input'],
    ['a service tier at nothing', modelWith({ service_tiers: { batch: '0' } }), 'models[0].service_tiers.batch'],
    ['the standard service tier', modelWith({ service_tiers: { standard: '1' } }), 'models[0].service_tiers.standard'],
    ['Standard', modelWith({ service_tiers: { Standard: '1' } }), 'models[0].service_tiers.Standard'],
    ['a service tier twice', modelWith({ service_tiers: { Batch: '1', batch: '1' } }), 'models[0].service_tiers.batch'],
    ['a meter at -1', meterWith({ unit_price: '-1' }), 'meters[0].unit_price'],
    ['a meter at thirteen decimals', meterWith({ unit_price: '0.0000000000001' }), 'meters[0].unit_price'],
    ['a meter at more than a million', meterWith({ unit_price: '1000001' }), 'meters[0].unit_price'],
    ['a meter without a unit', meterWith({ unit: undefined }), 'meters[0].unit'],
  ])('%s', (_, card, field) => {
    expect(checkCard(card).map((problem) => problem.field)).toEqual([field]);
  });

  it('does not hide another', () => {
    const card = cardWith({ markup: 'x', models: [{ id: '', prices: { input: '-1', foo: '1' } }, 5] });
    expect(
      checkCard(card)
        .map(({ field }) => field)
        .sort(),
    ).toEqual(['markup', 'models[0].id', 'models[0].prices.foo', 'models[0].prices.input', 'models[1]'].sort());
  });
});

describe('effective prices', () => {
  const unitPrice = (body: Partial<ModelBody>, markup: string, serviceTier?: string): string => {
    const card = compileCard(1, { currency: 'USD', markup, models: [{ ...MODEL, ...body }], meters: [] });
    const usage = readUsage({ model: 'a/b', input: 1, ...(serviceTier && { service_tier: serviceTier }) });
    return (price(card, usage) as Priced).pricing.lines[0]!.unit_price;
  };

  it('are rounded up once, when the card is made', () => {
    // 0.000001 a million × 0.5 × 1.5 = 0.75 × 10⁻¹² a token
    const body = { prices: { input: '0.000001', output: '1' }, service_tiers: { batch: '0.5' } };
    expect(unitPrice(body, '1.5', 'batch')).toBe('0.000000000001');
    expect(unitPrice(body, '1.5')).toBe('0.000000000002');
    expect(unitPrice({ prices: { input: '3', output: '1' } }, '1.25')).toBe('0.00000375');
  });
});

describe('a card of 2,000 models', () => {
  /** A card as it comes out of JSON, with its own strings. */
  const largeCard = (number: number): RateCardBody => {
    const prices = (by: number) => ({
      input: `${by}.25`,
      cache_read: `0.${by}`,
      cache_write: `${by}.3`,
      output: `${by}.5`,
    });
    const models = Array.from({ length: 2_000 }, (_, i) => ({
      id: `provider-${i % 20}/model-${i}-of-card-${number}`,
      aliases: [`model-${i}`, `model-${i}-2026-11-22`],
      prices: prices(i + 1),
      tiers: [{ from: 200_001, prices: prices(i + 2) }],
      service_tiers: { batch: '0.5' },
    }));
    return JSON.parse(JSON.stringify({ currency: 'USD', markup: '1.25', models, meters: [] })) as RateCardBody;
  };

  it('is good, and takes less than three megabytes', () => {
    expect(checkCard(largeCard(0))).toEqual([]);
    const before = process.memoryUsage().heapUsed;
    const cards: RateCard[] = [];
    for (let i = 0; i < 10; i++) cards.push(compileCard(i, largeCard(i)));
    for (const each of cards) price(each, readUsage({ model: 'model-7', input: 1 }));
    expect((process.memoryUsage().heapUsed - before) / cards.length).toBeLessThan(3_000_000);
  });

  it('finds the names nearest to many unknown ones while a request may wait', () => {
    const [alike, long] = [compileCard(1, largeCard(0)), { ...largeCard(1) }];
    const end = 'ab'.repeat(25);
    long.models = long.models.map((model, i) => ({ ...model, aliases: [`${i}-${end}-a`, `${end}-${i}`] }));
    const unknown = (i: number) => (i % 2 ? `modle-${i}-of-crad-0` : `${i}-${'ba'.repeat(25)}-${i}`);
    const started = performance.now();
    for (const card of [alike, compileCard(2, long)])
      for (let i = 0; i < 50; i++) price(card, readUsage({ model: unknown(i), input: 1 }));
    // A bound for a busy machine: each takes less than a millisecond outside of the test runner.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('finds the nearest names', () => {
    const card = compileCard(1, largeCard(0));
    const unpriced = price(card, readUsage({ model: 'modle-1999-of-card-0', input: 1 }));
    expect(unpriced).toMatchObject({
      unpriced: { nearest: ['provider-19/model-1999-of-card-0', expect.anything(), expect.anything()] },
    });
  });
});

describe('the nearest names', () => {
  const nearest = (unknown: string, names: Iterable<readonly [string, string]>) =>
    new NearestNames(names).find(unknown);

  /** Wagner and Fischer's, whole. */
  function distance(a: string, b: string): number {
    const table = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array.from({ length: b.length }, () => 0)]);
    for (let j = 0; j <= b.length; j++) table[0]![j] = j;
    for (let i = 1; i <= a.length; i++)
      for (let j = 1; j <= b.length; j++)
        table[i]![j] = Math.min(
          table[i - 1]![j]! + 1,
          table[i]![j - 1]! + 1,
          table[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        );
    return table[a.length]![b.length]!;
  }

  it('are those of the smallest edit distance', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(name, fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), (unknown, names) => {
        const farthest = Math.min(6, Math.max(2, Math.floor(unknown.length / 4)));
        const near = names
          .map((each) => [distance(unknown, each), each] as const)
          .filter(([far]) => far <= farthest)
          .sort(([a, one], [b, other]) => a - b || (one < other ? -1 : 1));
        expect(
          nearest(
            unknown,
            names.map((each) => [each, each]),
          ),
        ).toEqual(near.slice(0, 3).map(([, each]) => each));
      }),
    );
  });

  it('disregard the provider, and name ids, not aliases', () => {
    const names = [
      ['openai/gpt-5', 'openai/gpt-5'],
      ['gpt-5', 'openai/gpt-5'],
      ['x/claude', 'x/claude'],
    ] as const;
    expect(nearest('azure/GPT-6', names)).toEqual(['openai/gpt-5']);
    expect(nearest('a'.repeat(5_000), names)).toEqual([]);
  });
});
