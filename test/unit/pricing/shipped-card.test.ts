import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { calcPrice, extractUsage, findProvider, type Provider } from '@pydantic/genai-prices';
import { importCard } from '../../../scripts/rates-import/import-card.js';
import {
  canonicalModel,
  checkCard,
  compileCard,
  type Format,
  type ModelBody,
  type Pool,
  price,
  type Priced,
  type RateCardBody,
  readUsage,
} from '../../../src/pricing/domain/index.js';

const BODY = JSON.parse(readFileSync('rate-card.json', 'utf8')) as RateCardBody;
const CARD = compileCard(1, BODY);

/** The library's provider, the format of its answers here, and the library's name for that format. */
const SOURCES: Readonly<Record<string, readonly [source: string, format: Format, flavor: string]>> = {
  openai: ['openai', 'openai_responses', 'responses'],
  anthropic: ['anthropic', 'anthropic', 'default'],
  google: ['google', 'gemini', 'default'],
  xai: ['x-ai', 'openai_chat', 'chat'],
  mistral: ['mistral', 'openai_chat', 'default'],
  deepseek: ['deepseek', 'openai_chat', 'chat'],
  meta: ['aws', 'bedrock', 'default'],
  amazon: ['aws', 'bedrock', 'default'],
  // Cohere's own answers have a format of their own, which nothing here reads.
  cohere: ['cohere', 'openai_chat', 'none'],
  qwen: ['aws', 'bedrock', 'default'],
  moonshot: ['moonshotai', 'openai_chat', 'chat'],
};
const DAY = /on (\d{4}-\d\d-\d\d) by/.exec(BODY.notes![0]!)![1]!;
/** In the dearest hours of those who have such. */
const timestamp = new Date(`${DAY}T02:00:00Z`);

type Counts = Partial<Record<Pool, number>>;
const SHAPES: readonly (readonly [name: string, counts: Counts])[] = [
  ['a short prompt', { input: 1_213, output: 345 }],
  ['a cached prompt', { input: 87, cache_read: 15_360, output: 912 }],
  ['a written prompt', { input: 5, cache_write: 4_735, cache_read: 1_000, output: 255 }],
  ['a written prompt of both lives', { input: 5, cache_write: 735, cache_write_1h: 4_000, output: 255 }],
  ['more than 200,000 tokens of prompt', { input: 201_001, output: 1_024 }],
  ['more than 272,000 tokens of prompt, cached', { input: 1_001, cache_read: 280_000, output: 1_024 }],
  ['reasoning', { input: 640, output: 120, reasoning: 2_048 }],
  ['audio', { input: 40, input_audio: 1_600, output: 75 }],
  ['audio both ways', { input: 40, input_audio: 1_600, output: 75, output_audio: 800 }],
  ['an image', { input: 40, input_image: 1_290, output: 75 }],
  ['an image that comes out', { input: 40, output: 20, output_image: 1_290 }],
  ['searches', { input: 900, output: 400, web_searches: 3 }],
];

/** Shapes in which the model has a price for every pool, and the format a word for it. */
function shapesOf(format: Format, { prices }: ModelBody) {
  return SHAPES.filter(([, counts]) =>
    Object.keys(counts).every(
      (pool) => (prices[pool as Pool] ?? (pool === 'reasoning' && prices.output)) && EXPRESSIBLE[format].has(pool),
    ),
  );
}
const words = (text: string) => new Set(text.split(' '));
const OPENAI = 'input cache_read cache_write output reasoning input_audio output_audio input_image output_image';
const EXPRESSIBLE: Readonly<Record<Format, ReadonlySet<string>>> = {
  openai_chat: words(OPENAI),
  openai_responses: words(OPENAI),
  anthropic: words('input cache_read cache_write cache_write_1h output web_searches'),
  gemini: words('input cache_read output reasoning input_audio output_audio input_image output_image'),
  bedrock: words('input cache_read cache_write cache_write_1h output'),
};

/** The answer of a provider that used so much. */
function rawOf(provider: string, format: Format, counts: Counts): object {
  const of = (pool: Pool) => counts[pool] ?? 0;
  const sum = (...pools: Pool[]) => pools.reduce((total, pool) => total + of(pool), 0);
  const [prompt, completion] = [
    { cached_tokens: of('cache_read'), cache_write_tokens: of('cache_write'), audio_tokens: of('input_audio') },
    { reasoning_tokens: of('reasoning'), audio_tokens: of('output_audio'), image_tokens: of('output_image') },
  ];
  const input = sum('input', 'cache_read', 'cache_write', 'input_audio', 'input_image');
  const output = sum('output', 'reasoning', 'output_audio', 'output_image');
  switch (format) {
    case 'openai_chat':
      return {
        // xAI's mark, and its reasoning outside of the completion.
        ...(provider === 'xai' && { num_sources_used: 0 }),
        prompt_tokens: input,
        prompt_tokens_details: { ...prompt, image_tokens: of('input_image') },
        // DeepSeek's and Moonshot's own words, which the library reads.
        prompt_cache_hit_tokens: of('cache_read'),
        cached_tokens: of('cache_read'),
        completion_tokens: provider === 'xai' ? output - of('reasoning') : output,
        completion_tokens_details: completion,
      };
    case 'openai_responses':
      return {
        input_tokens: input,
        input_tokens_details: { ...prompt, image_tokens: of('input_image'), text_tokens: of('input') },
        output_tokens: output,
        output_tokens_details: { ...completion, text_tokens: of('output') },
      };
    case 'anthropic':
      return {
        input_tokens: of('input'),
        cache_read_input_tokens: of('cache_read'),
        cache_creation_input_tokens: sum('cache_write', 'cache_write_1h'),
        cache_creation: {
          ephemeral_5m_input_tokens: of('cache_write'),
          ephemeral_1h_input_tokens: of('cache_write_1h'),
        },
        output_tokens: of('output'),
        server_tool_use: { web_search_requests: of('web_searches') },
      };
    case 'gemini':
      return {
        promptTokenCount: input,
        cachedContentTokenCount: of('cache_read'),
        promptTokensDetails: [
          by('TEXT', sum('input', 'cache_read')),
          by('AUDIO', of('input_audio')),
          by('IMAGE', of('input_image')),
        ],
        candidatesTokenCount: sum('output', 'output_audio', 'output_image'),
        candidatesTokensDetails: [
          by('TEXT', of('output')),
          by('AUDIO', of('output_audio')),
          by('IMAGE', of('output_image')),
        ],
        thoughtsTokenCount: of('reasoning'),
      };
    case 'bedrock':
      return {
        inputTokens: of('input'),
        outputTokens: of('output'),
        cacheReadInputTokens: of('cache_read'),
        cacheWriteInputTokens: sum('cache_write', 'cache_write_1h'),
      };
  }
}
const providerOf = ({ id }: ModelBody) => id.slice(0, id.indexOf('/'));
const by = (modality: string, tokenCount: number) => ({ modality, tokenCount });

/** Usage of each model that the library finds by one of its names. */
const CASES = BODY.models.flatMap((model) => {
  const [source, usualFormat, usualFlavor] = SOURCES[providerOf(model)]!;
  const provider = findProvider({ providerId: source })!;
  const known = model.aliases!.find((name) => calcPrice({ input_tokens: 1 }, name, { provider, timestamp }));
  return shapesOf(usualFormat, model).flatMap(([name, counts]) => {
    const [format, flavor] = source === 'openai' ? openaiFormat(counts) : [usualFormat, usualFlavor];
    const raw = rawOf(providerOf(model), format, counts);
    return known === undefined ? [] : [{ name: `${model.id}: ${name}`, known, provider, format, flavor, raw }];
  });
});

/** The library reads OpenAI's audio in chat completions only, and its images in answers of the image API only. */
function openaiFormat(counts: Counts): [Format, string] {
  if (counts.input_audio) return ['openai_chat', 'chat'];
  return ['openai_responses', counts.input_image || counts.output_image ? 'images' : 'responses'];
}

function byTheLibrary(provider: Provider, model: string, raw: object, flavor: string): number {
  if (flavor === 'none') {
    const { prompt_tokens, completion_tokens } = raw as Record<string, number>;
    const usage = { input_tokens: prompt_tokens, output_tokens: completion_tokens };
    return calcPrice(usage, model, { provider, timestamp })!.total_price;
  }
  const root = flavor === 'default' && provider.id === 'google' ? 'usageMetadata' : 'usage';
  const { usage } = extractUsage(provider, { model, modelVersion: model, [root]: raw }, flavor);
  return calcPrice(usage, model, { provider, timestamp })!.total_price;
}

const priceOf = (model: string, format: Format, raw: object) => price(CARD, readUsage({ model, format, raw }));
const byUs = (model: string, format: Format, raw: object) => (priceOf(model, format, raw) as Priced).pricing;

describe('the card that ships', () => {
  it('has no bad line, a date and a source for each provider', () => {
    expect(checkCard(BODY)).toEqual([]);
    expect(BODY.notes![0]).toMatch(/on \d{4}-\d\d-\d\d by @pydantic\/genai-prices [\d.]+ of \d{4}-\d\d-\d\d/);
    const providers = new Set(BODY.models.map(providerOf));
    expect([...providers].sort()).toEqual(Object.keys(SOURCES).sort());
    for (const provider of providers)
      expect(BODY.notes).toContainEqual(expect.stringMatching(`^${provider}: https://`));
    expect(BODY.markup).toBe('1');
  });

  it('is the one that the importer makes of its day', () => {
    expect(importCard(DAY).card).toEqual(BODY);
  });

  it('prices more than 200 usages as the library does', () => {
    expect(CASES.length).toBeGreaterThan(200);
    const differing = CASES.flatMap(({ name, known, provider, format, flavor, raw }) => {
      const [ours, theirs] = [byUs(known, format, raw).exact, byTheLibrary(provider, known, raw, flavor)];
      return Math.abs(Number(ours) / theirs - 1) < 1e-9 ? [] : [`${name}: ${ours}, the library ${theirs}`];
    });
    expect(differing).toEqual([]);
  });

  it('is right where the library is wrong', () => {
    const openai = findProvider({ providerId: 'openai' })!;
    const anthropic = findProvider({ providerId: 'anthropic' })!;
    // Audio and images in a response: the library prices them as text.
    const heard = rawOf('openai', 'openai_responses', { input: 40, input_audio: 1_600, output: 75, output_audio: 800 });
    expect(byUs('gpt-audio', 'openai_responses', heard).exact).toBe('0.10325');
    expect(byTheLibrary(openai, 'gpt-audio', heard, 'responses')).toBeCloseTo(0.01285, 10);
    // A batch, fast mode, a place: the library prices them as standard.
    const message = { input_tokens: 1_000, output_tokens: 100 };
    const batch = { ...message, service_tier: 'batch' };
    expect(byUs('claude-sonnet-5', 'anthropic', batch).exact).toBe('0.0015');
    expect(byTheLibrary(anthropic, 'claude-sonnet-5', batch, 'default')).toBeCloseTo(0.003, 10);
    const fast = { ...message, speed: 'fast' };
    expect(priceOf('claude-opus-4-6', 'anthropic', fast)).toEqual({
      unpriced: { model: 'anthropic/claude-opus-4-6', service_tier: 'fast' },
    });
    expect(byTheLibrary(anthropic, 'claude-opus-4-6', fast, 'default')).toBeCloseTo(0.0075, 10);
    // A compaction: the library leaves it out, and so charges a fraction.
    const compacted = { ...message, iterations: [{ type: 'compaction', input_tokens: 180_000, output_tokens: 3_500 }] };
    expect(priceOf('claude-sonnet-5', 'anthropic', compacted)).toHaveProperty('unpriced.pool', 'compaction');
    expect(byTheLibrary(anthropic, 'claude-sonnet-5', compacted, 'default')).toBeCloseTo(0.003, 10);
    // A pool without a price: the library takes the price of text.
    const spoken = calcPrice({ input_tokens: 1_600, input_audio_tokens: 1_600 }, 'gpt-4o', { provider: openai })!;
    expect(spoken.total_price).toBeCloseTo(0.004, 10);
    expect(price(CARD, readUsage({ model: 'gpt-4o', input_audio: 1_600 }))).toEqual({
      unpriced: { model: 'openai/gpt-4o', pool: 'input_audio' },
    });
    // A model that nobody knows: the library takes one whose name begins alike.
    expect(calcPrice(message, 'claude-sonnet-5-ultra', { provider: anthropic })?.model.id).toBe('claude-sonnet-5');
    expect(priceOf('claude-sonnet-5-ultra', 'anthropic', message)).toMatchObject({
      unpriced: { model: 'claude-sonnet-5-ultra' },
    });
  });

  it('names each model by its bare id too, and keeps dated names of Anthropic', () => {
    expect(canonicalModel(CARD, 'claude-sonnet-4-5-20250929')).toBe('anthropic/claude-sonnet-4-5');
    expect(canonicalModel(CARD, 'gpt-5')).toBe('openai/gpt-5');
    expect(canonicalModel(CARD, 'gpt-5-ultra')).toBeUndefined();
  });

  it('has every dated name that the library takes for the same model', () => {
    const anthropic = findProvider({ providerId: 'anthropic' })!;
    const dated = BODY.models
      .filter((model) => providerOf(model) === 'anthropic')
      .flatMap(({ id, aliases }) =>
        aliases!.filter((name) => /-20\d{6}$/.test(name)).map((name) => [name, id] as const),
      );
    expect(dated.length).toBeGreaterThan(5);
    for (const [name, id] of dated)
      expect(`anthropic/${calcPrice({ input_tokens: 1 }, name, { provider: anthropic })?.model.id}`).toBe(id);
  });
});
