import { cursorAt, type CursorPage } from '../common/http/index.js';

/** The digits of an id that one number of a cursor holds. */
const DIGITS = 10;

/** An id of 32 hexadecimal digits as the numbers of a cursor. */
export function toNumbers(digits: string): number[] {
  return (digits.match(/.{1,10}/g) ?? []).map((part) => parseInt(part, 16));
}

/** The 32 digits that `toNumbers` read. */
export function toDigits(numbers: readonly number[]): string {
  return numbers.map((number, i) => number.toString(16).padStart(Math.min(DIGITS, 32 - i * DIGITS), '0')).join('');
}

/**
 * The page that begins with these rows.
 * @param list the filter, so that the cursor of one list is none of another
 * @param rows one more than the page holds, if there is one
 * @param positionOf where the list goes on after a row
 */
export function pageOf<Row, T>(
  list: object,
  limit: number,
  rows: readonly Row[],
  positionOf: (row: Row) => readonly number[],
  present: (row: Row) => T,
): CursorPage<T> {
  const shown = rows.slice(0, limit);
  return {
    data: shown.map(present),
    meta: { limit, ...(rows.length > limit && { next_cursor: cursorAt(list, positionOf(shown.at(-1)!)) }) },
  };
}
