import { describe, expect, it } from '@jest/globals';
import { affordableMaxOutput, quote, type QuoteBody, UsageError } from '../../../src/pricing/domain/index.js';
import { CARD } from './card.js';

const quoted = (body: QuoteBody) => {
  const result = quote(CARD, body);
  if ('unpriced' in result) return result.unpriced;
  return { amount: result.amount, lines: result.pricing.lines.map(({ pool, quantity }) => [pool, quantity]) };
};

describe('a quote', () => {
  it('prices the output at the dearer of output and reasoning', () => {
    // 1,000 × 0.3 + 100 × 3.5
    expect(quoted({ model: 'gemini', input: 1_000, max_output: 100 })).toEqual({
      amount: 650,
      lines: [
        ['input', 1_000],
        ['reasoning', 100],
      ],
    });
    // 1,000 × 3 + 100 × 15
    expect(quoted({ model: 'sonnet', input: 1_000, max_output: 100 })).toMatchObject({ amount: 4_500 });
  });

  it('prices other pools as they are named', () => {
    // 3,000 × 0.3 + 10 × 1 + 200 × 2.5
    expect(quoted({ model: 'gemini', input: 3_000, input_audio: 10, output: 200 } as QuoteBody)).toEqual({
      amount: 1_410,
      lines: [
        ['input', 3_000],
        ['output', 200],
        ['input_audio', 10],
      ],
    });
  });

  it('has the service tier, and the tier of its prompt', () => {
    // 0.5 × (300,000 × 6 + 10 × 22.5)
    const body = { model: 'sonnet', input: 300_000, max_output: 10, service_tier: 'batch' };
    expect(quoted(body)).toMatchObject({ amount: 900_113 });
  });

  it('does not mind the capitals of the service tier', () => {
    expect(quoted({ model: 'gpt', input: 1_000, service_tier: 'SCALE' })).toMatchObject({ amount: 3_750 });
  });

  it('prices a meter, and says what has no price', () => {
    expect(quoted({ meter: 'compute_second', quantity: 2 })).toMatchObject({ amount: 50 });
    expect(quoted({ model: 'nova', input: 1, input_audio: 1, max_output: 1 })).toEqual({
      model: 'amazon/nova',
      pool: 'input_audio',
    });
    expect(quoted({ model: 'sonet', max_output: 1 })).toMatchObject({ model: 'sonet', nearest: ['anthropic/sonnet'] });
  });

  it.each<[string, QuoteBody, string]>([
    ['a fraction', { model: 'sonnet', max_output: 0.5 }, 'max_output'],
    ['a negative number', { model: 'sonnet', input: 1, max_output: -1 }, 'max_output'],
    ['nothing', { model: 'sonnet', max_output: 0 }, ''],
    ['output beside its most', { model: 'sonnet', output: 1, max_output: 1 } as QuoteBody, 'output'],
    ['a meter', { meter: 'compute_second', quantity: 1, max_output: 1 }, 'max_output'],
  ])('refuses %s', (_, body, field) => {
    expect(() => quote(CARD, body)).toThrow(UsageError);
    expect(() => quote(CARD, body)).toThrow(expect.objectContaining({ field }));
  });
});

describe('the affordable output', () => {
  const body = { model: 'sonnet', input: 1_000, max_output: 1_000 };

  it('is the largest that the balance pays, to the last micro-dollar', () => {
    // The input costs 3,000, a token of output 15.
    expect(affordableMaxOutput(CARD, body, 4_500)).toBe(100);
    expect(affordableMaxOutput(CARD, body, 4_499)).toBe(99);
    expect(affordableMaxOutput(CARD, body, 1_000_000)).toBe(1_000);
  });

  it('is none where the input alone is too dear, or nothing is there', () => {
    expect(affordableMaxOutput(CARD, body, 2_999)).toBe(0);
    expect(affordableMaxOutput(CARD, body, 0)).toBe(0);
    expect(affordableMaxOutput(CARD, body, -5)).toBe(0);
  });
});
