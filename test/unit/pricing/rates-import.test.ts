import { describe, expect, it } from '@jest/globals';
import type { ModelInfo, ModelPrice } from '@pydantic/genai-prices';
import { convert } from '../../../scripts/rates-import/convert.js';
import type { ProviderRule } from '../../../scripts/rates-import/providers.js';

const RULE: ProviderRule = {
  name: 'acme',
  source: 'acme',
  page: 'https://acme.test',
  batch: /^big$/,
  imageAsText: /^big$/,
};
const info = (prices: ModelInfo['prices'], more: Partial<ModelInfo> = {}): ModelInfo => ({
  id: 'big',
  match: { or: [{ equals: 'big-2026' }, { starts_with: 'big-' }] },
  prices,
  ...more,
});
const tiered = (base: number, ...tiers: [start: number, price: number][]) =>
  ({ base, tiers: tiers.map(([start, price]) => ({ start, price })) }) as unknown as number;
const made = (prices: ModelInfo['prices'], more?: Partial<ModelInfo>) =>
  convert(RULE, info(prices, more), '2026-11-22');

describe('the import of a model', () => {
  it('turns "more than n" into a tier from n + 1 that names every pool', () => {
    const prices: ModelPrice = { input_mtok: tiered(3, [200_000, 6]), output_mtok: 15, web_searches_kcount: 10 };
    expect(made(prices).model).toEqual({
      id: 'acme/big',
      aliases: ['big', 'big-2026'],
      prices: { input: '3', output: '15', input_image: '3', web_searches: '10' },
      tiers: [{ from: 200_001, prices: { input: '6', output: '15', input_image: '6', web_searches: '10' } }],
      service_tiers: { batch: '0.5' },
    });
  });

  it('takes the prices of the day, at the dearest hours, and tells of later ones', () => {
    const { model, remarks } = made([
      { prices: { input_mtok: 1 } },
      { constraint: { type: 'start_date', start_date: '2026-08-01' }, prices: { input_mtok: 2 } },
      {
        constraint: { type: 'time_of_date', start_time: '01:00:00Z', end_time: '04:00:00Z' },
        prices: { input_mtok: 4 },
      },
      { constraint: { type: 'start_date', start_date: '2027-01-01' }, prices: { input_mtok: 9 } },
    ]);
    expect(model!.prices.input).toBe('4');
    expect(remarks).toEqual(['has other prices from 2027-01-01 on']);
  });

  it('never takes a parent’s price, and says where cached audio has no pool', () => {
    const { model, remarks } = made({ input_mtok: 1, cache_read_mtok: 0.1, cache_audio_read_mtok: 0.3 });
    expect(model!.prices).toEqual({ input: '1', cache_read: '0.1', input_image: '1' });
    expect(remarks).toEqual(['cached audio costs what cached text does; the provider asks $0.3 per million']);
  });

  it.each<[string, ModelPrice, Partial<ModelInfo>, RegExp]>([
    ['a rounding error', { input_mtok: 0.1 + 0.2 }, {}, /inexact price, 0.30000000000000004/],
    ['less than 10⁻⁶', { input_mtok: 1e-7 }, {}, /inexact price, 1e-7/],
    ['less than nothing', { input_mtok: -1 }, {}, /inexact price, -1/],
    ['nothing at all', {}, {}, /no price/],
    ['hours only', { audio_hours: 3 }, {}, /no price/],
    ['a deprecated model', { input_mtok: 1 }, { deprecated: true }, /deprecated/],
    [
      'a reseller’s price',
      { input_mtok: 1 },
      { price_comments: 'Imported from OpenRouter pricing; verify.' },
      /reseller/,
    ],
  ])('leaves out %s', (_, prices, more, reason) => {
    const { model, left } = made(prices, more);
    expect(model).toBeUndefined();
    expect(left).toMatch(reason);
  });
});
