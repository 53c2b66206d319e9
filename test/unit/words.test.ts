import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasWords, wordsOf } from '../../src/ledger/read/words.js';

const finds = (text: string | null, search: string) => hasWords(text, wordsOf(search));

describe('words of a description', () => {
  it.each([
    ['Agent run #4521', 'agent'],
    ['Agent run #4521', '452'],
    ['Agent run #4521', 'RUN gent'],
    ['Agent run #4521', '  #4521\t\n run '],
    ['Agent run #4521', ''],
    [null, ' '],
    ['ÄPFEL für Zoë', 'äpfel FÜR zoË'],
    ['Привет, мир', 'ПРИВЕТ мИР'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδός Σίσυφος', 'ΣΊΣΥΦΟΣ'],
    ['Straße', 'STRASSE'],
    ['STRASSE', 'straße'],
    ['300 \u212A', 'k'],
    ['k', '\u212A'],
    ['IŞIK', 'ışık'],
    ['100%', '%'],
    ['a_b', '_'],
    ['日本語 🙂', '🙂 本'],
  ])('%j has those of %j', (text, search) => {
    expect(finds(text, search)).toBe(true);
  });

  it.each([
    ['Agent run #4521', 'agents'],
    ['Agent run #4521', 'agent walk'],
    ['Agent run', '%'],
    ['Agent run', '_'],
    ['Agent run', 'a%t'],
    ['Agent run', 'ag_nt'],
    ['Agent run', '.*'],
    ['resume', 'résumé'],
    [null, 'x'],
    ['', 'x'],
  ])('%j has not those of %j', (text, search) => {
    expect(finds(text, search)).toBe(false);
  });

  it('are found wherever they stand, in whatever order and case', () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => !/\s/u.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), fc.nat(), fc.boolean(), (words, from, upper) => {
        const text = words.join(' ');
        const some = words.filter((_, i) => (i + from) % 2 === 0).reverse();
        const search = some.map((each) => (upper ? each.toUpperCase() : each.toLowerCase())).join('  ');
        expect(finds(text, search)).toBe(true);
        expect(finds(text, some.map((each) => [...each].slice(1).join('')).join(' '))).toBe(true);
        expect(finds(text, `${search} not-in-there`)).toBe(false);
      }),
    );
  });
});
