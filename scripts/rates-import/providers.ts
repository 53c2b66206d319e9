/** A provider as the card names it, and what a person has decided about its part of the data. */
export interface ProviderRule {
  /** The first half of the models' ids on the card. */
  readonly name: string;
  /** The provider in the library's data. */
  readonly source: string;
  /** Where its prices are published. */
  readonly page: string;
  /** Which of its models belong to this rule; all without. */
  readonly only?: RegExp;
  /** The id on the card, without the provider; the library's without. */
  readonly rename?: (id: string) => string;
  /** Models that are old, or whose prices in the data are doubtful. */
  readonly without?: RegExp;
  /** Models for which the provider charges images as it does text. */
  readonly imageAsText?: RegExp;
  /** Models for which the provider charges audio as it does text. */
  readonly audioAsText?: RegExp;
  /** Models for which the provider documents a batch price of half of every price. */
  readonly batch?: RegExp;
  /** Dated names that the provider answers to and the data matches by a pattern only, by the library's id. */
  readonly snapshots?: Readonly<Record<string, readonly string[]>>;
  /** What a reader of the card should know. */
  readonly notes?: readonly string[];
}

/** When each version of the data was published, so that a card says how old its prices are. */
export const PUBLISHED: Readonly<Record<string, string>> = { '0.1.8': '2026-09-23' };

export const PROVIDERS: readonly ProviderRule[] = [
  {
    name: 'openai',
    source: 'openai',
    page: 'https://developers.openai.com/api/docs/pricing',
    without:
      /^(ada|babbage|curie|davinci|text-davinci|ft:|gpt-3\.5|gpt-4$|gpt-4-|gpt-4\.5|gpt-4o:|gpt-4o-2024|gpt-4o-mini-2024|chatgpt-4o|codex-mini|computer-use|o1-mini|o1-preview|gpt-4o-(mini-)?(realtime|audio))/,
    imageAsText: /^(gpt-4o(-mini)?$|gpt-4\.1|gpt-5(?!.*image)|gpt-6|o1$|o1-pro|o3$|o3-pro|o4-mini$)/,
    batch: /^(gpt-4\.1(-mini|-nano)?|gpt-4o(-mini)?|gpt-5(\.4)?(-mini|-nano)?|gpt-5\.[125]|gpt-5\.6-.*|o3|o4-mini)$/,
    notes: [
      'openai: the batch factor halves web searches too, for which OpenAI documents no discount; send those of a batch as usage of their own, without the service tier.',
      'openai/gpt-5.6-sol: the price was announced to last at least until 2026-11-21. Look it up before you use this card.',
    ],
  },
  {
    name: 'anthropic',
    source: 'anthropic',
    page: 'https://platform.claude.com/docs/en/about-claude/pricing',
    without: /^(claude-2|claude-v1|claude-3-5-sonnet|claude-3-opus|claude-3-sonnet|claude-3-7)/,
    imageAsText: /^claude-/,
    batch: /^claude-/,
    snapshots: {
      'claude-3-5-haiku-latest': ['claude-3-5-haiku-20241022'],
      'claude-3-haiku': ['claude-3-haiku-20240307'],
      'claude-haiku-4-5': ['claude-haiku-4-5-20251001'],
      'claude-opus-4-1': ['claude-opus-4-1-20250805'],
      'claude-opus-4-5': ['claude-opus-4-5-20251101'],
      'claude-sonnet-4-0': ['claude-sonnet-4-20250514'],
      'claude-sonnet-4-5': ['claude-sonnet-4-5-20250929'],
    },
    notes: [
      'anthropic: inference in a chosen place (inference_geo) and fast mode have no price here, so such usage is unpriced; add service tiers such as "us" to charge it.',
    ],
  },
  {
    name: 'google',
    source: 'google',
    page: 'https://ai.google.dev/gemini-api/docs/pricing',
    only: /^gemini-/,
    without: /^gemini-(1\.|flash-1|pro|2\.0)|-tts$/,
    imageAsText:
      /^gemini-(2\.5-(pro|flash|flash-lite)$|2\.5-flash-image|3(\.\d)?-(pro|flash|flash-lite)(-image)?(-preview)?$)/,
    audioAsText: /^gemini-(2\.5-pro|3-pro-preview|3\.1-pro-preview|3\.5-flash-lite|3\.6-flash)$/,
    notes: [
      'google: no batch, flex or priority tiers, because their discount does not apply to cached tokens; storage of caches is billed by the hour and has no pool.',
    ],
  },
  {
    name: 'xai',
    source: 'x-ai',
    page: 'https://docs.x.ai/docs/models',
    without: /^grok-(2|3)/,
    imageAsText: /^grok-4/,
  },
  {
    name: 'mistral',
    source: 'mistral',
    page: 'https://mistral.ai/pricing/api',
    without: /:free$|^(mistral-medium-2312|mistral-7b|mixtral|mistral-saba|ministral-3b$|ministral-8b$|mistral-large$)/,
  },
  {
    name: 'deepseek',
    source: 'deepseek',
    page: 'https://api-docs.deepseek.com/quick_start/pricing',
    only: /^deepseek-v4/,
    notes: [
      'deepseek: prices of the peak hours (01:00-04:00 and 06:00-10:00 UTC on working days), which are the dearest; a card knows no hours.',
      'deepseek: without deepseek-chat, deepseek-reasoner and V3, for which the data has prices of early 2025 or of a reseller.',
    ],
  },
  {
    name: 'meta',
    source: 'aws',
    page: 'https://aws.amazon.com/bedrock/pricing/',
    only: /^meta\.llama(3-[123]|4)/,
    rename: (id) => id.replace(/^meta\./, ''),
    notes: ['meta: prices of Amazon Bedrock on demand; Meta sells no API of its own in the data.'],
  },
  {
    name: 'amazon',
    source: 'aws',
    page: 'https://aws.amazon.com/bedrock/pricing/',
    only: /^(global\.)?amazon\.nova/,
    rename: (id) => id.replace(/^(global\.)?amazon\./, ''),
  },
  { name: 'cohere', source: 'cohere', page: 'https://cohere.com/pricing', without: /^command$/ },
  {
    name: 'qwen',
    source: 'aws',
    page: 'https://aws.amazon.com/bedrock/pricing/',
    only: /^qwen\./,
    rename: (id) => id.replace(/^qwen\./, ''),
    notes: ['qwen: prices of Amazon Bedrock on demand; the data has none of Alibaba Cloud.'],
  },
  { name: 'moonshot', source: 'moonshotai', page: 'https://platform.kimi.ai/docs/pricing/chat.md' },
];
