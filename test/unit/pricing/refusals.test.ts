import { describe, expect, it } from '@jest/globals';
import {
  type ModelUsage,
  price,
  readUsage,
  tokensOf,
  UsageError,
  usageText,
} from '../../../src/pricing/domain/index.js';
import { CARD } from './card.js';

const MODEL = { model: 'sonnet' };
const chat = (raw: unknown, beside = {}) => ({ ...MODEL, format: 'openai_chat', raw, ...beside });
const anthropic = (raw: object, beside = {}) => ({ ...MODEL, format: 'anthropic', raw, ...beside });
const gemini = (raw: object) => ({ model: 'gemini', format: 'gemini', raw });
const responses = (raw: object) => ({ ...MODEL, format: 'openai_responses', raw });
const bedrock = (raw: object) => ({ ...MODEL, format: 'bedrock', raw });
const by = (modality: string, tokenCount: number) => ({ modality, tokenCount });
const read = (body: object) => readUsage(body);

/** The field that a refusal names; undefined when there is none. */
function refusal(body: object): string | undefined {
  try {
    const usage = read(body);
    price(CARD, usage);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.field;
    throw error;
  }
}

describe('malformed usage', () => {
  it.each<[string, object, string]>([
    ['nothing', {}, 'model'],
    ['a model of no letters', { model: '', input: 1 }, 'model'],
    ['a model of 101 letters', { model: 'm'.repeat(101), input: 1 }, 'model'],
    ['a pool that nobody knows', { ...MODEL, input: 1, thoughts: 3 }, 'thoughts'],
    ['a fraction', { ...MODEL, input: 1.5 }, 'input'],
    ['a negative count', { ...MODEL, input: 5, output: -1 }, 'output'],
    ['a string', { ...MODEL, input: '5' }, 'input'],
    ['10¹⁵ tokens', { ...MODEL, input: 1e15 }, 'input'],
    ['infinitely many', { ...MODEL, input: Infinity }, 'input'],
    ['zero in sum', { ...MODEL, input: 0, output: 0 }, ''],
    ['no pool', { ...MODEL }, ''],
    ['a service tier of no letters', { ...MODEL, input: 1, service_tier: '' }, 'service_tier'],
    ['a format without an object', { ...MODEL, format: 'gemini', input: 1 }, 'raw'],
    ['an object without a format', { ...MODEL, raw: { input_tokens: 1 } }, 'format'],
    ['a format that nobody knows', { ...MODEL, format: 'cohere', raw: {} }, 'format'],
    ['an object that is a list', chat([]), 'raw'],
    ['an object that is a word', chat('usage'), 'raw'],
    ['pools beside an object', chat({ prompt_tokens: 1 }, { input: 1 }), 'input'],
    ['details that are no object', chat({ prompt_tokens: 1, prompt_tokens_details: 3 }), 'raw.prompt_tokens_details'],
    ['a meter beside a model', { ...MODEL, meter: 'compute_second', quantity: 1 }, 'model'],
    ['a meter beside a pool', { meter: 'compute_second', quantity: 1, input: 1 }, 'input'],
    ['a quantity without a meter', { quantity: 1 }, 'meter'],
    ['a meter without a quantity', { meter: 'compute_second' }, 'quantity'],
    ['a quantity of nothing', { meter: 'compute_second', quantity: 0 }, 'quantity'],
    ['less than nothing', { meter: 'compute_second', quantity: -1 }, 'quantity'],
    ['seven decimals', { meter: 'compute_second', quantity: 0.0000001 }, 'quantity'],
    ['seven decimals behind a whole number', { meter: 'compute_second', quantity: 1.0000001 }, 'quantity'],
    ['more than 10⁹ units', { meter: 'compute_second', quantity: 1_000_000_001 }, 'quantity'],
    ['a quantity in letters', { meter: 'compute_second', quantity: '1' }, 'quantity'],
    ['more than an account can hold', { meter: 'gold', quantity: 8_589.934592 }, ''],
    ['usage that costs nothing', { model: 'meta/free-input', input: 5 }, ''],
  ])('%s', (_, body, field) => {
    expect(refusal(body)).toBe(field);
  });
});

describe('a provider’s object that contradicts itself', () => {
  const message = { input_tokens: 10, output_tokens: 5 };
  it.each<[string, object, string]>([
    [
      'more cached than prompt',
      chat({ prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 11 } }),
      'raw.prompt_tokens',
    ],
    [
      'more cached, written and heard than prompt',
      chat({ prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 4, audio_tokens: 4 } }),
      'raw.prompt_tokens',
    ],
    [
      'more reasoning than completion',
      chat({ prompt_tokens: 1, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 6 } }),
      'raw.completion_tokens',
    ],
    ['a fraction within', chat({ prompt_tokens: 1.5 }), 'raw.prompt_tokens'],
    ['a negative count within', chat({ prompt_tokens: 1, completion_tokens: -1 }), 'raw.completion_tokens'],
    ['a string within', chat({ prompt_tokens: '12' }), 'raw.prompt_tokens'],
    ['10¹⁵ tokens within', chat({ prompt_tokens: 1e15 }), 'raw.prompt_tokens'],
    ['zero in sum', chat({ prompt_tokens: 0, completion_tokens: 0 }), 'raw'],
    ['nothing but null', chat({ prompt_tokens: null }), 'raw.prompt_tokens'],
    [
      'lives that do not add up',
      anthropic({
        ...message,
        cache_creation_input_tokens: 9,
        cache_creation: { ephemeral_5m_input_tokens: 4, ephemeral_1h_input_tokens: 4 },
      }),
      'raw.cache_creation',
    ],
    [
      'another service tier beside it',
      anthropic({ ...message, service_tier: 'standard' }, { service_tier: 'batch' }),
      'service_tier',
    ],
    [
      'no service tier beside it',
      anthropic({ ...message, service_tier: 'batch' }, { service_tier: 'default' }),
      'service_tier',
    ],
    [
      'searches within and beside',
      anthropic({ ...message, server_tool_use: { web_search_requests: 1 } }, { web_searches: 1 }),
      'web_searches',
    ],
    [
      'searches within and beside, none of them made',
      anthropic({ ...message, server_tool_use: { web_search_requests: 0 } }, { web_searches: 0 }),
      'web_searches',
    ],
    ['more cached than prompt', gemini({ promptTokenCount: 10, cachedContentTokenCount: 11 }), 'raw.promptTokenCount'],
    [
      'more cached audio than audio',
      gemini({
        promptTokenCount: 10,
        cachedContentTokenCount: 5,
        promptTokensDetails: [by('AUDIO', 4)],
        cacheTokensDetails: [by('AUDIO', 5)],
      }),
      'raw.promptTokensDetails',
    ],
    [
      'more cached by modality than cached',
      gemini({
        promptTokenCount: 10,
        cachedContentTokenCount: 3,
        promptTokensDetails: [by('AUDIO', 5)],
        cacheTokensDetails: [by('AUDIO', 4)],
      }),
      'raw.cachedContentTokenCount',
    ],
    ['a list that is an object', gemini({ promptTokenCount: 1, promptTokensDetails: {} }), 'raw.promptTokensDetails'],
    [
      'a fraction in a list',
      gemini({ promptTokenCount: 1, promptTokensDetails: [by('TEXT', 0), by('AUDIO', 0.5)] }),
      'raw.promptTokensDetails[1].tokenCount',
    ],
    [
      'written tokens that do not add up',
      bedrock({ inputTokens: 1, cacheWriteInputTokens: 5, cacheDetails: [{ ttl: '5m', inputTokens: 4 }] }),
      'raw.cacheDetails',
    ],
    [
      'two names for one count that disagree',
      bedrock({ inputTokens: 1, cacheReadInputTokens: 0, cacheReadInputTokenCount: 5 }),
      'raw.cacheReadInputTokenCount',
    ],
    [
      'more cached by modality than cached',
      responses({
        input_tokens: 10,
        input_token_details: { audio_tokens: 8, cached_tokens: 2, cached_tokens_details: { audio_tokens: 4 } },
      }),
      'raw.input_token_details.cached_tokens',
    ],
    [
      'details in the singular and the plural',
      responses({ input_tokens: 10, input_tokens_details: { cached_tokens: 4 }, input_token_details: {} }),
      'raw.input_token_details',
    ],
  ])('%s', (_, body, field) => {
    expect(refusal(body)).toBe(field);
  });

  it.each<[string, string, object, string]>([
    ['openai_chat', 'anthropic', { input_tokens: 1, output_tokens: 1 }, 'raw.prompt_tokens'],
    ['openai_chat', 'gemini', { promptTokenCount: 1 }, 'raw.prompt_tokens'],
    ['openai_responses', 'openai_chat', { prompt_tokens: 1 }, 'raw.input_tokens'],
    ['openai_responses', 'anthropic', { input_tokens: 1, cache_read_input_tokens: 0 }, 'raw.cache_read_input_tokens'],
    ['openai_responses', 'bedrock', { inputTokens: 1 }, 'raw.input_tokens'],
    ['anthropic', 'openai_chat', { prompt_tokens: 1 }, 'raw.input_tokens'],
    ['anthropic', 'openai_responses', { input_tokens: 1, input_tokens_details: {} }, 'raw.input_tokens_details'],
    ['gemini', 'openai_chat', { prompt_tokens: 1 }, 'raw.promptTokenCount'],
    ['bedrock', 'anthropic', { input_tokens: 1 }, 'raw.inputTokens'],
    ['openai_chat', 'anthropic', { prompt_tokens: 9, cache_read_input_tokens: 5 }, 'raw.cache_read_input_tokens'],
    [
      'openai_chat',
      'anthropic',
      { prompt_tokens: 9, cache_creation_input_tokens: 0 },
      'raw.cache_creation_input_tokens',
    ],
    [
      'openai_responses',
      'LangChain',
      { input_tokens: 9, input_token_details: { cache_read: 4 } },
      'raw.input_token_details.cache_read',
    ],
    [
      'openai_responses',
      'LangChain',
      { input_tokens: 9, input_token_details: { priority_cache_read: 0 } },
      'raw.input_token_details.priority_cache_read',
    ],
    [
      'openai_responses',
      'LangChain',
      { input_tokens: 9, output_tokens: 9, output_token_details: { reasoning: 4 } },
      'raw.output_token_details.reasoning',
    ],
    ['anthropic', 'LangChain', { input_tokens: 9, input_token_details: { cache_read: 4 } }, 'raw.input_token_details'],
    ['anthropic', 'LangChain', { input_tokens: 9, output_token_details: { audio: 4 } }, 'raw.output_token_details'],
  ])('is not taken for %s when it is of %s', (format, _, raw, field) => {
    expect(refusal({ ...MODEL, format, raw })).toBe(field);
  });
});

describe('usage without a price', () => {
  const unpriced = (body: object) => price(CARD, read(body));
  it.each<[string, object, object]>([
    ['a model nobody knows', { model: 'sonet', input: 1 }, { model: 'sonet', nearest: ['anthropic/sonnet'] }],
    ['a model like none', { model: 'zzzzzzzzzzzz', input: 1 }, { model: 'zzzzzzzzzzzz' }],
    ['an id in capitals', { model: 'OpenAI/GPT', input: 1 }, { model: 'OpenAI/GPT', nearest: ['openai/gpt'] }],
    ['a pool', { model: 'nova', input: 1, output_audio: 1 }, { model: 'amazon/nova', pool: 'output_audio' }],
    [
      'a pool in an object',
      gemini({ promptTokenCount: 1, candidatesTokenCount: 1, candidatesTokensDetails: [by('AUDIO', 1)] }),
      { model: 'google/gemini', pool: 'output_audio' },
    ],
    [
      'reasoning where there is no output price',
      { model: 'nova', cache_write: 1 },
      { model: 'amazon/nova', pool: 'cache_write' },
    ],
    [
      'a service tier',
      { model: 'nova', input: 1, service_tier: 'flex' },
      { model: 'amazon/nova', service_tier: 'flex' },
    ],
    [
      'a service tier of every object',
      { model: 'sonnet', input: 1, service_tier: 'constructor' },
      { model: 'anthropic/sonnet', service_tier: 'constructor' },
    ],
    [
      'fast',
      anthropic({ input_tokens: 1, output_tokens: 1, speed: 'fast' }),
      { model: 'anthropic/sonnet', service_tier: 'fast' },
    ],
    [
      'a place',
      anthropic({ input_tokens: 1, output_tokens: 1, inference_geo: 'eu' }),
      { model: 'anthropic/sonnet', service_tier: 'eu' },
    ],
    [
      'a place and a batch',
      anthropic({ input_tokens: 1, output_tokens: 1, inference_geo: 'eu', service_tier: 'batch' }),
      { model: 'anthropic/sonnet', service_tier: 'eu' },
    ],
    [
      'the same service tier twice',
      { model: 'sonnet', input: 1, service_tier: 'batch+batch' },
      { model: 'anthropic/sonnet', service_tier: 'batch+batch' },
    ],
    [
      'provisioned traffic',
      { ...gemini({ promptTokenCount: 1, trafficType: 'PROVISIONED_THROUGHPUT' }) },
      { model: 'google/gemini', service_tier: 'provisioned_throughput' },
    ],
    [
      'video',
      gemini({ promptTokenCount: 9, promptTokensDetails: [by('VIDEO', 9)] }),
      { model: 'google/gemini', pool: 'video' },
    ],
    [
      'a document',
      gemini({ promptTokenCount: 9, promptTokensDetails: [by('DOCUMENT', 9)] }),
      { model: 'google/gemini', pool: 'document' },
    ],
    [
      'xAI’s sources',
      chat({ prompt_tokens: 9, num_sources_used: 2 }),
      { model: 'anthropic/sonnet', pool: 'num_sources_used' },
    ],
    [
      'Perplexity’s searches',
      chat({ prompt_tokens: 9, num_search_queries: 1 }),
      { model: 'anthropic/sonnet', pool: 'num_search_queries' },
    ],
    [
      'Perplexity’s reasoning',
      chat({ prompt_tokens: 9, completion_tokens: 5, reasoning_tokens: 70 }),
      { model: 'anthropic/sonnet', pool: 'reasoning_tokens' },
    ],
    [
      'Mistral’s seconds',
      chat({ prompt_tokens: 9, prompt_audio_seconds: 1.5 }),
      { model: 'anthropic/sonnet', pool: 'prompt_audio_seconds' },
    ],
    [
      'executed code',
      anthropic({ input_tokens: 1, server_tool_use: { code_execution_requests: 1 } }),
      { model: 'anthropic/sonnet', pool: 'code_execution_requests' },
    ],
    [
      'a compaction',
      anthropic({ input_tokens: 1, iterations: [{ type: 'compaction', input_tokens: 180_000 }] }),
      { model: 'anthropic/sonnet', pool: 'compaction' },
    ],
    [
      'a life that nobody knows',
      bedrock({ inputTokens: 1, cacheWriteInputTokens: 5, cacheDetails: [{ ttl: '24h', inputTokens: 5 }] }),
      { model: 'anthropic/sonnet', pool: 'cacheDetails.24h' },
    ],
    [
      'a meter nobody knows',
      { meter: 'compute_seconds', quantity: 1 },
      { meter: 'compute_seconds', nearest: ['compute_second'] },
    ],
  ])('%s', (_, body, details) => {
    expect(unpriced(body)).toEqual({ unpriced: details });
  });

  it('is not that of counts that are zero', () => {
    const none = { num_sources_used: 0, num_search_queries: null, citation_tokens: 0 };
    expect(unpriced(chat({ prompt_tokens: 9, ...none }))).toHaveProperty('amount');
    expect(unpriced(gemini({ promptTokenCount: 9, promptTokensDetails: [by('VIDEO', 0)] }))).toHaveProperty('amount');
  });
});

describe('what is kept of usage', () => {
  it('is the pools, the service tier, the format and a hash that does not depend on the order of members', () => {
    const [a, b] = [
      anthropic({ input_tokens: 2, output_tokens: 1, service_tier: 'batch' }),
      anthropic({ service_tier: 'batch', output_tokens: 1, input_tokens: 2 }),
    ].map((body) => usageText(read(body)));
    expect(a).toBe(b);
    expect(JSON.parse(a!)).toEqual({
      input: 2,
      output: 1,
      service_tier: 'batch',
      format: 'anthropic',
      // echo -n '{"input_tokens":2,"output_tokens":1,"service_tier":"batch"}' | sha256sum
      raw_sha256: HASH,
    });
  });

  it('is the meter and its quantity', () => {
    expect(usageText(read({ meter: 'compute_second', quantity: 12.5 }))).toBe(
      '{"meter":"compute_second","quantity":12.5}',
    );
  });

  it('is the number of all tokens, without calls', () => {
    const usage = read({
      ...MODEL,
      input: 1,
      cache_read: 2,
      reasoning: 4,
      output_image: 8,
      requests: 16,
      web_searches: 32,
    });
    expect(tokensOf(usage as ModelUsage)).toBe(15);
  });
});

const HASH = '56420abc943eadd855c60e89c4b0ce5f25c25c8a2329b362f7560979edbd3eab';
