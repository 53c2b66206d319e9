import type { OpenAPIObject } from '@nestjs/swagger';
import { ERRORS, ERRORS_PATH, type ErrorCode } from './errors.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Response = Exclude<NonNullable<Components['responses']>[string], { $ref: string }>;
type Schema = Record<string, unknown>;

const CODES = Object.keys(ERRORS) as ErrorCode[];
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const amount = (description: string, example: number): Schema => ({ type: 'number', description, example });

export const DOCS_URL: Schema = {
  type: 'string',
  format: 'uri',
  description: 'The page with its cause, its fix, and whether to retry.',
};

/** The details of a 402. */
export const SHORTFALL: Schema = {
  type: 'object',
  description: 'In dollars or tokens.',
  required: ['required', 'available', 'shortfall'],
  properties: {
    required: amount('The amount that was asked for.', 1.25),
    available: amount('What could be spent.', 0.5),
    shortfall: amount('What was missing.', 0.75),
  },
};

const FIELD_PROBLEM: Schema = {
  type: 'object',
  description: 'A field that was refused.',
  required: ['field', 'message'],
  properties: {
    field: { type: 'string', description: 'Its path in the body, the query or the headers.', example: 'amount' },
    message: { type: 'string', example: 'must be greater than 0' },
  },
};

const FREEZE: Schema = {
  type: 'object',
  required: ['reason'],
  properties: { reason: { type: 'string', description: 'Why an administrator froze the account.' } },
};

const FACTS: Schema = { type: 'object', description: 'Facts for the client.', additionalProperties: true };

/** The schemas that errors refer to. */
const SHARED: Record<string, Schema> = {
  Shortfall: SHORTFALL,
  FieldProblem: FIELD_PROBLEM,
  Freeze: FREEZE,
  Facts: FACTS,
};

/** The details of an error: their schema and an example. */
function detailsOf(code: ErrorCode): { schema: Schema; example: unknown } {
  if (code === 'VALIDATION_ERROR')
    return {
      schema: { type: 'array', maxItems: 20, items: reference('FieldProblem') },
      example: [{ field: 'amount', message: 'must be greater than 0' }],
    };
  if (code === 'INSUFFICIENT_CREDITS')
    return { schema: reference('Shortfall'), example: { required: 1.25, available: 0.5, shortfall: 0.75 } };
  if (code === 'INSUFFICIENT_TOKENS')
    return { schema: reference('Shortfall'), example: { required: 1250, available: 500, shortfall: 750 } };
  if (code === 'ACCOUNT_FROZEN')
    return { schema: reference('Freeze'), example: { reason: 'Chargebacks are being looked into.' } };
  return { schema: { oneOf: [reference('Facts'), { type: 'null' }] }, example: null };
}

/** `INSUFFICIENT_CREDITS` as `InsufficientCredits`, `INTERNAL_ERROR` as `Internal`. */
const pascal = (code: ErrorCode): string =>
  code
    .replace(/_ERROR$/, '')
    .toLowerCase()
    .replace(/(?:^|_)(.)/g, (_, letter: string) => letter.toUpperCase());

/** An example of each error. */
export const errorExamples = (): Record<string, { value: object }> =>
  Object.fromEntries(
    CODES.map((code) => {
      const docs_url = `https://credits.example.com${ERRORS_PATH}#${code}`;
      const { example: details } = detailsOf(code);
      return [
        code,
        { value: { error: { code, message: ERRORS[code].message, details, docs_url, trace_id: TRACE_ID } } },
      ];
    }),
  );

function problemSchema(code: ErrorCode): Schema {
  return {
    type: 'object',
    description: ERRORS[code].message,
    required: ['code', 'message', 'details', 'docs_url', 'trace_id'],
    properties: {
      code: { type: 'string', const: code },
      message: { type: 'string', maxLength: 500 },
      details: detailsOf(code).schema,
      docs_url: DOCS_URL,
      trace_id: {
        type: 'string',
        description: 'The same as the header X-Trace-Id; in a replayed refusal, that of the first answer.',
      },
    },
  };
}

/** The body of an answer with one of these codes, told apart by the code. */
function bodySchema(codes: readonly ErrorCode[]): Schema {
  const problems = codes.map((code) => reference(`${pascal(code)}Problem`));
  const error =
    problems.length === 1
      ? problems[0]
      : {
          oneOf: problems,
          discriminator: {
            propertyName: 'code',
            mapping: Object.fromEntries(codes.map((code, i) => [code, problems[i]!.$ref])),
          },
        };
  return { type: 'object', required: ['error'], properties: { error } };
}

/**
 * Makes each error response of an operation a reference to one that all operations share, with a schema of its codes.
 * @param components gets the responses and schemas
 */
export function shareErrors({ responses }: Operation, components: Components): void {
  const schemas = components.schemas as Record<string, Schema>;
  const shared = (components.responses ??= {});
  for (const [status, response] of Object.entries(responses) as [string, Response][]) {
    const content = response.content?.['application/json'];
    if (Number(status) < 400 || !content?.examples) continue;
    const codes = CODES.filter((code) => code in content.examples!);
    const name = codes.map(pascal).join('Or');
    for (const code of codes) schemas[`${pascal(code)}Problem`] ??= problemSchema(code);
    Object.assign(schemas, usedBy(codes), { [`${name}Error`]: bodySchema(codes) });
    content.schema = reference(`${name}Error`);
    const full = name + variantOf(status, response);
    shared[full] ??= response;
    responses[status] = { $ref: `#/components/responses/${full}` };
  }
}

/** The shared schemas to which the errors of these codes refer. */
function usedBy(codes: readonly ErrorCode[]): Record<string, Schema> {
  const text = JSON.stringify(codes.map(problemSchema));
  return Object.fromEntries(Object.entries(SHARED).filter(([name]) => text.includes(`/${name}"`)));
}

/** Responses with the same codes differ by their headers alone. */
function variantOf(status: string, { headers = {} }: Response): string {
  const metered = 'X-RateLimit-Limit' in headers || status === '401' || status === '431';
  return ('Idempotent-Replayed' in headers ? 'Replayable' : '') + (metered ? '' : 'Unmetered');
}
