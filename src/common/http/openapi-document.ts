import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Schemas = NonNullable<Components['schemas']>;
type Schema = Partial<Exclude<Schemas[string], { $ref: string }>> & { $ref?: string };

const header = (description: string, example: string) => ({
  description,
  schema: { type: 'string' as const, example },
});

/** Every header that an answer may carry besides HTTP's own. */
export const HEADERS = {
  'X-Trace-Id': header('The id of this request in the log.', '4bf92f3577b34da6a3ce929d0e0e4736'),
  'Cache-Control': header('Answers are not for caches.', 'no-store'),
  'Content-Disposition': header(
    'The name of the file.',
    'attachment; filename="credits-grants-user_42-2026-11-30.csv"',
  ),
  ETag: header(
    'Names this content. Sent back as `If-None-Match`, it gets a 304 as long as the content is the same.',
    '"x"',
  ),
  Vary: header('The request headers on which the answer depends.', 'Accept-Encoding'),
  'Idempotent-Replayed': header('`true` when this repeats the first answer to the same key.', 'true'),
  'Retry-After': header('The seconds after which the request may be sent again.', '1'),
  'WWW-Authenticate': header('How to authenticate.', 'Bearer'),
  'X-RateLimit-Limit': header(
    'The limit of requests per minute. Administrators have no limit and none of these headers.',
    '6000',
  ),
  'X-RateLimit-Remaining': header('The requests that are left.', '5999'),
  'X-RateLimit-Reset': header('The time when the count starts again, in seconds since 1970.', '1776249060'),
} satisfies Components['headers'];

/** Adds the headers of an operation, and the examples of its body and its answer. */
export function completeOperation(operation: Operation, schemas: Schemas): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (!response || '$ref' in response) continue;
    const names = [...headersOf(operation, Number(status)), ...Object.keys(response.headers ?? {})];
    response.headers = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
    const answer = Number(status) < 300 ? response.content?.['application/json'] : undefined;
    if (answer) answer.example = answerExample(answer.schema as Schema, answer.example as object, schemas);
  }
  withoutExamples(operation);
  const body =
    operation.requestBody && 'content' in operation.requestBody
      ? operation.requestBody.content['application/json']
      : undefined;
  if (body) body.example ??= bodyExample(resolve(body.schema as Schema, schemas));
}

/** A query's parameters have no examples: Swagger UI would send all of them at once. */
function withoutExamples({ parameters = [] }: Operation): void {
  for (const parameter of parameters)
    if ('in' in parameter && parameter.in === 'query') delete (parameter.schema as Schema).example;
}

function headersOf({ security, parameters = [] }: Operation, status: number): (keyof typeof HEADERS)[] {
  const limited = security?.some((schemes) => 'bearer' in schemes) && status !== 401;
  const idempotent = parameters.some((parameter) => 'name' in parameter && parameter.name === 'Idempotency-Key');
  return [
    'X-Trace-Id',
    'Cache-Control',
    ...(idempotent && (status < 300 || [402, 404, 409].includes(status)) ? (['Idempotent-Replayed'] as const) : []),
    ...(status === 429 || status === 503 ? (['Retry-After'] as const) : []),
    ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
    ...(limited ? (['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'] as const) : []),
  ];
}

/**
 * The body that Swagger UI offers to send: every field that has an example. `account` has one only on administrators'
 * routes, because most callers may not send it.
 */
function bodyExample({ example, properties = {} }: Schema): unknown {
  if (example !== undefined) return example;
  const examples = Object.entries(properties).map(
    ([field, property]) => [field, (property as Schema).example as unknown] as const,
  );
  return Object.fromEntries(examples.filter(([, given]) => given !== undefined));
}

/** The example of an answer: its required fields, and the fields in `known` for this route. */
function answerExample(schema: Schema, known: object, schemas: Schemas): unknown {
  if (schema.$ref) return { ...(exampleOf(schema, schemas) as object), ...known };
  const { data, ...rest } = exampleOf(schema, schemas) as { data: object };
  return { data: Array.isArray(data) ? [{ ...(data[0] as object), ...known }] : { ...data, ...known }, ...rest };
}

function exampleOf(schema: Schema, schemas: Schemas): unknown {
  const whole = resolve(schema, schemas);
  if (whole.example !== undefined) return whole.example as unknown;
  if (whole.enum) return whole.enum[0] as unknown;
  const { type, items, properties = {}, required = [] } = whole;
  if (type === 'array') return [exampleOf(items as Schema, schemas)];
  if (type !== 'object') return null;
  return Object.fromEntries(required.map((field) => [field, exampleOf(properties[field] as Schema, schemas)]));
}

/** Follows a schema's reference to another one. */
function resolve(schema: Schema, schemas: Schemas): Schema {
  const [inherited] = (schema.allOf ?? []) as Schema[];
  const reference = schema.$ref ?? inherited?.$ref;
  return reference === undefined ? schema : (schemas[reference.split('/').at(-1)!] as Schema);
}
