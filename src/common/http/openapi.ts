import { applyDecorators, type Type } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOperation, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { ERRORS, type ErrorCode } from './errors.js';
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
  /** The envelope around the item. */
  as?: keyof typeof ENVELOPES;
  /**
   * Fields of the example answer that differ from the DTO's examples: of its item, or of the whole body where they name
   * its `data`.
   */
  example?: object;
  /** The error codes of this route, besides those of every route. */
  errors?: readonly ErrorCode[];
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
  errors = [],
  idempotent = false,
  anyQuery = false,
}: Endpoint): MethodDecorator {
  const schema = envelopeOf(as, answers.name, getSchemaPath(answers));
  return applyDecorators(
    ApiOperation({ summary, description }),
    ApiExtraModels(answers),
    ApiResponse({ status, description: 'Done.', content: { 'application/json': { schema, example } } }),
    ...(anyQuery ? [AnyQuery()] : []),
    ...(idempotent
      ? [
          ApiHeader({
            name: 'Idempotency-Key',
            required: false,
            description:
              '1–255 visible ASCII characters, scoped to the account and operation. The same key with the same request gets the first answer again; with another request, 422. For example `run-4521-step-7`.',
            schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
          }),
        ]
      : []),
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
