import type { Answer, Client, RequestOptions } from './client.js';

export const CARDS = '/api/pricing/rate-cards';

/** A small card. Its prices with the markup of 1.25: input 3.75, output 18.75, a second of compute 0.00003125. */
export function cardOf(changes: object = {}): any {
  return {
    currency: 'USD',
    markup: '1.25',
    models: [
      {
        id: 'anthropic/claude-sonnet-4-5',
        aliases: ['claude-sonnet-4-5-20250929'],
        prices: { input: '3', output: '15', web_searches: '10' },
        tiers: [{ from: 200_001, prices: { input: '6', output: '22.5', web_searches: '10' } }],
        service_tiers: { batch: '0.5' },
      },
    ],
    meters: [{ id: 'compute_second', unit_price: '0.000025', unit: 'second' }],
    ...changes,
  };
}

/** Makes a card; its version stands in the answer. */
export function makeCard(
  admin: Client,
  changes: object = {},
  options: Omit<RequestOptions, 'body'> = {},
): Promise<Answer> {
  return admin.post(CARDS, cardOf(changes), options);
}
