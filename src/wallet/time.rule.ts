import { fieldRule } from '../common/http/index.js';

const TIME = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * The time that a text names; an invalid one where it names none. A date alone means its first moment in UTC.
 * JavaScript rolls 31 February over into March, which we call no date.
 */
export function toTime(value: unknown): Date {
  const [, year, month, day] = TIME.exec(String(value)) ?? [];
  const exists =
    day !== undefined && new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  return new Date(exists ? String(value) : NaN);
}

/** An ISO-8601 time. */
export const IsTime = fieldRule(
  'isTime',
  (value) =>
    typeof value === 'string' && !Number.isNaN(toTime(value).getTime())
      ? undefined
      : 'must be an ISO-8601 date or time with a zone',
  { type: 'string', format: 'date-time' },
);
