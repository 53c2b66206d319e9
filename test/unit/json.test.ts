import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseJson } from '../../src/common/http/json.js';

const parse = (text: string) => parseJson(Buffer.from(text));
const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max });

/** A number as text, and how many significant digits it was given. */
const numeral = fc
  .record({
    sign: fc.constantFrom('', '-'),
    zeros: fc.integer({ min: 0, max: 20 }),
    first: fc.integer({ min: 1, max: 9 }),
    more: digits(0, 24),
    point: fc.nat(25),
    exponent: fc.constantFrom('', 'e3', 'E-12', 'e+2'),
  })
  .map(({ sign, zeros, first, more, point, exponent }) => {
    const all = [first, ...more].join('');
    const text =
      point === 0
        ? `0.${'0'.repeat(zeros)}${all}`
        : point < all.length
          ? `${all.slice(0, point)}.${all.slice(point)}`
          : all;
    return { text: `${sign}${text}${exponent}`, significant: all.length };
  });

describe('the parser of bodies', () => {
  it('refuses a number exactly when it has more than 16 significant digits, and says where it stands', () => {
    fc.assert(
      fc.property(
        numeral,
        fc.string(),
        fc.constantFrom('amount', 'expires_in'),
        ({ text, significant }, noise, field) => {
          const before = JSON.stringify({ noise, digits: '"0.12345678901234567890\\', [`"${noise}`]: 1 }).slice(1, -1);
          const body = () => parse(`{${before},"items":[{"${field}":${text}}]}`);
          if (significant > 16)
            expect(body).toThrow(`items.0.${field} must be a number of at most 16 significant digits`);
          else expect((body() as { items: Record<string, number>[] }).items[0]![field]).toBe(Number(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('gives what JSON.parse gives, but for null, and refuses what is no JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(
          !/null|"(?:__proto__|prototype|constructor|toString|valueOf|hasOwnProperty|\w+Of|\w+String|__\w+__)"|[\d.]{17}/.test(
            text,
          ),
        );
        expect(parse(text)).toEqual(JSON.parse(text));
        expect(() => parse(`${text}]`)).toThrow('body must be valid JSON');
      }),
    );
  });

  it('leaves numbers of somebody else’s object as they are, and those beside it exact', () => {
    const raw = (cost: string) => `"raw":{"cost":${cost},"parts":[{"cost":-${cost}}]}`;
    expect(parse(`{"usage":{${raw('0.12345678901234567')}}}`)).toEqual({
      usage: { raw: { cost: 0.12345678901234567, parts: [{ cost: -0.12345678901234567 }] } },
    });
    expect(() => parse(`{"usage":{${raw('0.12345678901234567')}},"amount":1.00000000000000001}`)).toThrow(
      'amount must be a number of at most 16 significant digits',
    );
  });

  it.each([
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body must be UTF-8'],
    ['null alone', Buffer.from('null'), 'body must not be null'],
    ['null in a list', Buffer.from('{"items":[1,null]}'), 'items.1 must not be null'],
    ['a number beyond every double', Buffer.from('{"amount":1e400}'), 'amount must be a number'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseJson(bytes)).toThrow(message);
  });

  it('takes the mark that some clients put before UTF-8', () => {
    expect(parse('\ufeff{"amount":1}')).toEqual({ amount: 1 });
  });
});
