import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERRORS, ERRORS_PATH, type ErrorCode } from './errors.js';
import type { HEADERS } from './openapi-document.js';
import { AnyQuery } from './unknown-query.guard.js';

type SchemaObject = Record<string, unknown>;

const PAGE_META: SchemaObject = {
  type: 'object',
  required: ['total', 'limit', 'offset'],
  properties: {
    total: { type: 'integer', description: 'The number of items in the filtered list.', example: 156 },
    limit: { type: 'integer', description: 'The most items that a page holds.', example: 20 },
    offset: { type: 'integer', description: 'The number of items before this page.', example: 0 },
  },
};

const CURSOR_META: SchemaObject = {
  type: 'object',
  required: ['limit'],
  properties: {
    limit: { type: 'integer', description: 'The most items that a page holds.', example: 20 },
    next_cursor: { type: 'string', description: 'Names the next page; absent at the end.' },
  },
};

const HISTORY_META: SchemaObject = {
  anyOf: [PAGE_META, CURSOR_META],
  example: { total: 156, limit: 20, offset: 0 },
};

const page = (item: SchemaObject, meta: SchemaObject): SchemaObject => ({
  type: 'object',
  required: ['data', 'meta'],
  properties: { data: { type: 'array', items: item }, meta },
});

/** The schema of an answer's body, of one item or a list of items. */
const ENVELOPES = {
  bare: (item: SchemaObject): SchemaObject => item,
  item: (item: SchemaObject): SchemaObject => ({ type: 'object', required: ['data'], properties: { data: item } }),
  array: (item: SchemaObject): SchemaObject => ENVELOPES.item({ type: 'array', items: item }),
  list: (item: SchemaObject): SchemaObject => page(item, PAGE_META),
  cursor: (item: SchemaObject): SchemaObject => page(item, CURSOR_META),
  history: (item: SchemaObject): SchemaObject => page(item, HISTORY_META),
};

/** The documentation of a route, for people and for generated clients. */
interface Endpoint {
  /** One line. */
  summary: string;
  /** More, in Markdown. */
  description: string;
  status?: number;
  /** The item in `data`. */
  answers: Type;
  /**
   * `list`: a page with `meta`; `cursor`: a page that names the next one; `history`: a `list`, or under a filter a
   * `cursor`; `array`: a list without pages; `bare`: a body that has its own `data`.
   */
  as?: keyof typeof ENVELOPES;
  /** Fields of the example answer that differ from the DTO's examples: of its item, or of a bare body. */
  example?: object;
  /** The error codes of this route, besides those of every route. */
  errors?: readonly ErrorCode[];
  /** The headers of its answer, besides those of every route. */
  headers?: readonly (keyof typeof HEADERS)[];
  /** Whether it accepts an `Idempotency-Key`. */
  idempotent?: boolean;
  /** Whether it ignores its query string. Such a route takes no input, so it refuses nothing. */
  anyQuery?: boolean;
}

/** Documents a route: its summary, its answer in the envelope, and each error code with an example. */
export function Endpoint({
  summary,
  description,
  status = 200,
  answers,
  as = 'item',
  example = {},
  headers = [],
  errors = [],
  idempotent = false,
  anyQuery = false,
}: Endpoint): MethodDecorator {
  const schema = ENVELOPES[as]({ $ref: getSchemaPath(answers) });
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiExtraModels(answers),
    ApiResponse({
      status,
      description: 'Done.',
      headers: Object.fromEntries(headers.map((name) => [name, {}])),
      content: { 'application/json': { schema, example } },
    }),
    ...(anyQuery ? [AnyQuery()] : []),
    ...(idempotent
      ? [
          ApiHeader({
            name: 'Idempotency-Key',
            required: false,
            description:
              '1–255 visible ASCII characters, scoped to the account and operation. The same key with the same request gets the first answer again; with another request, 422. For example `run-4521-step-7`.',
            schema: { type: 'string', minLength: 1, maxLength: 255 },
          }),
        ]
      : []),
    ApiErrors(
      ...(anyQuery ? [] : (['VALIDATION_ERROR'] as const)),
      ...errors,
      ...(idempotent ? WRITE_ERRORS : []),
      'OVERLOADED',
      'INTERNAL_ERROR',
    ),
  );
}

/** Documents a route that sends rows as a file, in CSV or in JSON lines. */
export function ExportEndpoint({
  summary,
  description,
  answers,
}: Pick<Endpoint, 'summary' | 'description' | 'answers'>) {
  return applyDecorators(
    ApiOperation({ summary, description: `${description} ${EXPORTED}` }),
    ApiExtraModels(answers),
    ApiResponse({
      status: 200,
      description: 'The file.',
      headers: { 'Content-Disposition': {} },
      content: {
        'text/csv': { schema: { type: 'string' } },
        'application/x-ndjson': { schema: { $ref: getSchemaPath(answers) } },
      },
    }),
    ApiErrors('VALIDATION_ERROR', 'FORBIDDEN', 'OVERLOADED', 'INTERNAL_ERROR'),
  );
}

const EXPORTED =
  'The answer is a stream, up to the last row when it began. If it fails on its way, the connection breaks off, so a file that ended well is whole. In CSV, text that a spreadsheet would take for a formula has an apostrophe before it, and objects are JSON; in NDJSON, a line is a row as the list shows it.';

/** The further errors of every route with a body and a key. */
const WRITE_ERRORS = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'IDEMPOTENCY_KEY_REUSED'] as const;

/** Documents error codes, each under its status with an example. */
export function ApiErrors(...codes: ErrorCode[]): MethodDecorator & ClassDecorator {
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))];
  return applyDecorators(
    ...statuses.map((status) => {
      const group = [...new Set(codes)].filter((code) => ERRORS[code].status === status);
      return ApiResponse({
        status,
        description: group.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join(' '),
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Error' },
            examples: Object.fromEntries(group.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      });
    }),
  );
}

/** The schema and the examples that the error responses of all routes refer to. */
export function errorComponents(): { schemas: Record<string, object>; examples: Record<string, object> } {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const error = (code: ErrorCode) => ({
    error: {
      code,
      message: ERRORS[code].message,
      details: exampleDetails(code),
      docs_url: `https://credits.example.com${ERRORS_PATH}#${code}`,
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  });
  return {
    schemas: { Error: errorSchema(codes) },
    examples: Object.fromEntries(codes.map((code) => [code, { value: error(code) }])),
  };
}

function errorSchema(codes: readonly ErrorCode[]): SchemaObject {
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'details', 'docs_url', 'trace_id'],
        properties: {
          code: { type: 'string', enum: codes },
          message: { type: 'string' },
          details: {
            description:
              'Facts for the client: the refused fields of a VALIDATION_ERROR, the amounts of an INSUFFICIENT_…; else null.',
          },
          docs_url: {
            type: 'string',
            format: 'uri',
            description: 'The page with its cause, its fix, and whether to retry.',
          },
          trace_id: {
            type: 'string',
            description: 'The same as the header X-Trace-Id; in a replayed refusal, that of the first answer.',
          },
        },
      },
    },
  };
}

function exampleDetails(code: ErrorCode): unknown {
  if (code === 'VALIDATION_ERROR') return [{ field: 'amount', message: 'must be greater than 0' }];
  if (code === 'INSUFFICIENT_CREDITS') return { required: 1.25, available: 0.5, shortfall: 0.75 };
  if (code === 'ACCOUNT_FROZEN') return { reason: 'Chargebacks are being looked into.' };
  if (code === 'INSUFFICIENT_TOKENS') return { required: 1250, available: 500, shortfall: 750 };
  return null;
}
