import { describe, expect, it } from '@jest/globals';
import { ConfigError, readSection } from '../../src/common/config/index.js';
import { PackageDto } from '../../src/credits/credits.dto.js';
import { PlanDto } from '../../src/tokens/tokens.dto.js';

const sold = { id: 'x', name: 'X', price: 9, currency: 'USD' };
const packageOf = (terms: object) => readSection(PackageDto, 'packages', [{ ...sold, amount: 10, ...terms }]);
const planOf = (terms: object) => readSection(PlanDto, 'plans', [{ ...sold, tokens: 1000, ...terms }]);

/** What a catalog is refused for. */
function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the catalog', () => {
  it.each([
    {},
    { expires_in_days: 1 },
    { expires_in_days: 3650 },
    { bonus: { amount: 0.000001 } },
    { bonus: { amount: 12.5, expires_in_days: 90, priority: 0 } },
    { expires_in_days: 365, bonus: { amount: 1, expires_in_days: 3650, priority: 100 } },
  ])('takes a package with the terms %j, and shows it as it stands', (terms) => {
    expect(JSON.parse(JSON.stringify(packageOf(terms)))).toEqual([{ ...sold, amount: 10, ...terms }]);
  });

  it('takes a plan with the same terms, and a bonus of whole tokens', () => {
    const terms = { expires_in_days: 30, bonus: { amount: 50, expires_in_days: 7, priority: 10 } };
    expect(JSON.parse(JSON.stringify(planOf(terms)))).toEqual([{ ...sold, tokens: 1000, ...terms }]);
  });

  it.each<[object, string]>([
    [{ expires_in_days: 0 }, 'packages[0]: expires_in_days must not be less than 1'],
    [{ expires_in_days: 3651 }, 'packages[0]: expires_in_days must not be greater than 3650'],
    [{ expires_in_days: 1.5 }, 'packages[0]: expires_in_days must be an integer number'],
    [{ bonus: { amount: 0 } }, 'packages[0].bonus: amount must be greater than 0'],
    [{ bonus: { amount: 0.0000001 } }, 'packages[0].bonus: amount must have at most six decimals'],
    [{ bonus: { priority: 1 } }, 'packages[0].bonus: amount must be a number'],
    [{ bonus: { amount: 1, priority: 101 } }, 'packages[0].bonus: priority must not be greater than 100'],
    [{ bonus: { amount: 1, priority: -1 } }, 'packages[0].bonus: priority must not be less than 0'],
    [{ bonus: { amount: 1, priority: 0.5 } }, 'packages[0].bonus: priority must be an integer number'],
    [{ bonus: { amount: 1, expires_in_days: 0 } }, 'packages[0].bonus: expires_in_days must not be less than 1'],
    [{ bonus: { amount: 1, price: 1 } }, 'packages[0].bonus: property price should not exist'],
    [{ bonus: [{ amount: 1 }] }, 'packages[0]: bonus must be an object'],
    [{ priority: 1 }, 'packages[0]: property priority should not exist'],
    [{ price: 2 ** 33 }, 'packages[0]: price must be at most 8589934591.999999'],
  ])('refuses a package with %j, and says why', (terms, problem) => {
    expect(problemsOf(() => packageOf(terms))).toContain(`CATALOG_FILE: ${problem}`);
  });

  it('refuses a bonus of a part of a token', () => {
    expect(problemsOf(() => planOf({ bonus: { amount: 0.5 } }))).toEqual([
      'CATALOG_FILE: plans[0].bonus: amount must be a whole number',
    ]);
  });

  it('names every bad field at once', () => {
    const content = [
      { ...sold, amount: 10, expires_in_days: 0 },
      { ...sold, amount: 10, bonus: { amount: -1 } },
    ];
    expect(problemsOf(() => readSection(PackageDto, 'packages', content))).toHaveLength(3);
  });
});
