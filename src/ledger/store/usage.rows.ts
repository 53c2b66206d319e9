import type { Raw } from '../../common/database/index.js';
import type { Grain, UsageDimension, UsageRow } from '../domain/index.js';
import { ended, type UsageSumRow } from './usage.entities.js';

const BILLION = 1_000_000_000n;

/** The columns of `usage_sum s` that `usageRow` reads. One driver would round the sums to doubles. */
export const USAGE_COLUMNS = `s.grain, s.bucket, s.value, s.measure, CAST(s.units AS CHAR) AS units,
  CAST(s.billions AS CHAR) AS billions, s.count`;

/** The row of a result. */
export function usageRow(raw: Raw, dimension: UsageDimension): UsageRow {
  return {
    dimension,
    grain: raw['grain'] as Grain,
    bucket: Number(raw['bucket']),
    value: ended.from(String(raw['value'])),
    measure: ended.from(String(raw['measure'])),
    sum: BigInt(raw['billions']!) * BILLION + BigInt(raw['units']!),
    count: Number(raw['count']),
  };
}

/** The row of the table. */
export function usageSumRow(accountId: number, { sum, ...row }: UsageRow): UsageSumRow {
  return { ...row, accountId, billions: Number(sum / BILLION), units: Number(sum % BILLION) };
}
