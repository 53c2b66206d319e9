import { describe, expect, it } from '@jest/globals';
import { price, type Priced, readUsage } from '../../../src/pricing/domain/index.js';
import { CHECKED } from './answers.js';
import { CARD } from './card.js';

describe('checked usages', () => {
  it.each(CHECKED)('$name', ({ usage, exact, amount, tier }) => {
    const priced = price(CARD, readUsage(usage)) as Priced;
    expect({ amount: priced.amount, exact: priced.pricing.exact, tier: priced.pricing.tier }).toEqual({
      amount,
      exact,
      tier,
    });
  });
});
