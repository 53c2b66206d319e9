import type { UsageBody } from '../../../src/pricing/domain/index.js';

/** A provider's answer, what it must be read as, and what it must cost by the card in `card.ts`. */
export interface Checked {
  readonly name: string;
  readonly usage: UsageBody;
  /** Dollars, exactly. */
  readonly exact: string;
  /** Micro-dollars. */
  readonly amount: number;
  readonly tier?: number;
}

const openai = (raw: object, beside: Partial<UsageBody> = {}): UsageBody => ({
  model: 'gpt',
  format: 'openai_chat',
  raw,
  ...beside,
});
const responses = (raw: object, beside: Partial<UsageBody> = {}): UsageBody => ({
  ...openai(raw, beside),
  format: 'openai_responses',
});
const anthropic = (raw: object, beside: Partial<UsageBody> = {}): UsageBody => ({
  model: 'sonnet',
  format: 'anthropic',
  raw,
  ...beside,
});
const gemini = (raw: object, beside: Partial<UsageBody> = {}): UsageBody => ({
  model: 'gemini',
  format: 'gemini',
  raw,
  ...beside,
});
const bedrock = (raw: object, model = 'sonnet'): UsageBody => ({ model, format: 'bedrock', raw });
const by = (modality: string, tokenCount: number) => ({ modality, tokenCount });

/** The subtle ones. Each sum is written out in its comment, in dollars per million where nothing else is said. */
export const CHECKED: readonly Checked[] = [
  // OpenAI, chat completions.
  {
    name: 'chat: nothing but totals',
    // 1,000 × 1.25 + 200 × 10
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200, total_tokens: 1_200 }),
    exact: '0.00325',
    amount: 3_250,
  },
  {
    name: 'chat: an embedding has no completion',
    // 7 × 1.25 = 8.75 micro-dollars, rounded up
    usage: openai({ prompt_tokens: 7, total_tokens: 7 }),
    exact: '0.00000875',
    amount: 9,
  },
  {
    name: 'chat: cached tokens lie inside the prompt',
    // (2,006 − 1,920) × 1.25 + 1,920 × 0.125 + 300 × 10
    usage: openai({
      prompt_tokens: 2_006,
      completion_tokens: 300,
      total_tokens: 2_306,
      prompt_tokens_details: { cached_tokens: 1_920, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    }),
    exact: '0.0033475',
    amount: 3_348,
  },
  {
    name: 'chat: written tokens lie inside the prompt too',
    // (10,339 − 10,000 − 300) × 1.25 + 10,000 × 0.125 + 300 × 1.5625 + 60 × 10
    usage: openai({
      prompt_tokens: 10_339,
      completion_tokens: 60,
      prompt_tokens_details: { cached_tokens: 10_000, cache_write_tokens: 300 },
    }),
    exact: '0.0023675',
    amount: 2_368,
  },
  {
    name: 'chat: reasoning lies inside the completion and costs what output does',
    // 75 × 1.25 + (1,186 − 1,024) × 10 + 1,024 × 10
    usage: openai({
      prompt_tokens: 75,
      completion_tokens: 1_186,
      completion_tokens_details: { reasoning_tokens: 1_024 },
    }),
    exact: '0.01195375',
    amount: 11_954,
  },
  {
    name: 'chat: predicted tokens lie inside the completion, rejected ones too',
    // 450 × 1.25 + 130 × 10
    usage: openai({
      prompt_tokens: 450,
      completion_tokens: 130,
      completion_tokens_details: {
        accepted_prediction_tokens: 60,
        rejected_prediction_tokens: 40,
        reasoning_tokens: 0,
      },
    }),
    exact: '0.0018625',
    amount: 1_863,
  },
  {
    name: 'chat: audio in and out',
    // (340 − 300) × 1.25 + 300 × 32 + (210 − 160) × 10 + 160 × 64
    usage: openai({
      prompt_tokens: 340,
      completion_tokens: 210,
      prompt_tokens_details: { audio_tokens: 300, text_tokens: 40 },
      completion_tokens_details: { audio_tokens: 160, text_tokens: 50 },
    }),
    exact: '0.02039',
    amount: 20_390,
  },
  {
    name: 'chat: cached tokens beside audio are text',
    // (900 − 400 − 300) × 1.25 + 400 × 0.125 + 300 × 32 + 10 × 10
    usage: openai({
      prompt_tokens: 900,
      completion_tokens: 10,
      prompt_tokens_details: { audio_tokens: 300, cached_tokens: 400 },
    }),
    exact: '0.01',
    amount: 10_000,
  },
  {
    name: 'chat: cached tokens by modality',
    // fresh audio 300 − 100, fresh text 900 − 400 − 200; 300 × 1.25 + 400 × 0.125 + 200 × 32
    usage: openai({
      prompt_tokens: 900,
      prompt_tokens_details: {
        audio_tokens: 300,
        cached_tokens: 400,
        cached_tokens_details: { audio_tokens: 100, text_tokens: 300 },
      },
    }),
    exact: '0.006825',
    amount: 6_825,
  },
  {
    name: 'chat: DeepSeek says cached tokens beside the details',
    // (1,000 − 900) × 1.25 + 900 × 0.125 + 10 × 10
    usage: openai({
      prompt_tokens: 1_000,
      completion_tokens: 10,
      prompt_cache_hit_tokens: 900,
      prompt_cache_miss_tokens: 100,
    }),
    exact: '0.0003375',
    amount: 338,
  },
  {
    name: 'chat: Moonshot says cached tokens at the top',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 10, cached_tokens: 900 }),
    exact: '0.0003375',
    amount: 338,
  },
  {
    name: 'chat: Qwen says written tokens as Anthropic does, inside the details',
    // (2,000 − 500 − 1,000) × 1.25 + 500 × 0.125 + 1,000 × 1.5625 + 10 × 10
    usage: openai({
      prompt_tokens: 2_000,
      completion_tokens: 10,
      total_tokens: 2_010,
      prompt_tokens_details: {
        cached_tokens: 500,
        cache_creation_input_tokens: 1_000,
        cache_creation: { ephemeral_5m_input_tokens: 1_000 },
        cache_type: 'ephemeral',
      },
    }),
    exact: '0.00235',
    amount: 2_350,
  },
  {
    name: 'chat: xAI counts reasoning outside of the completion',
    // 12 × 1.25 + 1 × 10 + 386 × 10
    usage: openai({
      prompt_tokens: 12,
      completion_tokens: 1,
      total_tokens: 399,
      prompt_tokens_details: { text_tokens: 12, audio_tokens: 0, image_tokens: 0, cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 386, audio_tokens: 0 },
      num_sources_used: 0,
    }),
    exact: '0.003885',
    amount: 3_885,
  },
  {
    name: 'chat: null is absent, unknown members are ignored',
    // 8 × 1.25 + 1 × 10
    usage: openai({
      prompt_tokens: 8,
      completion_tokens: 1,
      total_tokens: 99,
      prompt_tokens_details: null,
      completion_tokens_details: { reasoning_tokens: null, thought_bubbles: 4 },
      queue_time: 0.01,
      cost: '0.3',
    }),
    exact: '0.00002',
    amount: 20,
  },
  {
    name: 'chat: searches and requests beside the object',
    // 8 × 1.25 + 2 × 10 a thousand + 1 × 0.5 a thousand
    usage: openai({ prompt_tokens: 8, completion_tokens: 0 }, { web_searches: 2, requests: 1 }),
    exact: '0.02051',
    amount: 20_510,
  },
  {
    name: 'chat: a batch costs half',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200 }, { service_tier: 'batch' }),
    exact: '0.001625',
    amount: 1_625,
  },
  {
    name: 'chat: default is no service tier',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200, service_tier: 'default' }),
    exact: '0.00325',
    amount: 3_250,
  },
  {
    name: 'chat: priority in the object',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200, service_tier: 'priority' }),
    exact: '0.0065',
    amount: 6_500,
  },
  {
    name: 'chat: capitals of a service tier do not matter',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200, service_tier: 'batch' }, { service_tier: 'Batch' }),
    exact: '0.001625',
    amount: 1_625,
  },
  {
    name: 'chat: nor do those of the card',
    usage: openai({ prompt_tokens: 1_000, completion_tokens: 200, service_tier: 'scale' }),
    exact: '0.00975',
    amount: 9_750,
  },
  // OpenAI, responses.
  {
    name: 'responses: cached and reasoning',
    // (5,123 − 4,864) × 1.25 + 4,864 × 0.125 + 900 × 10
    usage: responses({
      input_tokens: 5_123,
      input_tokens_details: { cached_tokens: 4_864 },
      output_tokens: 900,
      output_tokens_details: { reasoning_tokens: 832 },
      total_tokens: 6_023,
    }),
    exact: '0.00993175',
    amount: 9_932,
  },
  {
    name: 'responses: written tokens',
    // (3,000 − 1,000 − 1,500) × 1.25 + 1,000 × 0.125 + 1,500 × 1.5625 + 1 × 10
    usage: responses({
      input_tokens: 3_000,
      input_tokens_details: { cached_tokens: 1_000, cache_write_tokens: 1_500 },
      output_tokens: 1,
    }),
    exact: '0.00310375',
    amount: 3_104,
  },
  {
    name: 'responses: images in and out',
    // (500 − 400) × 1.25 + 400 × 1.25 + 1,056 × 40
    usage: responses({
      input_tokens: 500,
      input_tokens_details: { text_tokens: 100, image_tokens: 400 },
      output_tokens: 1_056,
      output_tokens_details: { image_tokens: 1_056, text_tokens: 0 },
    }),
    exact: '0.042865',
    amount: 42_865,
  },
  {
    name: 'responses: searches stand beside it',
    // 328 × 1.25 + 356 × 10 + 3 × 10 a thousand
    usage: responses({ input_tokens: 328, output_tokens: 356 }, { web_searches: 3 }),
    exact: '0.03397',
    amount: 33_970,
  },
  {
    name: 'responses: the Realtime API names the details in the singular',
    // (132 − 64 − 13) × 1.25 + 64 × 0.125 + 13 × 32 + (121 − 91) × 10 + 91 × 64
    usage: responses({
      total_tokens: 253,
      input_tokens: 132,
      output_tokens: 121,
      input_token_details: {
        text_tokens: 119,
        audio_tokens: 13,
        image_tokens: 0,
        cached_tokens: 64,
        cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
      },
      output_token_details: { text_tokens: 30, audio_tokens: 91 },
    }),
    exact: '0.00661675',
    amount: 6_617,
  },
  {
    name: 'responses: cached audio of the Realtime API is not fresh audio',
    // text 400 − 192, audio 600 − 256: 208 × 1.25 + 448 × 0.125 + 344 × 32 + 50 × 10 + 150 × 64
    usage: responses({
      total_tokens: 1_200,
      input_tokens: 1_000,
      output_tokens: 200,
      input_token_details: {
        text_tokens: 400,
        audio_tokens: 600,
        cached_tokens: 448,
        cached_tokens_details: { text_tokens: 192, audio_tokens: 256 },
      },
      output_token_details: { text_tokens: 50, audio_tokens: 150 },
    }),
    exact: '0.021424',
    amount: 21_424,
  },
  {
    name: 'responses: a transcription',
    // 10 × 1.25 + 4 × 32 + 101 × 10
    usage: responses({
      type: 'tokens',
      input_tokens: 14,
      input_token_details: { text_tokens: 10, audio_tokens: 4 },
      output_tokens: 101,
      total_tokens: 115,
    }),
    exact: '0.0011505',
    amount: 1_151,
  },
  // Anthropic.
  {
    name: 'anthropic: its input is fresh',
    // 21 × 3 + 188,086 × 0.3 + 393 × 15
    usage: anthropic({
      input_tokens: 21,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 188_086,
      output_tokens: 393,
    }),
    exact: '0.0623838',
    amount: 62_384,
  },
  {
    name: 'anthropic: written tokens without details live for five minutes',
    // 3 × 3 + 4,735 × 3.75 + 255 × 15
    usage: anthropic({ input_tokens: 3, cache_creation_input_tokens: 4_735, output_tokens: 255 }),
    exact: '0.02159025',
    amount: 21_591,
  },
  {
    name: 'anthropic: both lives of written tokens',
    // 2,048 × 3 + 1,800 × 0.3 + 148 × 3.75 + 100 × 6 + 503 × 15
    usage: anthropic({
      input_tokens: 2_048,
      cache_read_input_tokens: 1_800,
      cache_creation_input_tokens: 248,
      cache_creation: { ephemeral_5m_input_tokens: 148, ephemeral_1h_input_tokens: 100 },
      output_tokens: 503,
      service_tier: 'standard',
    }),
    exact: '0.015384',
    amount: 15_384,
  },
  {
    name: 'anthropic: lives without their total',
    // 1 × 3 + 10 × 3.75 + 20 × 6 + 1 × 15
    usage: anthropic({
      input_tokens: 1,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      output_tokens: 1,
    }),
    exact: '0.0001755',
    amount: 176,
  },
  {
    name: 'anthropic: thinking lies inside the output',
    // 49 × 3 + 2,317 × 15
    usage: anthropic({ input_tokens: 49, output_tokens: 2_317, output_tokens_details: { thinking_tokens: 1_900 } }),
    exact: '0.034902',
    amount: 34_902,
  },
  {
    name: 'anthropic: searches lie in the object, fetches are free',
    // 105 × 3 + 7,123 × 0.3 + 7,345 × 3.75 + 6,039 × 15 + 2 × 10 a thousand
    usage: anthropic({
      input_tokens: 105,
      output_tokens: 6_039,
      cache_read_input_tokens: 7_123,
      cache_creation_input_tokens: 7_345,
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 5 },
    }),
    exact: '0.14058065',
    amount: 140_581,
  },
  {
    name: 'anthropic: 200,000 tokens of prompt are not more than 200,000',
    // 150,000 × 3 + 50,000 × 0.3 + 1 × 15
    usage: anthropic({ input_tokens: 150_000, cache_read_input_tokens: 50_000, output_tokens: 1 }),
    exact: '0.465015',
    amount: 465_015,
  },
  {
    name: 'anthropic: one token more changes every price',
    // 150,000 × 6 + 50,001 × 0.6 + 1 × 22.5
    usage: anthropic({ input_tokens: 150_000, cache_read_input_tokens: 50_001, output_tokens: 1 }),
    exact: '0.9300231',
    amount: 930_024,
    tier: 200_001,
  },
  {
    name: 'anthropic: written tokens count as prompt',
    // 1 × 6 + 100,000 × 7.5 + 100,000 × 12 + 10 × 22.5
    usage: anthropic({
      input_tokens: 1,
      cache_creation_input_tokens: 200_000,
      cache_creation: { ephemeral_5m_input_tokens: 100_000, ephemeral_1h_input_tokens: 100_000 },
      output_tokens: 10,
    }),
    exact: '1.950231',
    amount: 1_950_231,
    tier: 200_001,
  },
  {
    name: 'anthropic: output never counts as prompt',
    // 10 × 3 + 300,000 × 15
    usage: anthropic({ input_tokens: 10, output_tokens: 300_000 }),
    exact: '4.50003',
    amount: 4_500_030,
  },
  {
    name: 'anthropic: the batch tier is read from it',
    // half of 1,000 × 3 + 100 × 15
    usage: anthropic({ input_tokens: 1_000, output_tokens: 100, service_tier: 'batch' }),
    exact: '0.00225',
    amount: 2_250,
  },
  {
    name: 'anthropic: batch and long prompt',
    // half of 300,000 × 6 + 100 × 22.5
    usage: anthropic({ input_tokens: 300_000, output_tokens: 100, service_tier: 'batch' }),
    exact: '0.901125',
    amount: 901_125,
    tier: 200_001,
  },
  {
    name: 'anthropic: a place with a price',
    // 1.1 × (1,000 × 3 + 100 × 15)
    usage: anthropic({ input_tokens: 1_000, output_tokens: 100, inference_geo: 'us', service_tier: 'standard' }),
    exact: '0.00495',
    amount: 4_950,
  },
  {
    name: 'anthropic: a place and a batch, one on the other',
    // 1.1 × 0.5 × (1,000 × 3 + 100 × 15)
    usage: anthropic({ input_tokens: 1_000, output_tokens: 100, inference_geo: 'us', service_tier: 'batch' }),
    exact: '0.002475',
    amount: 2_475,
  },
  {
    name: 'anthropic: a joined name that the card has',
    // 0.3 × (1,000 × 3 + 100 × 15)
    usage: anthropic({ input_tokens: 1_000, output_tokens: 100, speed: 'slow', service_tier: 'batch' }),
    exact: '0.00135',
    amount: 1_350,
  },
  {
    name: 'anthropic: no place in particular, standard speed',
    usage: anthropic({ input_tokens: 1_000, output_tokens: 100, inference_geo: 'not_available', speed: 'standard' }),
    exact: '0.0045',
    amount: 4_500,
  },
  {
    name: 'anthropic: iterations of the message itself lie in the totals',
    usage: anthropic({
      input_tokens: 1_000,
      output_tokens: 100,
      iterations: [{ type: 'message', input_tokens: 1_000, output_tokens: 100 }],
    }),
    exact: '0.0045',
    amount: 4_500,
  },
  // Gemini.
  {
    name: 'gemini: thoughts lie outside of the candidates',
    // 9 × 0.3 + 1,130 × 2.5 + 1,019 × 3.5
    usage: gemini({
      promptTokenCount: 9,
      candidatesTokenCount: 1_130,
      thoughtsTokenCount: 1_019,
      totalTokenCount: 2_158,
      promptTokensDetails: [by('TEXT', 9)],
    }),
    exact: '0.0063942',
    amount: 6_395,
  },
  {
    name: 'gemini: cached content lies inside the prompt',
    // (696,219 − 696,190) × 0.3 + 696,190 × 0.03 + 214 × 2.5
    usage: gemini({
      promptTokenCount: 696_219,
      candidatesTokenCount: 214,
      cachedContentTokenCount: 696_190,
    }),
    exact: '0.0214294',
    amount: 21_430,
  },
  {
    name: 'gemini: audio and images by modality',
    // 100 × 0.3 + 1,600 × 1 + 258 × 0.3 + 50 × 2.5
    usage: gemini({
      promptTokenCount: 1_958,
      candidatesTokenCount: 50,
      promptTokensDetails: [by('TEXT', 100), by('AUDIO', 1_600), by('IMAGE', 258)],
      candidatesTokensDetails: [by('TEXT', 50)],
    }),
    exact: '0.0018324',
    amount: 1_833,
  },
  {
    name: 'gemini: cached content is taken out by modality',
    // text 600 − 300, audio 400 − 100, cached 400: 300 × 0.3 + 300 × 1 + 400 × 0.03 + 10 × 2.5
    usage: gemini({
      promptTokenCount: 1_000,
      cachedContentTokenCount: 400,
      candidatesTokenCount: 10,
      promptTokensDetails: [by('AUDIO', 400), by('TEXT', 600)],
      cacheTokensDetails: [by('AUDIO', 100), by('TEXT', 300)],
    }),
    exact: '0.000427',
    amount: 427,
  },
  {
    name: 'gemini: cached content without a word is text',
    // text 600 − 400, audio 400: 200 × 0.3 + 400 × 1 + 400 × 0.03
    usage: gemini({
      promptTokenCount: 1_000,
      cachedContentTokenCount: 400,
      promptTokensDetails: [by('AUDIO', 400), by('TEXT', 600)],
    }),
    exact: '0.000472',
    amount: 472,
  },
  {
    name: 'gemini: the prompt of tools counts as input',
    // (50 + 10,309) × 0.3 + 300 × 2.5
    usage: gemini({
      promptTokenCount: 50,
      toolUsePromptTokenCount: 10_309,
      candidatesTokenCount: 300,
      toolUsePromptTokensDetails: [by('TEXT', 10_309)],
    }),
    exact: '0.0038577',
    amount: 3_858,
  },
  {
    name: 'gemini: an image comes out',
    // 12 × 0.3 + 20 × 2.5 + 1,290 × 30
    usage: gemini({
      promptTokenCount: 12,
      candidatesTokenCount: 1_310,
      candidatesTokensDetails: [by('IMAGE', 1_290), by('TEXT', 20)],
    }),
    exact: '0.0387536',
    amount: 38_754,
  },
  {
    name: 'gemini: the live API says response',
    // 10 × 0.3 + 20 × 2.5
    usage: gemini({ promptTokenCount: 10, responseTokenCount: 20, responseTokensDetails: [by('TEXT', 20)] }),
    exact: '0.000053',
    amount: 53,
  },
  {
    name: 'gemini: nothing but thoughts came out',
    // 10 × 0.3 + 64 × 3.5
    usage: gemini({ promptTokenCount: 10, thoughtsTokenCount: 64 }),
    exact: '0.000227',
    amount: 227,
  },
  {
    name: 'gemini: flexible traffic is a service tier',
    usage: gemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, trafficType: 'ON_DEMAND_FLEX' }),
    exact: '0.000275',
    amount: 275,
  },
  {
    name: 'gemini: on demand is none',
    usage: gemini({ promptTokenCount: 1_000, candidatesTokenCount: 100, trafficType: 'ON_DEMAND' }),
    exact: '0.00055',
    amount: 550,
  },
  {
    name: 'gemini: searches stand beside it',
    usage: {
      model: 'gpt',
      format: 'gemini',
      raw: { promptTokenCount: 10, candidatesTokenCount: 1 },
      web_searches: 1,
    },
    // 10 × 1.25 + 1 × 10 + 1 × 10 a thousand
    exact: '0.0100225',
    amount: 10_023,
  },
  // Bedrock.
  {
    name: 'bedrock: its input is fresh',
    // 120 × 0.06 + 5,000 × 0.015 + 80 × 0.24
    usage: bedrock({ inputTokens: 120, outputTokens: 80, totalTokens: 5_200, cacheReadInputTokens: 5_000 }, 'nova'),
    exact: '0.0001014',
    amount: 102,
  },
  {
    name: 'bedrock: written tokens without details live for five minutes',
    // 4 × 3 + 1,024 × 3.75 + 10 × 15
    usage: bedrock({ inputTokens: 4, outputTokens: 10, cacheWriteInputTokens: 1_024, cacheDetails: [] }),
    exact: '0.004002',
    amount: 4_002,
  },
  {
    name: 'bedrock: both lives of written tokens',
    // 4 × 3 + 24 × 3.75 + 1,000 × 6 + 10 × 15
    usage: bedrock({
      inputTokens: 4,
      outputTokens: 10,
      cacheWriteInputTokens: 1_024,
      cacheDetails: [
        { ttl: '1h', inputTokens: 1_000 },
        { ttl: '5m', inputTokens: 24 },
      ],
    }),
    exact: '0.006252',
    amount: 6_252,
  },
  {
    name: 'bedrock: invoked models of Amazon name cached tokens otherwise',
    // 120 × 0.06 + 5,000 × 0.015 + 80 × 0.24
    usage: bedrock(
      {
        inputTokens: 120,
        outputTokens: 80,
        totalTokens: 200,
        cacheReadInputTokenCount: 5_000,
        cacheWriteInputTokenCount: 0,
      },
      'nova',
    ),
    exact: '0.0001014',
    amount: 102,
  },
  {
    name: 'bedrock: the metrics of an invocation',
    // 4 × 3 + 200 × 0.3 + 1,024 × 3.75 + 10 × 15
    usage: bedrock({
      inputTokenCount: 4,
      outputTokenCount: 10,
      cacheReadInputTokenCount: 200,
      cacheWriteInputTokenCount: 1_024,
      invocationLatency: 812,
      firstByteLatency: 301,
    }),
    exact: '0.004062',
    amount: 4_062,
  },
  // Our own pools, and meters.
  {
    name: 'pools: every one that the model prices',
    // 1 each: 1.25 + 0.125 + 1.5625 + 10 + 10 + 32 + 64 + 1.25 + 40, then 0.5 and 10 a thousand
    usage: {
      model: 'openai/gpt',
      ...{ input: 1, cache_read: 1, cache_write: 1, output: 1, reasoning: 1, input_audio: 1, output_audio: 1 },
      ...{ input_image: 1, output_image: 1, requests: 1, web_searches: 1 },
    },
    exact: '0.0106601875',
    amount: 10_661,
  },
  {
    name: 'pools: reasoning at a price of its own',
    // 100 × 2.5 + 50 × 3.5
    usage: { model: 'gemini', output: 100, reasoning: 50 },
    exact: '0.000425',
    amount: 425,
  },
  {
    name: 'pools: zero is a price, and the smallest one is not lost',
    // a million for nothing, one token at 10⁻¹² dollars
    usage: { model: 'meta/free-input', input: 1_000_000, output: 1 },
    exact: '0.000000000001',
    amount: 1,
  },
  {
    name: 'pools: only searches',
    usage: { model: 'sonnet', web_searches: 1 },
    exact: '0.01',
    amount: 10_000,
  },
  {
    name: 'pools: beyond 2⁵³ of 10⁻¹² dollars',
    // 10¹² × 22.5 a million + 10¹² × 6 a million
    usage: { model: 'sonnet', input: 1_000_000_000_000, output: 1_000_000_000_000 },
    exact: '28500000',
    amount: 28_500_000_000_000,
    tier: 200_001,
  },
  {
    name: 'meter: a part of a unit',
    usage: { meter: 'compute_second', quantity: 0.5 },
    exact: '0.0000125',
    amount: 13,
  },
  {
    name: 'meter: six decimals',
    // 1,234.567891 × 0.023
    usage: { meter: 'gibibyte_month', quantity: 1_234.567891 },
    exact: '28.395061493',
    amount: 28_395_062,
  },
  {
    name: 'meter: the smallest quantity at the smallest price',
    usage: { meter: 'dust', quantity: 0.000001 },
    exact: '0.000000000000000001',
    amount: 1,
  },
  {
    name: 'meter: beyond 2⁵³ in every factor',
    usage: { meter: 'gold', quantity: 8_589.934591 },
    exact: '8589934591',
    amount: 8_589_934_591_000_000,
  },
];
