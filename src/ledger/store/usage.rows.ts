import type { Raw } from '../../common/database/index.js';
import type { Grain, UsageDimension, UsageRow } from '../domain/index.js';
import { ended, type UsageSumRow } from './usage.entities.js';

const BILLION = 1_000_000_000n;

/** The columns of `usage_sum s` that `usageRow` reads: as few as can be, because a driver pays for each. */
export const USAGE_COLUMNS = 's.bucket, s.value, s.measure, s.units, s.billions, s.count';

/** The row of a result. */
export function usageRow(raw: Raw, dimension: UsageDimension, grain: Grain): UsageRow {
  return {
    dimension,
    grain,
    bucket: Number(raw['bucket']),
    value: ended.from(String(raw['value'])),
    measure: ended.from(String(raw['measure'])),
    sum: sumOf(Number(raw['billions']), Number(raw['units'])),
    count: Number(raw['count']),
  };
}

function sumOf(billions: number, units: number): bigint {
  return billions === 0 ? BigInt(units) : BigInt(billions) * BILLION + BigInt(units);
}

/** The row of the table. */
export function usageSumRow(accountId: number, { sum, ...row }: UsageRow): UsageSumRow {
  return { ...row, accountId, billions: Number(sum / BILLION), units: Number(sum % BILLION) };
}
