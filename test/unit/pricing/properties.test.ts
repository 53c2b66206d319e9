import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  affordableMaxOutput,
  CALL_POOLS,
  checkCard,
  compileCard,
  type ModelBody,
  type ModelUsage,
  type Pool,
  POOLS,
  price,
  type Priced,
  type PricesBody,
  PROMPT_POOLS,
  quote,
  type RateCard,
  readUsage,
} from '../../../src/pricing/domain/index.js';

/** An independent reckoning: everything in integers of 10⁻¹⁸ dollars. */
const ATTO = 10n ** 18n;
const atto = (text: string): bigint => {
  const [whole, fraction = ''] = text.split('.');
  return BigInt(whole! + fraction.padEnd(18, '0'));
};
const perUnit = (pool: Pool) => (CALL_POOLS.includes(pool) ? 1_000n : 1_000_000n);
const upTo = (value: bigint, step: bigint) => ((value + step - 1n) / step) * step;

function expected(model: ModelBody, markup: string, serviceTier: string | null, pools: Partial<Record<Pool, number>>) {
  const prompt = PROMPT_POOLS.reduce((sum, pool) => sum + (pools[pool] ?? 0), 0);
  const tier = (model.tiers ?? []).filter(({ from }) => from <= prompt).at(-1);
  const factors = atto(markup) * atto(serviceTier === null ? '1' : model.service_tiers![serviceTier]!);
  return POOLS.reduce((sum, pool) => {
    const prices: PricesBody = tier?.prices ?? model.prices;
    const text = prices[pool] ?? (pool === 'reasoning' ? prices.output! : '0');
    const divisor = ATTO * ATTO * perUnit(pool);
    return sum + (upTo(atto(text) * factors, divisor * 1_000_000n) / divisor) * BigInt(pools[pool] ?? 0);
  }, 0n);
}

const decimal = (decimals: number, most: number) =>
  fc
    .tuple(fc.nat(most), fc.nat(10 ** decimals - 1), fc.nat(decimals))
    .map(([whole, fraction, kept]) =>
      kept === 0 || whole === most ? `${whole}` : `${whole}.${String(fraction).padStart(decimals, '0').slice(0, kept)}`,
    );
const factor = fc.constantFrom('1', '1.25', '0.5', '0.333333333333', '99.999999', '0.000000000001', '100');
/** Prices of a model, at random some of the pools. */
const prices: fc.Arbitrary<PricesBody> = fc
  .record(Object.fromEntries(POOLS.map((pool) => [pool, decimal(CALL_POOLS.includes(pool) ? 9 : 6, 10_000)])), {
    requiredKeys: ['input', 'output'],
  })
  .map((each) => ({ ...each }));
const model: fc.Arbitrary<ModelBody> = fc
  .tuple(prices, fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { maxLength: 3 }), factor)
  .map(([base, froms, batch]) => ({
    id: 'test/model',
    prices: base,
    // Each tier at least as dear as the one before it.
    tiers: froms.sort((a, b) => a - b).map((from, i) => ({ from, prices: raised(base, i + 1) })),
    service_tiers: { batch },
  }));

function raised(base: PricesBody, by: number): PricesBody {
  const more = (text: string) => {
    const [whole, ...rest] = text.split('.');
    return Number(whole) + by >= 10_000 ? '10000' : [String(Number(whole) + by), ...rest].join('.');
  };
  return Object.fromEntries(Object.entries(base).map(([pool, text]) => [pool, more(text)]));
}

const count = fc.oneof(fc.nat(100), fc.nat(2_000_000), fc.nat(1_000_000_000_000));
const usageOf = ({ prices: priced }: ModelBody, counts = count) =>
  fc
    .record(Object.fromEntries(Object.keys(priced).map((pool) => [pool, counts])) as Record<Pool, typeof count>)
    .filter((pools) => Object.values(pools).some((each) => each > 0));

const cardOf = (each: ModelBody, markup = '1'): RateCard => {
  const body = { currency: 'USD' as const, markup, models: [each], meters: [] };
  expect(checkCard(body)).toEqual([]);
  return compileCard(1, body);
};

/** The price, or undefined where there is nothing to charge or more than an account can hold. */
function priced(card: RateCard, pools: Partial<Record<Pool, number>>, tier?: string): Priced | undefined {
  try {
    const result = price(card, readUsage({ model: 'test/model', ...pools, ...(tier && { service_tier: tier }) }));
    if ('unpriced' in result) throw new Error(JSON.stringify(result));
    return result;
  } catch (error) {
    if (/costs nothing|more than an account|above zero/.test((error as Error).message)) return undefined;
    throw error;
  }
}

const check = <T>(property: fc.IProperty<T>) => fc.assert(property, { numRuns: 200 });

describe('every price', () => {
  it('is what an independent reckoning says, to the last digit', () => {
    check(
      fc.property(
        model.chain((each) => fc.tuple(fc.constant(each), usageOf(each))),
        factor,
        fc.constantFrom(undefined, 'batch'),
        ([each, pools], markup, tier) => {
          const result = priced(cardOf(each, markup), pools, tier);
          const sum = expected(each, markup, tier ?? null, pools);
          const amount = upTo(sum, 10n ** 12n) / 10n ** 12n;
          if (!result) return expect(amount === 0n || amount > BigInt(2 ** 33 * 1e6 - 1)).toBe(true);
          expect(atto(result.pricing.exact)).toBe(sum);
          expect(BigInt(result.amount)).toBe(amount);
          expect(result.amount).toBeGreaterThan(0);
          const lines = result.pricing.lines.map((line) => atto(line.amount));
          expect(lines.reduce((a, b) => a + b, 0n)).toBe(sum);
          for (const line of result.pricing.lines)
            expect(atto(line.unit_price) * BigInt(line.quantity)).toBe(atto(line.amount));
        },
      ),
    );
  });

  it('is the same however the pools are split', () => {
    const untiered = model.map((each) => ({ ...each, tiers: [] }));
    check(
      fc.property(
        untiered.chain((each) =>
          fc.tuple(fc.constant(each), usageOf(each, fc.nat(500_000_000)), usageOf(each, fc.nat(500_000_000))),
        ),
        ([each, a, b]) => {
          const card = cardOf(each);
          const both = Object.fromEntries(POOLS.map((pool) => [pool, (a[pool] ?? 0) + (b[pool] ?? 0)]));
          const [one, other, sum] = [a, b, both].map((pools) => priced(card, pools));
          fc.pre(sum !== undefined);
          const exact = (result: Priced | undefined) => atto(result?.pricing.exact ?? '0');
          expect(exact(one) + exact(other)).toBe(exact(sum));
          expect((one?.amount ?? 0) + (other?.amount ?? 0)).toBeGreaterThanOrEqual(sum?.amount ?? 0);
        },
      ),
    );
  });

  it('never falls when more is used, or when something becomes dearer', () => {
    check(
      fc.property(
        model.chain((each) =>
          fc.tuple(fc.constant(each), usageOf(each), fc.constantFrom(...(Object.keys(each.prices) as Pool[]))),
        ),
        fc.nat(1_000_000),
        ([each, pools, pool], more) => {
          const card = cardOf(each);
          const before = priced(card, pools);
          const after = priced(card, { ...pools, [pool]: Math.min(pools[pool] + more, 1_000_000_000_000) });
          const dearer = priced(cardOf({ ...each, prices: raised(each.prices, 1), tiers: [] }), pools);
          const cheaper = priced(cardOf({ ...each, tiers: [] }), pools);
          if (before && after) expect(after.amount).toBeGreaterThanOrEqual(before.amount);
          if (cheaper && dearer) expect(dearer.amount).toBeGreaterThanOrEqual(cheaper.amount);
        },
      ),
    );
  });
});

describe('the output that a balance pays', () => {
  const asked = fc.record({
    input: fc.nat(300_000),
    web_searches: fc.nat(3),
    max_output: fc.nat(200_000),
  });
  const affordable = model.map((each) => ({ ...each, prices: { web_searches: '10', ...each.prices }, tiers: [] }));

  it('is paid, and one more is not', () => {
    check(
      fc.property(affordable, asked, fc.nat(2_000_000_000), (each, usage, available) => {
        fc.pre(usage.input + usage.web_searches + usage.max_output > 0);
        const card = cardOf(each);
        const body = { model: 'test/model', ...usage };
        const most = affordableMaxOutput(card, body, available);
        const cost = (max_output: number): number => {
          try {
            return (quote(card, { ...body, max_output }) as Priced).amount;
          } catch {
            return 0;
          }
        };
        expect(most).toBeGreaterThanOrEqual(0);
        expect(most).toBeLessThanOrEqual(usage.max_output);
        if (most > 0) expect(cost(most)).toBeLessThanOrEqual(available);
        if (most < usage.max_output) expect(cost(most + 1)).toBeGreaterThan(available);
      }),
    );
  });
});

describe('the providers’ objects', () => {
  const counts = fc.record({
    ...{ input: count, cache_read: count, cache_write: count, cache_write_1h: count, output: count, reasoning: count },
    ...{ input_audio: count, output_audio: count, input_image: count, output_image: count, web_searches: count },
  });
  type Counts = Record<Exclude<Pool, 'requests'>, number>;
  const nonZero = (pools: Partial<Record<Pool, number>>) =>
    Object.fromEntries(Object.entries(pools).filter(([, value]) => value > 0));
  const small = counts.map(
    (each) => Object.fromEntries(Object.entries(each).map(([k, v]) => [k, v % 1_000_000])) as Counts,
  );
  const by = (modality: string, tokenCount: number) => ({ modality, tokenCount });
  const read = (format: string, raw: object) =>
    (readUsage({ model: 'm', format: format as 'gemini', raw }) as ModelUsage).pools;

  it('are read back as the pools that they are made of', () => {
    check(
      fc.property(small, (each) => {
        const { input, cache_read, cache_write, cache_write_1h, output, reasoning } = each;
        const { input_audio, output_audio, input_image, output_image, web_searches } = each;
        fc.pre(input > 0);
        const details = { cached_tokens: cache_read, cache_write_tokens: cache_write, audio_tokens: input_audio };
        const openai = {
          input_tokens: input + cache_read + cache_write + input_audio + input_image,
          input_tokens_details: { ...details, image_tokens: input_image },
          output_tokens: output + reasoning + output_audio + output_image,
          output_tokens_details: {
            reasoning_tokens: reasoning,
            audio_tokens: output_audio,
            image_tokens: output_image,
          },
        };
        const { cache_write_1h: _, web_searches: __, ...ofOpenAI } = each;
        expect(read('openai_responses', openai)).toEqual(nonZero(ofOpenAI));
        const anthropic = {
          input_tokens: input,
          cache_read_input_tokens: cache_read,
          cache_creation_input_tokens: cache_write + cache_write_1h,
          cache_creation: { ephemeral_5m_input_tokens: cache_write, ephemeral_1h_input_tokens: cache_write_1h },
          output_tokens: output,
          server_tool_use: { web_search_requests: web_searches },
        };
        const ofAnthropic = { input, cache_read, cache_write, cache_write_1h, output, web_searches };
        expect(read('anthropic', anthropic)).toEqual(nonZero(ofAnthropic));
        const gemini = {
          promptTokenCount: input + cache_read + input_audio + input_image,
          cachedContentTokenCount: cache_read,
          promptTokensDetails: [by('TEXT', input + cache_read), by('AUDIO', input_audio), by('IMAGE', input_image)],
          candidatesTokenCount: output + output_audio + output_image,
          candidatesTokensDetails: [by('AUDIO', output_audio), by('IMAGE', output_image)],
          thoughtsTokenCount: reasoning,
        };
        const { cache_write: ___, ...ofGemini } = ofOpenAI;
        expect(read('gemini', gemini)).toEqual(nonZero(ofGemini));
      }),
    );
  });
});
