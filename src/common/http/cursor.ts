import { invalidField } from './errors.js';
import { requestHash } from './idempotency.js';

/**
 * The text that a client sends to go on after a page.
 * @param list the account, the filter and the order; the cursor of one list is none of another
 * @param position where the next page begins: whole numbers, with a meaning for the list alone
 */
export function cursorAt(list: object, position: readonly number[]): string {
  return Buffer.from(`${position.join(' ')} ${requestHash({ list, position })}`).toString('base64url');
}

/**
 * The position that a cursor names.
 * @throws ApiError VALIDATION_ERROR for a text that `cursorAt` did not make of the same list
 */
export function positionOf(list: object, cursor: string): number[] {
  const position = Buffer.from(cursor, 'base64url').toString().split(' ').slice(0, -1).map(Number);
  if (!position.every(Number.isSafeInteger) || cursorAt(list, position) !== cursor)
    throw invalidField('cursor', 'must be the next_cursor of a page of the same account, filter and order');
  return position;
}
