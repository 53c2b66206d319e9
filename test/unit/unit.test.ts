import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fromStored, negate, toStored, UNITS } from '../../src/ledger/domain/index.js';
import { stored } from '../support/posting.js';

const RUNS = { numRuns: 20_000 };
const LIMIT = UNITS.USD.limit;

describe('dollars', () => {
  const micros = fc.integer({ min: negate(LIMIT), max: LIMIT }).map(stored);

  it('every micro-dollar below 2^33 dollars comes back from JSON as it went', () => {
    fc.assert(
      fc.property(
        micros,
        (amount) => toStored('USD', JSON.parse(JSON.stringify(fromStored('USD', amount))) as number) === amount,
      ),
      RUNS,
    );
  });

  it.each([1, 2, 999_999, 1_000_000, LIMIT - 1, LIMIT, negate(LIMIT)])(
    '%d micro-dollars come back as they went',
    (amount) => {
      expect(toStored('USD', fromStored('USD', stored(amount)))).toBe(amount);
    },
  );

  it('is written with at most six decimals', () => {
    fc.assert(
      fc.property(micros, (amount) => {
        const text = fromStored('USD', amount).toFixed(6);
        return Number(text) === fromStored('USD', amount) && BigInt(text.replace('.', '')) === BigInt(amount);
      }),
      RUNS,
    );
  });

  it('a decimal text with six decimals is the micro-dollars that it says', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 }), fc.nat({ max: 999_999 }), (whole, part) => {
        const text = `${whole}.${String(part).padStart(6, '0')}`;
        return toStored('USD', JSON.parse(text) as number) === whole * 1_000_000 + part;
      }),
      RUNS,
    );
  });

  it('a seventh decimal is refused, never rounded', () => {
    // Up to 10^8 dollars a double tells seven decimals apart for sure.
    fc.assert(
      fc.property(
        fc.nat({ max: 99_999_999 }),
        fc.nat({ max: 999_999 }),
        fc.integer({ min: 1, max: 9 }),
        (whole, part, seventh) => {
          const amount = JSON.parse(`${whole}.${String(part).padStart(6, '0')}${seventh}`) as number;
          return toStored('USD', amount) === undefined;
        },
      ),
      RUNS,
    );
  });

  it.each([0.0000001, 1.0000005, 0.1 + 0.2, NaN, Infinity, -Infinity, 2 ** 33, 1e308, Number.MIN_VALUE])(
    '%d is refused',
    (amount) => {
      expect(toStored('USD', amount)).toBeUndefined();
    },
  );

  it('the greatest amount is 2^33 dollars less a micro-dollar', () => {
    expect(toStored('USD', 8_589_934_591.999999)).toBe(LIMIT);
    expect(Number.isSafeInteger(LIMIT)).toBe(true);
  });
});

describe('tokens', () => {
  it('every whole number up to 2^53 − 1 is itself', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => toStored('tokens', n) === n && fromStored('tokens', stored(n)) === n),
      RUNS,
    );
  });

  it.each([0.5, 1e-7, 1.000001, 2 ** 53, NaN, Infinity])('%d is refused', (amount) => {
    expect(toStored('tokens', amount)).toBeUndefined();
  });
});
