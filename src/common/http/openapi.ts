import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from './errors.js';
import type { HEADERS } from './openapi-document.js';
import { ENVELOPES, envelopeOf } from './openapi-envelopes.js';
import { AnyQuery } from './unknown-query.guard.js';

/** The documentation of a route, for people and for generated clients. */
interface Endpoint {
  /** One line. */
  summary: string;
  /** More, in Markdown. */
  description: string;
  status?: number;
  /** The item in `data`; of a batch, its transaction. */
  answers: Type;
  /** The envelope around the item; `bare`: it has its own `data`. */
  as?: keyof typeof ENVELOPES | 'bare';
  /**
   * Fields of the example answer that differ from the DTO's examples: of its item, or of the whole body where they name
   * its `data`.
   */
  example?: object;
  /** The fields in which the answer to a request by usage differs from that example. */
  byUsage?: object;
  /** The error codes of this route, besides those of every route. */
  errors?: readonly ErrorCode[];
  /** The headers of its answer, besides those of every route. */
  headers?: readonly (keyof typeof HEADERS)[];
  /** Whether it accepts an `Idempotency-Key`. */
  idempotent?: boolean;
  /** Whether it ignores its query string. Such a route takes no input, so it refuses nothing. */
  anyQuery?: boolean;
}

const IDEMPOTENCY_KEY = ApiHeader({
  name: 'Idempotency-Key',
  required: false,
  description:
    '1–255 visible ASCII characters, scoped to the account and operation. The same key with the same request gets the first answer again; with another request, 422. For example `run-4521-step-7`.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
});

/** The envelope's schema, which refers to that of its item. */
function schemaOf(as: NonNullable<Endpoint['as']>, answers: Type): object {
  const path = getSchemaPath(answers);
  return as === 'bare' ? { $ref: path } : envelopeOf(as, answers.name, path);
}

/** The example of an answer, or one for each form of the request. */
function exampleOf(example: object, byUsage: object | undefined): object {
  if (!byUsage) return { example };
  return { examples: { amount: { value: example }, usage: { value: { ...example, ...byUsage } } } };
}

/** Documents a route: its summary, its answer in the envelope, and each error code with an example. */
export function Endpoint({
  summary,
  description,
  status = 200,
  answers,
  as = 'item',
  example = {},
  byUsage,
  headers = [],
  errors = [],
  idempotent = false,
  anyQuery = false,
}: Endpoint): MethodDecorator {
  const schema = schemaOf(as, answers);
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiExtraModels(answers),
    ApiResponse({
      status,
      description: 'Done.',
      headers: Object.fromEntries(headers.map((name) => [name, {}])),
      content: { 'application/json': { schema, ...exampleOf(example, byUsage) } },
    }),
    ...(anyQuery ? [AnyQuery()] : []),
    ...(idempotent ? [IDEMPOTENCY_KEY] : []),
    ApiErrors(
      ...(anyQuery ? [] : (['VALIDATION_ERROR'] as const)),
      ...errors,
      ...(idempotent ? WRITE_ERRORS : []),
      'HEADERS_TOO_LARGE',
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

/** Documents error codes, each under its status with an example. The document gives each set of codes its schema. */
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
            schema: {},
            examples: Object.fromEntries(group.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
          },
        },
      });
    }),
  );
}
