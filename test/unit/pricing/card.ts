import { compileCard, type RateCardBody } from '../../../src/pricing/domain/index.js';

/** A card with everything that a card can have, at prices that are easy to reckon with. */
export const BODY: RateCardBody = {
  currency: 'USD',
  markup: '1',
  models: [
    {
      id: 'anthropic/sonnet',
      aliases: ['sonnet', 'sonnet-20250929'],
      prices: {
        input: '3',
        cache_read: '0.3',
        cache_write: '3.75',
        cache_write_1h: '6',
        output: '15',
        web_searches: '10',
      },
      tiers: [
        {
          from: 200_001,
          prices: {
            input: '6',
            cache_read: '0.6',
            cache_write: '7.5',
            cache_write_1h: '12',
            output: '22.5',
            web_searches: '10',
          },
        },
      ],
      service_tiers: { batch: '0.5', us: '1.1', 'batch+slow': '0.3' },
    },
    {
      id: 'openai/gpt',
      aliases: ['gpt'],
      prices: {
        input: '1.25',
        cache_read: '0.125',
        cache_write: '1.5625',
        output: '10',
        input_audio: '32',
        output_audio: '64',
        input_image: '1.25',
        output_image: '40',
        requests: '0.5',
        web_searches: '10',
      },
      service_tiers: { batch: '0.5', priority: '2', Scale: '3' },
    },
    {
      id: 'google/gemini',
      aliases: ['gemini'],
      prices: {
        input: '0.3',
        cache_read: '0.03',
        output: '2.5',
        reasoning: '3.5',
        input_audio: '1',
        input_image: '0.3',
        output_image: '30',
      },
      service_tiers: { flex: '0.5' },
    },
    { id: 'amazon/nova', aliases: ['nova'], prices: { input: '0.06', cache_read: '0.015', output: '0.24' } },
    { id: 'meta/free-input', aliases: [], prices: { input: '0', output: '0.000001' } },
  ],
  meters: [
    { id: 'compute_second', unit_price: '0.000025', unit: 'second' },
    { id: 'gibibyte_month', unit_price: '0.023', unit: 'GiB-month' },
    { id: 'dust', unit_price: '0.000000000001', unit: 'grain' },
    { id: 'gold', unit_price: '1000000', unit: 'bar' },
  ],
};

export const CARD = compileCard(7, BODY);
