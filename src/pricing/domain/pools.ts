/** The pools that usage is counted in. They exclude each other: a token stands in one of them only. */
export const POOLS = [
  'input',
  'cache_read',
  'cache_write',
  'cache_write_1h',
  'output',
  'reasoning',
  'input_audio',
  'output_audio',
  'input_image',
  'output_image',
  'requests',
  'web_searches',
] as const;
export type Pool = (typeof POOLS)[number];

/** How much of each pool was used: whole numbers above zero; a pool without use is left out. */
export type Pools = Readonly<Partial<Record<Pool, number>>>;

/** The pools that are sent to a model. Their sum is the prompt, whose size chooses the tier. */
export const PROMPT_POOLS: readonly Pool[] = [
  'input',
  'cache_read',
  'cache_write',
  'cache_write_1h',
  'input_audio',
  'input_image',
];

/** The pools that count calls, not tokens. They are priced by the thousand. */
export const CALL_POOLS: readonly Pool[] = ['requests', 'web_searches'];
