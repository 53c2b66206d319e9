import type { Pool } from './pools.js';
import type { RawObject } from './raw-object.js';
import { UsageError } from './usage-error.js';

/** The formats of providers' usage objects that are understood. */
export const FORMATS = ['openai_chat', 'openai_responses', 'anthropic', 'gemini', 'bedrock'] as const;
export type Format = (typeof FORMATS)[number];

/** What a provider's object says. */
interface Extracted {
  pools: Partial<Record<Pool, number>>;
  /** The provider's word for the service tier. */
  serviceTier?: string | undefined;
  /** Further words that change the price, as service tiers do. */
  variants?: (string | undefined)[];
  /** A count above zero that is known to be billed and has no pool. */
  unpriced?: string | undefined;
}

/** One reader for each format. */
export const EXTRACTORS: Readonly<Record<Format, (raw: RawObject) => Extracted>> = {
  openai_chat: (raw) => openai(raw, 'prompt', 'completion'),
  openai_responses: (raw) => {
    raw.refuse('anthropic', ['server_tool_use']);
    return openai(raw, 'input', 'output');
  },
  anthropic,
  gemini,
  bedrock,
};

/**
 * Counts beside the tokens for which providers with OpenAI's format charge: sources and tools of xAI, searches,
 * citations and reasoning of Perplexity, seconds of audio of Mistral. Others count `reasoning_tokens` at the top inside
 * the completion, and nothing tells which it is.
 */
const BILLED_BESIDE_OPENAI = [
  'num_sources_used',
  'num_server_side_tools_used',
  'num_search_queries',
  'citation_tokens',
  'reasoning_tokens',
  'prompt_audio_seconds',
];

/**
 * OpenAI and those who speak its format. The two totals include everything; predicted tokens, accepted or rejected,
 * lie inside the completion and are billed as such. DeepSeek and Moonshot have names of their own for cached tokens,
 * and Qwen for written ones.
 */
function openai(raw: RawObject, input: string, output: string): Extracted {
  const [inputName, outputName] = [`${input}_tokens`, `${output}_tokens`];
  raw.refuse('anthropic', ['cache_read_input_tokens', 'cache_creation_input_tokens']);
  const [prompt, completion] = [detailsOf(raw, input), detailsOf(raw, output)];
  const byModality = prompt.object('cached_tokens_details');
  const cached = prompt.count('cached_tokens') || raw.count('prompt_cache_hit_tokens') || raw.count('cached_tokens');
  prompt.rest('cached_tokens', cached, byModality.count('audio_tokens'), byModality.count('image_tokens'));
  const written = prompt.either('cache_write_tokens', 'cache_creation_input_tokens');
  const fresh = (name: string) => prompt.rest(name, prompt.count(name), byModality.count(name));
  const [inputAudio, inputImage] = [fresh('audio_tokens'), fresh('image_tokens')];
  const [reasoning, outputAudio, outputImage] = ['reasoning_tokens', 'audio_tokens', 'image_tokens'].map((name) =>
    completion.count(name),
  ) as [number, number, number];
  const reasoningWithin = outputName === 'completion_tokens' && isOfXai(raw) ? 0 : reasoning;
  return {
    pools: {
      input: raw.rest(inputName, raw.required(inputName), cached, written, inputAudio, inputImage),
      cache_read: cached,
      cache_write: written,
      output: raw.rest(outputName, raw.count(outputName), reasoningWithin, outputAudio, outputImage),
      reasoning,
      input_audio: inputAudio,
      output_audio: outputAudio,
      input_image: inputImage,
      output_image: outputImage,
    },
    serviceTier: raw.word('service_tier'),
    unpriced: BILLED_BESIDE_OPENAI.find((name) => raw.isPositive(name)),
  };
}

/** What a total includes. The Realtime API and transcriptions name it in the singular, as LangChain does. */
function detailsOf(raw: RawObject, total: string): RawObject {
  const [usual, singular] = [`${total}_tokens_details`, `${total}_token_details`];
  if (!raw.has(singular)) return raw.object(usual);
  if (raw.has(usual)) throw new UsageError(`${raw.path}.${singular}`, `cannot stand beside ${usual}`);
  const details = raw.object(singular);
  details.refuse('that of LangChain', OF_LANGCHAIN);
  return details;
}

/** LangChain's own words for counts, which some service tiers stand before. */
const OF_LANGCHAIN = ['', 'flex_', 'priority_'].flatMap((tier) =>
  ['cache_read', 'cache_creation', 'audio', 'reasoning'].map((word) => `${tier}${word}`),
);

/** In xAI's chat completions, unlike everybody else's, reasoning lies outside of the completion. */
function isOfXai(raw: RawObject): boolean {
  return raw.has('num_sources_used') || raw.has('cost_in_usd_ticks');
}

/**
 * Anthropic's input is fresh, and thinking lies inside the output. Web fetches cost their tokens only; code execution
 * is billed by the hour of its container, which is not said here. The totals leave out what a compaction or an
 * adviser's model used.
 */
function anthropic(raw: RawObject): Extracted {
  raw.refuse('openai_responses', ['input_tokens_details', 'input_token_details', 'output_token_details']);
  const lives = raw.object('cache_creation');
  const [short, long] = [lives.count('ephemeral_5m_input_tokens'), lives.count('ephemeral_1h_input_tokens')];
  const total = raw.has('cache_creation_input_tokens') ? raw.count('cache_creation_input_tokens') : short + long;
  if (raw.has('cache_creation')) mustAddUp(raw, 'cache_creation', short + long, total);
  const tools = raw.object('server_tool_use');
  const aside = raw.list('iterations').find((each) => BILLED_ITERATIONS.includes(each.word('type') ?? ''));
  return {
    pools: {
      input: raw.required('input_tokens'),
      cache_read: raw.count('cache_read_input_tokens'),
      cache_write: raw.has('cache_creation') ? short : total,
      cache_write_1h: long,
      output: raw.count('output_tokens'),
      ...(tools.has('web_search_requests') && { web_searches: tools.count('web_search_requests') }),
    },
    serviceTier: raw.word('service_tier'),
    variants: [raw.word('speed'), raw.word('inference_geo')].filter((word) => !NOWHERE_IN_PARTICULAR.includes(word)),
    unpriced: tools.isPositive('code_execution_requests') ? 'code_execution_requests' : aside?.word('type'),
  };
}

/** Models that cannot be bound to a place answer that it is not available. */
const NOWHERE_IN_PARTICULAR: (string | undefined)[] = ['global', 'not_available'];
const BILLED_ITERATIONS = ['compaction', 'advisor_message'];

/**
 * Gemini's prompt includes cached tokens but not those of tools; thoughts lie outside the candidates. The totals are
 * split by modality; without a split they are text.
 */
function gemini(raw: RawObject): Extracted {
  const answer = raw.has('responseTokenCount') ? 'response' : 'candidates';
  const prompt = modalities(raw, 'promptTokensDetails');
  const cached = modalities(raw, 'cacheTokensDetails');
  const tools = modalities(raw, 'toolUsePromptTokensDetails');
  const output = modalities(raw, `${answer}TokensDetails`);
  const audio = raw.rest('promptTokensDetails', prompt.audio, cached.audio);
  const image = raw.rest('promptTokensDetails', prompt.image, cached.image);
  const cachedTokens = raw.count('cachedContentTokenCount');
  raw.rest('cachedContentTokenCount', cachedTokens, cached.audio, cached.image);
  const [toolTokens, outputTokens] = [raw.count('toolUsePromptTokenCount'), raw.count(`${answer}TokenCount`)];
  return {
    pools: {
      input:
        raw.rest('promptTokenCount', raw.required('promptTokenCount'), cachedTokens, audio, image) +
        raw.rest('toolUsePromptTokenCount', toolTokens, tools.audio, tools.image),
      cache_read: cachedTokens,
      output: raw.rest(`${answer}TokenCount`, outputTokens, output.audio, output.image),
      reasoning: raw.count('thoughtsTokenCount'),
      input_audio: audio + tools.audio,
      input_image: image + tools.image,
      output_audio: output.audio,
      output_image: output.image,
    },
    serviceTier: raw.word('serviceTier')?.replace(/^(service_tier_)?unspecified$/, 'standard'),
    variants: raw.has('serviceTier') ? [] : [GEMINI_TRAFFIC[raw.word('trafficType') ?? '']],
    unpriced: [prompt, cached, tools, output].find(({ other }) => other)?.other,
  };
}

/** Vertex AI says the service tier as a kind of traffic; one that isn't here is standard. */
const GEMINI_TRAFFIC: Readonly<Record<string, string>> = {
  on_demand_priority: 'priority',
  on_demand_flex: 'flex',
  provisioned_throughput: 'provisioned_throughput',
};

/** Tokens by modality. Text is the rest of a total, also when it is not named; video and documents have no pool. */
function modalities(raw: RawObject, name: string): { audio: number; image: number; other?: string } {
  const found: { audio: number; image: number; other?: string } = { audio: 0, image: 0 };
  for (const part of raw.list(name)) {
    const modality = part.word('modality') ?? 'text';
    const count = part.count('tokenCount');
    if (modality === 'audio' || modality === 'image') found[modality] += count;
    else if (modality !== 'text' && modality !== 'modality_unspecified' && count > 0) found.other = modality;
  }
  return found;
}

/**
 * Bedrock's input is fresh, as Anthropic's; written tokens without details live for five minutes. Invoked models and
 * the metrics of an invocation count under other names than a conversation.
 */
function bedrock(raw: RawObject): Extracted {
  const written = raw.either('cacheWriteInputTokens', 'cacheWriteInputTokenCount');
  const details = raw
    .list('cacheDetails')
    .map((each) => ({ ttl: each.word('ttl'), tokens: each.count('inputTokens') }));
  const tokensOf = (ttl: string) => details.reduce((sum, each) => sum + (each.ttl === ttl ? each.tokens : 0), 0);
  const other = details.find(({ ttl, tokens }) => ttl !== '5m' && ttl !== '1h' && tokens > 0);
  if (details.length > 0 && !other) mustAddUp(raw, 'cacheDetails', tokensOf('5m') + tokensOf('1h'), written);
  return {
    pools: {
      input: raw.has('inputTokenCount') ? raw.either('inputTokens', 'inputTokenCount') : raw.required('inputTokens'),
      cache_read: raw.either('cacheReadInputTokens', 'cacheReadInputTokenCount'),
      cache_write: details.length > 0 ? tokensOf('5m') : written,
      cache_write_1h: tokensOf('1h'),
      output: raw.either('outputTokens', 'outputTokenCount'),
    },
    unpriced: other && `cacheDetails.${other.ttl ?? 'ttl'}`,
  };
}

function mustAddUp(raw: RawObject, name: string, sum: number, total: number): void {
  if (sum !== total) throw new UsageError(`${raw.path}.${name}`, `must add up to ${total}, the total beside it`);
}
