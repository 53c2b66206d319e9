import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ApiError, cursorAt, positionOf } from '../../src/common/http/index.js';

const list = fc.record({
  name: fc.constantFrom('USD user:1', 'USD user:2', 'tokens user:1'),
  order: fc.constantFrom('asc', 'desc'),
  q: fc.option(fc.string(), { nil: undefined }),
  from: fc.option(fc.maxSafeNat(), { nil: undefined }),
});
const position = fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 3 });

function refusal(of: object, cursor: string): unknown {
  try {
    return positionOf(of, cursor);
  } catch (error) {
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: 'VALIDATION_ERROR', options: { details: [{ field: 'cursor' }] } });
    return 'refused';
  }
}

describe('a cursor', () => {
  it('names the position of its list, and is text that a query can carry as it is', () => {
    fc.assert(
      fc.property(list, position, (of, at) => {
        const cursor = cursorAt(of, at);
        expect(cursor).toMatch(/^[\w-]{1,200}$/);
        expect(positionOf({ ...of }, cursor)).toEqual(at);
        // The order in which a filter was written means nothing.
        expect(positionOf(Object.fromEntries(Object.entries(of).reverse()), cursor)).toEqual(at);
      }),
    );
  });

  it('is none of another list', () => {
    fc.assert(
      fc.property(list, list, position, (one, other, at) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        expect(refusal(other, cursorAt(one, at))).toBe('refused');
      }),
    );
  });

  it('is none once a character of it is another, or too many or too few', () => {
    fc.assert(
      fc.property(list, position, fc.nat(), fc.constantFrom('A', 'b', '7', '_', '='), (of, at, n, letter) => {
        const cursor = cursorAt(of, at);
        const i = n % cursor.length;
        fc.pre(cursor[i] !== letter);
        expect(refusal(of, cursor.slice(0, i) + letter + cursor.slice(i + 1))).toBe('refused');
        expect(refusal(of, cursor.slice(0, i))).toBe('refused');
        expect(refusal(of, cursor + letter)).toBe('refused');
      }),
    );
  });

  it('is no other text', () => {
    const text = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom('', ' ', 'null', 'MSAy', '🙂'));
    fc.assert(fc.property(list, text, (of, cursor) => expect(refusal(of, cursor)).toBe('refused')));
  });
});
