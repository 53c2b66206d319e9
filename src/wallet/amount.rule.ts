import { fieldRule, invalidField } from '../common/http/index.js';
import { fromStored, type Stored, toStored, type Unit, UNITS } from '../ledger/index.js';

function amountProblem(unit: Unit, value: unknown): string | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return 'must be a number';
  if (value <= 0) return 'must be greater than 0';
  if (value > fromStored(unit, UNITS[unit].limit)) return `must be at most ${fromStored(unit, UNITS[unit].limit)}`;
  if (toStored(unit, value) === undefined)
    return unit === 'USD' ? 'must have at most six decimals' : 'must be a whole number';
  return undefined;
}

const limits = (unit: Unit) => ({
  minimum: fromStored(unit, 1 as Stored),
  maximum: fromStored(unit, UNITS[unit].limit),
});

/** A positive amount of dollars with at most six decimals. */
export const IsDollars = fieldRule('isDollars', (value) => amountProblem('USD', value), limits('USD'));

/** A positive whole number of tokens. */
export const IsTokens = fieldRule('isTokens', (value) => amountProblem('tokens', value), {
  type: 'integer',
  ...limits('tokens'),
});

/** @throws ApiError VALIDATION_ERROR for an amount that the ledger does not hold exactly */
export function storedAmount(unit: Unit, amount: number, field = 'amount'): Stored {
  const stored = toStored(unit, amount);
  if (stored === undefined) throw invalidField(field, 'is outside the range that the ledger holds exactly');
  return stored;
}
