import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  checkCard,
  compileCard,
  FORMATS,
  price,
  type Priced,
  type RateCardBody,
  readUsage,
  type UsageBody,
} from '../../../src/pricing/domain/index.js';

const DOCUMENT = readFileSync('docs/pricing.md', 'utf8');
const [card, ...blocks] = [...DOCUMENT.matchAll(/^```json\n(.*?)^```/gms)].map(
  ([, text]) => JSON.parse(text!) as object,
);
const CARD = compileCard(1, card as RateCardBody);

/** What is sent, and what the transaction says. */
const EXAMPLES = Array.from({ length: blocks.length / 2 }, (_, i) => ({
  sent: (blocks[2 * i] as { usage: UsageBody }).usage,
  said: blocks[2 * i + 1]!,
}));

describe('docs/pricing.md', () => {
  it('has a good card, and an example for each format', () => {
    expect(checkCard(card)).toEqual([]);
    const formats = EXAMPLES.flatMap(({ sent }) => sent.format ?? []);
    expect(formats).toEqual([...FORMATS]);
  });

  it.each(EXAMPLES.map((each) => [each.sent.format ?? each.sent.model ?? each.sent.meter!, each] as const))(
    'prices %s as it says',
    (_, { sent, said }) => {
      const { amount, pricing } = price(CARD, readUsage(sent)) as Priced;
      expect({ amount: -amount / 1_000_000, pricing }).toEqual(said);
    },
  );

  it('reckons right in its sentences', () => {
    const sums = [...DOCUMENT.matchAll(/(\d[\d,.]*(?: [−+×] \d[\d,.]*)+) = (\d[\d,.]*\d)/g)];
    expect(sums.length).toBeGreaterThanOrEqual(5);
    for (const [, left, right] of sums) {
      const plain = (text: string) => text.replaceAll(',', '').replaceAll('−', '-').replaceAll('×', '*');
      const terms = plain(left!).split(' ');
      const value = terms.reduce((sum, word, i) => {
        const number = Number(word);
        if (i === 0) return number;
        if (i % 2 === 1) return sum;
        return terms[i - 1] === '-' ? sum - number : terms[i - 1] === '+' ? sum + number : sum * number;
      }, 0);
      expect(value).toBeCloseTo(Number(plain(right!)), 12);
    }
  });
});
