import type { OpenAPIObject } from '@nestjs/swagger';
import { ENVELOPE_SCHEMAS } from './openapi-envelopes.js';
import { errorExamples, shareErrors } from './openapi-errors.js';
import { groupTags, operationId, publicNames, regroup } from './openapi-names.js';
import { METADATA, modernize } from './openapi-schemas.js';

type Components = NonNullable<OpenAPIObject['components']>;
type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Parameter = { name: string; in: string; schema: Schema; example?: unknown };
type Schemas = NonNullable<Components['schemas']>;
type Examples = Record<string, { summary?: string; value: object }>;
type Answer = { schema: Schema; example?: object; examples?: Examples };
type Schema = Partial<Exclude<Schemas[string], { $ref: string }>> & { $ref?: string };

const header = (description: string, example: string, type: 'string' | 'integer' | 'boolean' = 'string') => ({
  description,
  schema: { type, examples: [type === 'string' ? example : (JSON.parse(example) as unknown)] },
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
  'Idempotent-Replayed': header('`true` when this repeats the first answer to the same key.', 'true', 'boolean'),
  'Retry-After': header('The seconds after which the request may be sent again.', '1', 'integer'),
  'WWW-Authenticate': header('How to authenticate.', 'Bearer'),
  'X-RateLimit-Limit': header(
    'The limit of requests per minute. Administrators have no limit and none of these headers.',
    '6000',
    'integer',
  ),
  'X-RateLimit-Remaining': header('The requests that are left.', '5999', 'integer'),
  'X-RateLimit-Reset': header('The time when the count starts again, in seconds since 1970.', '1776249060', 'integer'),
} satisfies Components['headers'];

/** Makes the document that Nest generates one of OpenAPI 3.1 for people and for generated clients. */
export function completeDocument(document: OpenAPIObject): void {
  const schemas: Schemas = { ...document.components?.schemas, ...(ENVELOPE_SCHEMAS as Schemas) };
  const components: Components = { ...document.components, schemas };
  for (const schema of Object.values(schemas)) requiredFirst(schema);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => (item[method] ? [{ path, operation: item[method] }] : [])),
  );
  for (const { path, operation } of operations) {
    completeOperation(operation, schemas);
    shareErrors(operation, components);
    regroup(path, operation);
    operation.operationId = operationId(path, operation.operationId!);
  }
  groupTags(
    document,
    operations.flatMap(({ operation }) => operation.tags ?? []),
  );
  schemas.Metadata = METADATA;
  components.headers = HEADERS;
  components.examples = errorExamples();
  document.components = components;
  const all = operations.map(({ operation }) => operation);
  modernizeSchemas(document, all);
  Object.assign(document, rename(document, all));
  dropUnused(document);
}

/** Puts the fields that a reader needs before those that may be absent. */
function requiredFirst(schema: Schema): void {
  if (!schema.properties) return;
  const isOptional = (field: string) => Number(!schema.required?.includes(field));
  schema.properties = Object.fromEntries(
    Object.entries(schema.properties).sort(([a], [b]) => isOptional(a) - isOptional(b)),
  );
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Rewrites every schema for OpenAPI 3.1, those of parameters and bodies too. */
function modernizeSchemas({ components }: OpenAPIObject, operations: readonly Operation[]): void {
  const schemas = components!.schemas!;
  for (const [name, schema] of Object.entries(schemas)) schemas[name] = modernize(schema as Schema);
  for (const operation of operations) {
    for (const parameter of (operation.parameters ?? []) as Parameter[]) {
      // Swagger UI fills in the parameter's own example, not its schema's.
      const { example, ...schema } = parameter.schema as Record<string, unknown>;
      if (example !== undefined) parameter.example ??= example;
      parameter.schema = modernize(schema, parameter.name);
      // The router knows no longer one.
      if (parameter.in === 'path' && parameter.schema.type === 'string') parameter.schema.maxLength ??= 300;
    }
    const body = bodyOf(operation);
    if (body) body.schema = modernize(body.schema as Schema);
  }
}

/** The body of an operation's request. */
function bodyOf({ requestBody }: Operation) {
  return requestBody && 'content' in requestBody ? requestBody.content['application/json'] : undefined;
}

/** Gives every schema its public name. */
function rename(document: OpenAPIObject, operations: readonly Operation[]): OpenAPIObject {
  const schemas = document.components!.schemas!;
  const bodies = operations.flatMap((operation) => {
    const { $ref } = (bodyOf(operation)?.schema ?? {}) as Schema;
    return $ref ? [$ref.split('/').at(-1)!] : [];
  });
  const names = publicNames(Object.keys(schemas), new Set(bodies));
  document.components!.schemas = Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [names.get(name)!, schema]),
  );
  const text = JSON.stringify(document).replace(
    /"#\/components\/schemas\/(\w+)"/g,
    (_, name: string) => `"#/components/schemas/${names.get(name) ?? name}"`,
  );
  return JSON.parse(text) as OpenAPIObject;
}

/** Takes out the components to which nothing refers, until none is left. */
function dropUnused(document: OpenAPIObject): void {
  const { schemas, examples, headers } = document.components as Record<string, Record<string, unknown>>;
  for (;;) {
    const text = JSON.stringify(document);
    const unused = Object.entries({ schemas, examples, headers }).flatMap(([kind, all]) =>
      Object.keys(all!)
        .filter((name) => !text.includes(`"#/components/${kind}/${name}"`))
        .map((name) => [all!, name] as const),
    );
    if (unused.length === 0) return;
    for (const [all, name] of unused) delete all[name];
  }
}

/** Adds the headers of an operation, and the examples of its body and its answer. */
function completeOperation(operation: Operation, schemas: Schemas): void {
  for (const [status, response] of Object.entries(operation.responses)) {
    if (!response || '$ref' in response) continue;
    const names = [...headersOf(operation, Number(status)), ...Object.keys(response.headers ?? {})];
    response.headers = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
    const answer = Number(status) < 300 ? response.content?.['application/json'] : undefined;
    if (answer) completeAnswer(answer as Answer, schemas);
  }
  withoutExamples(operation);
  const body = bodyOf(operation);
  if (body) completeBody(body, schemas);
}

/** Adds the example of a body, or one for each of its forms. */
function completeBody(body: NonNullable<ReturnType<typeof bodyOf>>, schemas: Schemas): void {
  const schema = resolve(body.schema as Schema, schemas);
  if (schema.properties?.usage && schema.properties.amount) body.examples = formsOf(bodyExample(schema) as object);
  else body.example ??= bodyExample(schema);
}

/** Completes an answer's example, or the one for each form of the request. */
function completeAnswer(answer: Answer, schemas: Schemas): void {
  const { schema, example, examples } = answer;
  if (examples) for (const form of Object.values(examples)) form.value = answerExample(schema, form.value, schemas);
  else answer.example = answerExample(schema, example!, schemas);
}

/** An example for each form of a body that takes an amount or usage, which names its model itself. */
function formsOf(example: { amount?: unknown; usage?: unknown; model?: unknown }): Examples {
  const [{ usage: _, ...amount }, { amount: __, model: ___, ...usage }] = [example, example];
  return {
    amount: { summary: 'An amount', value: amount },
    usage: { summary: 'Usage, from which the amount follows', value: usage },
  };
}

/** A query's parameters have no examples: Swagger UI would send all of them at once. */
function withoutExamples({ parameters = [] }: Operation): void {
  for (const parameter of parameters)
    if ('in' in parameter && parameter.in === 'query') delete (parameter.schema as Schema).example;
}

function headersOf({ security, parameters = [] }: Operation, status: number): (keyof typeof HEADERS)[] {
  const limited = security?.some((schemes) => 'bearer' in schemes) && status !== 401;
  const idempotent = parameters.some((parameter) => 'name' in parameter && parameter.name === 'Idempotency-Key');
  // Such a request never reaches the application.
  if (status === 431) return ['X-Trace-Id'];
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
function answerExample(schema: Schema, known: object, schemas: Schemas): object {
  if ('data' in known) return known;
  const { data, ...rest } = exampleOf(schema, schemas) as { data: object };
  return { data: Array.isArray(data) ? [{ ...(data[0] as object), ...known }] : { ...data, ...known }, ...rest };
}

function exampleOf(schema: Schema, schemas: Schemas): unknown {
  const whole = resolve(schema, schemas);
  if (whole.example !== undefined) return whole.example as unknown;
  if (whole.enum) return whole.enum[0] as unknown;
  const [first] = (whole.oneOf ?? whole.anyOf ?? []) as Schema[];
  if (first) return exampleOf(first, schemas);
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
