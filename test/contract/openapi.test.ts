import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

/** What the published guide promises, and section 4 of the API. */
const GUIDE = [
  'GET /api/credits/balance',
  'POST /api/credits/deposit',
  'POST /api/credits/debit',
  'GET /api/credits/transactions',
  'GET /api/credits/transactions/{id}',
  'GET /api/credits/usage',
  'GET /api/credits/usage-summary',
  'GET /api/credits/usage/export',
  'GET /api/credits/packages',
  'POST /api/credits/purchase',
  'GET /api/tokens/balance',
  'GET /api/tokens/transactions',
  'GET /api/tokens/transactions/{id}',
  'GET /api/tokens/usage',
  'GET /api/tokens/usage-summary',
  'GET /api/tokens/usage/export',
  'POST /api/tokens/consume',
  'GET /api/tokens/plans',
  'POST /api/tokens/checkout',
  'POST /api/tokens/grant',
  'POST /api/webhooks/stripe',
  'GET /api/payments/purchases',
  'GET /api/payments/purchases/{id}',
  'GET /api/health',
  'GET /api/ready',
  'GET /api/version',
];
/** What every answer over HTTP has, and what helmet adds; neither tells a client of ours anything. */
const UNSAID =
  /^(date|connection|keep-alive|transfer-encoding|content-(type|length|security-policy)|cross-origin-.*|origin-agent-cluster|referrer-policy|x-(content-type|dns|download|frame|permitted|xss)-.*)$/;
const OPEN = [
  '/api/credits/packages',
  '/api/tokens/plans',
  '/api/pricing/models',
  '/api/pricing/models/{id}',
  '/api/pricing/meters',
  '/api/webhooks/stripe',
  '/api/health',
  '/api/ready',
  '/api/version',
];

/** Every schema within a document, with the name of the property that it describes. */
function* schemasIn(node: any, name = ''): Generator<{ name: string; schema: any }> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node) && ('type' in node || '$ref' in node || 'oneOf' in node)) yield { name, schema: node };
  for (const [key, value] of Object.entries(node))
    if (!['example', 'examples', 'mapping'].includes(key)) yield* schemasIn(value, key);
}

describe('the OpenAPI document', () => {
  let server: Server;
  let document: any;
  let operations: { name: string; method: string; path: string; operation: any }[];

  beforeAll(async () => {
    server = await startServer({ RATE_LIMIT_PER_MINUTE: '6000' });
    document = (await server.client.get('/api/docs/openapi.json')).body;
    operations = Object.entries<any>(document.paths).flatMap(([path, item]) =>
      Object.entries<any>(item).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        method,
        path,
        operation,
      })),
    );
  });
  afterAll(() => server?.stop());

  /** What a reference within the document refers to. */
  const resolve = (node: any): any =>
    node?.$ref
      ? resolve(
          (node.$ref as string)
            .slice(2)
            .split('/')
            .reduce((at, key) => at[key], document),
        )
      : node;
  /** The schema of an operation's answer in JSON; undefined where it has none. */
  const answerOf = ({ responses }: any): any =>
    Object.entries<any>(responses).find(([status]) => Number(status) < 300)?.[1].content?.['application/json'];
  const isAdmins = ({ operation }: { operation: any }): boolean => operation['x-for-administrators'] === true;

  it('is the committed openapi.json (`npm run openapi` renews it)', () => {
    expect(document).toEqual(JSON.parse(readFileSync('openapi.json', 'utf8')));
  });

  it('has every endpoint of the guide', () => {
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(GUIDE));
  });

  it('says of which type everything is', () => {
    expect(Object.keys(document.components.schemas)).not.toContain('Object');
  });

  it('says of every endpoint what it does, who may call it, and every way in which it can fail', () => {
    for (const { name, path, operation } of operations) {
      const where = (what: string) => `${name}: ${what}`;
      expect(where(operation.summary)).toMatch(/: \S.{5,}/);
      expect(where(operation.description)).toMatch(/: \S.{20,}\.$/s);
      for (const parameter of operation.parameters)
        expect(where(`${parameter.name} ${parameter.description}`)).toMatch(/ (?!undefined)\S.{5,}/);
      expect({ name, secured: operation.security.some((schemes: object) => Object.keys(schemes).length > 0) }).toEqual({
        name,
        secured: !OPEN.includes(path),
      });
      const codes = Object.keys(operation.responses);
      expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['500']) });
      if (!OPEN.includes(path))
        expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['401', '429']) });
      if (operation.requestBody && !OPEN.includes(path))
        expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['400', '413', '415']) });
      for (const [status, reference] of Object.entries<any>(operation.responses)) {
        if (Number(status) < 400) continue;
        const response = resolve(reference);
        const content = response.content?.['application/json'];
        expect({ name, status, examples: Object.keys(content?.examples ?? {}).sort() }).toEqual({
          name,
          status,
          examples: Object.keys(document.components.examples)
            .filter((code) => response.description.includes(`\`${code}\``))
            .sort(),
        });
        const { error } = resolve(content.schema).properties;
        const codes = (error.oneOf ?? [error]).map((each: any) => resolve(each).properties.code.const);
        expect({ name, status, codes: codes.sort() }).toEqual({
          name,
          status,
          codes: Object.keys(content.examples).sort(),
        });
      }
    }
  });

  /** Of two fields that exclude each other, one may go without. */
  const isEither = ({ description = '' }: { description?: string }) => description.includes('not together with');
  /** No example of another origin would do on every server. */
  const isReturn = (field: string) => ['success_url', 'cancel_url'].includes(field);

  it('has an example for every field of every body', () => {
    const missing: string[] = [];
    for (const { name, operation } of operations) {
      const reference = operation.requestBody?.content?.['application/json']?.schema?.$ref as string | undefined;
      if (!reference) continue;
      const schema = document.components.schemas[reference.split('/').at(-1)!];
      for (const [field, property] of Object.entries<any>(schema.properties))
        if (property.examples === undefined && field !== 'account' && !isEither(property) && !isReturn(field))
          missing.push(`${name}: ${field}`);
    }
    expect(missing).toEqual([]);
  });

  const documented = ({ operation }: { operation: any }) =>
    Number(Object.keys(operation.responses).find((code) => Number(code) < 300));

  function expectDeclared(name: string, operation: any, { status, headers }: Answer): void {
    const declared = Object.keys(resolve(operation.responses[status]).headers).map((header) => header.toLowerCase());
    const sent = Object.keys(headers).filter((header) => !UNSAID.test(header));
    expect({ name, status, undeclared: sent.filter((header) => !declared.includes(header)) }).toEqual({
      name,
      status,
      undeclared: [],
    });
  }

  /** The examples of a body or an answer, by the form of the request where it has several. */
  const formsOf = ({ example, examples }: any): Record<string, unknown> =>
    examples
      ? Object.fromEntries(Object.entries<any>(examples).map(([form, { value }]) => [form, value]))
      : { example };

  it('accepts its own examples from whoever may send them, and answers with the fields of its examples', async () => {
    const [admin, client] = await Promise.all([
      server.clientFor({ sub: 'root', admin: true }),
      server.clientFor({ sub: '42' }),
    ]);
    const bodies = operations.filter(
      ({ operation, path }) => operation.requestBody && !OPEN.includes(path) && !path.includes('{'),
    );
    // What puts something in comes first, so that what takes it out finds something.
    bodies.sort((a, b) => Number(isAdmins(b)) - Number(isAdmins(a)));
    for (const each of bodies) {
      const { name, method, path, operation } = each;
      const forms = formsOf(operation.requestBody.content['application/json']);
      for (const [form, example] of Object.entries(forms)) {
        const answer = await (isAdmins(each) ? admin : client).request(method.toUpperCase(), path, { body: example });
        expect({ name, status: answer.status, text: answer.status === documented(each) ? '' : answer.text }).toEqual({
          name,
          status: documented(each),
          text: '',
        });
        const answers = formsOf(operation.responses[answer.status].content['application/json']);
        expect({ name, form, fields: fieldsOf(answers[form] ?? Object.values(answers)[0]) }).toEqual({
          name,
          form,
          fields: fieldsOf(answer.body),
        });
        expectDeclared(name, operation, answer);
      }
    }
  });

  it('needs no query parameter: each has a default or is a filter', () => {
    const needed = operations.flatMap(({ name, operation }) =>
      operation.parameters.flatMap((each: any) => (each.in === 'query' && each.required ? `${name} ${each.name}` : [])),
    );
    expect(needed).toEqual([]);
  });

  it('fills no field in advance that only an administrator may send', () => {
    for (const { name, operation } of operations)
      for (const { name: parameter, in: place, example, schema } of operation.parameters)
        expect({
          name,
          parameter,
          example: parameter === 'account' && place !== 'path' ? (example ?? schema.examples) : undefined,
        }).toEqual({
          name,
          parameter,
          example: undefined,
        });
    for (const path of ['/api/credits/deposit', '/api/tokens/grant'])
      expect(document.paths[path].post.requestBody.content['application/json'].example).toMatchObject({
        account: 'user:42',
      });
  });

  it('offers an event for the webhook', () => {
    const { example } = document.paths['/api/webhooks/stripe'].post.requestBody.content['application/json'];
    expect(example).toMatchObject({ object: 'event', type: 'checkout.session.completed' });
  });

  it('names each parameter once, with an example that a browser can send', () => {
    for (const { name, operation } of operations) {
      const names = operation.parameters.map((parameter: any) => `${parameter.in} ${parameter.name.toLowerCase()}`);
      expect({ name, names }).toEqual({ name, names: [...new Set(names)] });
      for (const parameter of operation.parameters)
        if (parameter.in === 'header') expect(String(parameter.example ?? '')).toMatch(/^[\x20-\x7e]*$/);
    }
  });

  it('documents exactly the fields that the answers have', async () => {
    const [admin, client] = [
      await server.clientFor({ sub: 'root', admin: true }),
      await server.clientFor({ sub: '42' }),
    ];
    for (const each of operations.filter(({ method, operation }) => method === 'get' && answerOf(operation))) {
      const { name, path, operation } = each;
      const parameters = new Map<string, any>(operation.parameters.map((one: any) => [one.name, one]));
      const filled = path.replace(/\{(\w+)\}/g, (_, key) => {
        const { example } = parameters.get(key);
        expect({ name, key, example }).toEqual({ name, key, example: expect.anything() });
        return encodeURIComponent(example);
      });
      const answer = await (isAdmins(each) ? admin : client).get(filled);
      expectDeclared(name, operation, answer);
      // Some ids come from other answers only.
      if (answer.status === 404 && filled !== path) continue;
      expect({ name, status: answer.status }).toEqual({ name, status: 200 });
      const { data } = resolve(answerOf(operation).schema).properties;
      const schema = resolve(data.items ?? data);
      for (const item of [answer.body.data].flat()) {
        const unknown = Object.keys(item).filter((field) => !(field in schema.properties));
        const absent = (schema.required ?? []).filter((field: string) => !(field in item));
        expect({ name, unknown, absent }).toEqual({ name, unknown: [], absent: [] });
      }
    }
  });

  describe('for generated clients', () => {
    it('names each operation by its section and what it does, once', () => {
      expect(document.openapi).toMatch(/^3\.1\./);
      const ids = operations.map(({ operation }) => operation.operationId as string);
      for (const id of ids) expect(id).toMatch(/^[a-z][a-zA-Z]*(\.[a-z][a-zA-Z]*)+$/);
      expect(ids).toEqual([...new Set(ids)]);
      expect(ids).toEqual(expect.arrayContaining(['credits.debit', 'tokens.consume', 'purchases.refund']));
    });

    it('has one schema for one thing, with a name that tells nothing of the code', () => {
      const schemas = Object.entries<any>(document.components.schemas);
      expect(schemas.map(([name]) => name).filter((name) => /Dto|_/.test(name))).toEqual([]);
      const said = schemas.map(([, schema]) => JSON.stringify(schema));
      expect(schemas.flatMap(([name], i) => (said.indexOf(said[i]!) === i ? [] : [name]))).toEqual([]);
      const text = JSON.stringify(document);
      for (const kind of ['schemas', 'responses', 'headers', 'examples'])
        for (const name of Object.keys(document.components[kind]))
          expect(text).toContain(`"#/components/${kind}/${name}"`);
    });

    it('names every body and answer, and shares responses and headers', () => {
      for (const { name, operation } of operations) {
        for (const [status, response] of Object.entries<any>(operation.responses)) {
          expect({ name, status, shared: '$ref' in response }).toEqual({ name, status, shared: Number(status) >= 400 });
          const { headers, content } = resolve(response);
          for (const header of Object.values<any>(headers)) expect(header.$ref).toMatch(/^#\/components\/headers\//);
          const schema = content?.['application/json']?.schema;
          if (schema) expect({ name, status, $ref: schema.$ref }).toMatchObject({ $ref: expect.any(String) });
        }
      }
      expect(
        document.paths['/api/credits/transactions'].get.responses['200'].content['application/json'].schema,
      ).toEqual({
        $ref: '#/components/schemas/CreditTransactionPage',
      });
    });

    it('gives the format of every time', () => {
      for (const { name, schema } of schemasIn(document)) {
        const isTime = /_at$/.test(name) || /^\d{4}-\d\d-\d\dT/.test(String(schema.examples?.[0]));
        if (isTime && schema.type) expect({ name, format: schema.format }).toEqual({ name, format: 'date-time' });
      }
    });

    it('tells alternatives apart by a field', () => {
      for (const { name, schema } of schemasIn(document)) {
        const choices = (schema.oneOf ?? []).filter((choice: any) => choice.type !== 'null');
        if (choices.length < 2) continue;
        const { propertyName, mapping } = schema.discriminator;
        const values = choices.flatMap((choice: any) => {
          const field = resolve(choice).properties[propertyName];
          return field.enum ?? [field.const];
        });
        expect({ name, values: values.sort() }).toEqual({ name, values: Object.keys(mapping).sort() });
        expect(values).toEqual([...new Set(values)]);
      }
    });

    it('types the details of a 402', () => {
      const { schema } = resolve(document.paths['/api/credits/debit'].post.responses['402']).content[
        'application/json'
      ];
      const { details, code } = resolve(resolve(schema).properties.error).properties;
      expect(code.const).toBe('INSUFFICIENT_CREDITS');
      expect(resolve(details)).toMatchObject({
        required: ['required', 'available', 'shortfall'],
        properties: { shortfall: { type: 'number' } },
      });
    });

    it('limits every field of a request', () => {
      const unlimited: string[] = [];
      const look = (where: string, given: any): void => {
        const schema = resolve(given);
        const types = [schema.type].flat();
        const bounded =
          schema.enum || schema.const || schema.pattern || schema.format || typeof schema.maxLength === 'number';
        if (types.includes('string') && !bounded) unlimited.push(where);
        if ((types.includes('number') || types.includes('integer')) && typeof schema.minimum !== 'number')
          unlimited.push(where);
        if (types.includes('array') && typeof schema.maxItems !== 'number') unlimited.push(where);
        if (schema.items) look(`${where}[]`, schema.items);
        for (const [field, property] of Object.entries(schema.properties ?? {})) look(`${where}.${field}`, property);
      };
      for (const { name, path, operation } of operations) {
        const body = operation.requestBody?.content['application/json']?.schema;
        if (body) look(name, body);
        if (OPEN.includes(path)) continue;
        for (const { name: parameter, schema } of operation.parameters) look(`${name} ${parameter}`, schema);
      }
      expect(unlimited).toEqual([]);
    });

    it('groups administrators’ operations by themselves, and describes every group', () => {
      for (const each of operations)
        for (const tag of each.operation.tags)
          expect({ name: each.name, admins: /^Admin\b/.test(tag) }).toEqual({
            name: each.name,
            admins: isAdmins(each),
          });
      const described = document.tags.map(({ name }: any) => name);
      expect(document['x-tagGroups'].flatMap(({ tags }: any) => tags)).toEqual(described);
      expect(new Set(operations.flatMap(({ operation }) => operation.tags))).toEqual(new Set(described));
      for (const { description } of document.tags) expect(description).toMatch(/\w.+\.$/);
    });
  });

  it('declares the headers of refusals too', async () => {
    const [poor, nobody] = [await server.clientFor({ sub: 'poor' }), server.client];
    const path = '/api/credits/debit';
    const { operation } = operations.find((each) => each.name === `POST ${path}`)!;
    const body = { amount: 1, description: 'x' };
    for (const answer of [
      await nobody.post(path, body),
      await poor.post(path, {}),
      await poor.post(path, body, { key: 'refused' }),
      await poor.post(path, body, { key: 'refused' }),
    ])
      expectDeclared(path, operation, answer);
  });

  it('a probe may carry any query, and no 400 is declared for it', async () => {
    for (const path of ['/api/health', '/api/ready', '/api/version']) {
      expect(Object.keys(document.paths[path].get.responses)).not.toContain('400');
      expect({ path, status: (await server.client.get(path, { x: '1' })).status }).toEqual({ path, status: 200 });
    }
  });

  describe('as it is served', () => {
    const path = '/api/docs/openapi.json';
    const fetched = (headers: Record<string, string>) => fetch(`${server.url}${path}`, { headers });

    it('is compressed when asked, and the same', async () => {
      const plain = await fetched({ 'accept-encoding': 'identity' });
      expect(plain.headers.get('content-encoding')).toBeNull();
      expect(await plain.json()).toEqual(document);
      for (const [accepted, encoding] of [
        ['gzip', 'gzip'],
        ['br', 'br'],
        ['gzip, deflate, br', 'br'],
        ['br;q=0, gzip', 'gzip'],
      ] as const) {
        const answer = await fetched({ 'accept-encoding': accepted });
        expect(answer.headers.get('content-encoding')).toBe(encoding);
        expect(Number(answer.headers.get('content-length'))).toBeLessThan(
          Number(plain.headers.get('content-length')) / 5,
        );
        expect(answer.headers.get('vary')).toMatch(/accept-encoding/i);
        expect(await answer.json()).toEqual(document);
      }
    });

    it('may be cached, and is not sent again to whoever has it', async () => {
      const first = await fetched({});
      const tag = first.headers.get('etag')!;
      expect(first.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
      await first.arrayBuffer();
      for (const held of [tag, `"other", ${tag}`, '*']) {
        const again = await fetched({ 'if-none-match': held });
        expect({ held, status: again.status, text: await again.text(), tag: again.headers.get('etag') }).toEqual({
          held,
          status: 304,
          text: '',
          tag,
        });
        expect(again.headers.get('cache-control')).toMatch(/^public/);
      }
      expect((await fetched({ 'if-none-match': '"other"' })).status).toBe(200);
    });

    it('is there once: the page asks for it, and there is no YAML beside it', async () => {
      expect((await server.client.get('/api/docs/docs.js')).text).not.toContain('operationId');
      for (const yaml of ['/api/docs-yaml', '/api/docs/openapi.yaml', '/api/docs-json'])
        expectError(await server.client.get(yaml), 404, 'NOT_FOUND');
    });
  });
});

/** The fields of an answer's data, or of its first item. */
function fieldsOf(body: any): string[] {
  return Object.keys([body.data].flat()[0]).sort();
}
