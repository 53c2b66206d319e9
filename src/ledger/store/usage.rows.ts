import type { Raw } from '../../common/database/index.js';
import type { Grain, UsageRow, UsageSum } from '../domain/index.js';
import { ended, type UsageSumRow } from './usage.entities.js';

const BILLION = 1_000_000_000n;
const LONG = Math.floor(Number.MAX_SAFE_INTEGER / Number(BILLION));

/** The columns of `usage_sum s` that `usageSum` reads: as few as can be, because a driver pays for each. */
export const USAGE_COLUMNS = 's.bucket, s.value, s.measure, s.units, s.billions, s.count';

/** The row of a result. */
export function usageSum(raw: Raw, grain: Grain): UsageSum {
  return {
    grain,
    bucket: Number(raw['bucket']),
    value: ended.from(String(raw['value'])),
    measure: ended.from(String(raw['measure'])),
    sum: sumOf(Number(raw['billions']), Number(raw['units'])),
    count: Number(raw['count']),
  };
}

function sumOf(billions: number, units: number): number | bigint {
  if (billions === 0) return units;
  const sum = billions * Number(BILLION) + units;
  if (Math.abs(billions) < LONG && Number.isSafeInteger(sum)) return sum;
  return BigInt(billions) * BILLION + BigInt(units);
}

/** The row of the table. */
export function usageSumRow(accountId: number, { sum, ...row }: UsageRow): UsageSumRow {
  return { ...row, accountId, billions: Number(sum / BILLION), units: Number(sum % BILLION) };
}
