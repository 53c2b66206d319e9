import { ERRORS } from './errors.js';
import { DOCS_URL, SHORTFALL } from './openapi-errors.js';
import { publicName } from './openapi-names.js';

type Schema = Record<string, unknown>;

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** The schemas of all envelopes that routes use, by their names. */
export const ENVELOPE_SCHEMAS: Record<string, Schema> = {
  PageMeta: {
    type: 'object',
    required: ['total', 'limit', 'offset'],
    properties: {
      total: { type: 'integer', description: 'The number of items in the filtered list.', example: 156 },
      limit: { type: 'integer', description: 'The most items that a page holds.', example: 20 },
      offset: { type: 'integer', description: 'The number of items before this page.', example: 0 },
    },
  },
};

/** Schemas that some envelopes refer to. They are in the document when one of those is. */
const CURSOR_META: Schema = {
  type: 'object',
  required: ['limit'],
  properties: {
    limit: { type: 'integer', description: 'The most items that a page holds.', example: 20 },
    next_cursor: { type: 'string', description: 'Names the next page; absent at the end.' },
  },
};

const INSUFFICIENT = ['INSUFFICIENT_CREDITS', 'INSUFFICIENT_TOKENS'];
/** The other codes that an item can have: those that do not tell of HTTP or of another party. */
const OTHERS = Object.entries(ERRORS).flatMap(([code, { status }]) =>
  [400, 402, 403, 404, 409, 422, 429, 503].includes(status) && !INSUFFICIENT.includes(code) ? [code] : [],
);

const rejection = (codes: string[], details: Schema): Schema => ({
  type: 'object',
  required: ['code', 'message', 'details', 'docs_url'],
  properties: {
    code: { type: 'string', enum: codes, example: codes[0] },
    message: { type: 'string' },
    details,
    docs_url: DOCS_URL,
  },
});

const BATCH_SCHEMAS: Record<string, Schema> = {
  BatchMeta: {
    type: 'object',
    required: ['posted', 'rejected'],
    properties: {
      posted: { type: 'integer', description: 'How many items were posted.', example: 99 },
      rejected: { type: 'integer', description: 'How many items were rejected.', example: 1 },
      parked: { type: 'integer', description: 'How many items wait for a price; absent: none.' },
    },
  },
  Shortfall: SHORTFALL,
  InsufficientRejection: rejection(INSUFFICIENT, reference('Shortfall')),
  OtherRejection: rejection(OTHERS, { description: 'As in the error of a single request.' }),
  BatchParked: {
    type: 'object',
    description: 'An item whose usage waits for a price, on a server that parks such usage.',
    required: ['status', 'id'],
    properties: {
      status: { type: 'string', const: 'parked' },
      id: { type: 'string', example: 'park_0123456789abcdef0123456789abcdef' },
    },
  },
  BatchRejected: {
    type: 'object',
    description: 'An item that was refused, and why.',
    required: ['status', 'error'],
    properties: {
      status: { type: 'string', const: 'rejected' },
      error: {
        oneOf: [reference('InsufficientRejection'), reference('OtherRejection')],
        discriminator: {
          propertyName: 'code',
          mapping: Object.fromEntries(
            [...INSUFFICIENT, ...OTHERS].map((code) => [
              code,
              reference(INSUFFICIENT.includes(code) ? 'InsufficientRejection' : 'OtherRejection').$ref,
            ]),
          ),
        },
      },
    },
  },
};

const page = (item: Schema, meta: Schema): Schema => ({
  type: 'object',
  required: ['data', 'meta'],
  properties: { data: { type: 'array', items: item }, meta },
});

const item = (data: Schema): Schema => ({ type: 'object', required: ['data'], properties: { data } });

interface Envelope {
  /** What its name has after the item's. */
  suffix: string;
  schema: (item: Schema, name: string) => Schema;
  /** The schemas that it refers to, besides the item's. */
  needs?: (item: Schema, name: string) => Record<string, Schema>;
}

/** The schema of an answer's body, of one item or a list of items. */
export const ENVELOPES = {
  item: { suffix: 'Envelope', schema: item },
  /** A list without pages. */
  array: { suffix: 'List', schema: (of) => item({ type: 'array', items: of }) },
  /** A page that `offset` finds. */
  list: { suffix: 'Page', schema: (of) => page(of, reference('PageMeta')) },
  /** A page that `cursor` finds. */
  cursor: {
    suffix: 'CursorPage',
    schema: (of) => page(of, reference('CursorMeta')),
    needs: () => ({ CursorMeta: CURSOR_META }),
  },
  /** The first, or under a filter the second. */
  history: {
    suffix: 'Page',
    schema: (of) =>
      page(of, {
        anyOf: [reference('PageMeta'), reference('CursorMeta')],
        example: { total: 156, limit: 20, offset: 0 },
      }),
    needs: () => ({ CursorMeta: CURSOR_META }),
  },
  /** A result for each item of a batch, in order: its transaction, or why it was refused. */
  batch: {
    suffix: 'Batch',
    schema: (_of, name) =>
      page(
        {
          oneOf: [reference(`${name}Posted`), reference('BatchRejected'), reference('BatchParked')],
          discriminator: {
            propertyName: 'status',
            mapping: {
              posted: reference(`${name}Posted`).$ref,
              rejected: reference('BatchRejected').$ref,
              parked: reference('BatchParked').$ref,
            },
          },
        },
        reference('BatchMeta'),
      ),
    needs: (of, name) => ({
      ...BATCH_SCHEMAS,
      [`${name}Posted`]: {
        type: 'object',
        description: 'An item that was posted, and its transaction.',
        required: ['status', 'transaction'],
        properties: { status: { type: 'string', const: 'posted' }, transaction: of },
      },
    }),
  },
} satisfies Record<string, Envelope>;

/** Names the envelope of an item and keeps its schema. Returns a reference to it. */
export function envelopeOf(kind: keyof typeof ENVELOPES, className: string, path: string): Schema {
  const { suffix, schema, needs }: Envelope = ENVELOPES[kind];
  const of = { $ref: path };
  const name = publicName(className);
  Object.assign(ENVELOPE_SCHEMAS, needs?.(of, name), { [name + suffix]: schema(of, name) });
  return reference(name + suffix);
}
