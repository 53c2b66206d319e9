import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Evidence, evidenceText, POOLS, readEvidence } from '../../../src/pricing/domain/index.js';

const name = fc.string({ minLength: 1, maxLength: 100 });
const dollars = fc.constantFrom('0.000003', '12', '0.000000000001', '99999999999999999.123456789012');
const amounts = { quantity: fc.oneof(fc.integer({ min: 1 }), fc.constantFrom(0.000001, 12.5)), unit_price: dollars };
const ofModel = fc.record(
  {
    rate_card: fc.integer({ min: 1 }),
    model: name,
    tier: fc.integer({ min: 1 }),
    service_tier: name,
    lines: fc.array(fc.record({ pool: fc.constantFrom(...POOLS), ...amounts, amount: dollars }), { minLength: 1 }),
    exact: dollars,
  },
  { requiredKeys: ['rate_card', 'model', 'lines', 'exact'] },
);
const ofMeter = fc
  .record({ rate_card: fc.integer({ min: 1 }), meter: name, line: fc.record({ ...amounts, amount: dollars }) })
  .map(({ rate_card, meter, line }) => ({ rate_card, meter, lines: [{ meter, ...line }], exact: line.amount }));

it('the text of a pricing says all of it', () => {
  fc.assert(
    fc.property(fc.oneof<fc.Arbitrary<Evidence>[]>(ofModel, ofMeter), (evidence) => {
      expect(readEvidence(evidenceText(evidence))).toEqual(evidence);
    }),
  );
});
