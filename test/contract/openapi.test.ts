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
  'GET /api/credits/usage-summary',
  'GET /api/credits/packages',
  'POST /api/credits/purchase',
  'GET /api/tokens/balance',
  'GET /api/tokens/transactions',
  'GET /api/tokens/transactions/{id}',
  'GET /api/tokens/usage-summary',
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
const ADMINISTRATORS = ['/api/credits/deposit', '/api/tokens/grant'];
/** What every answer over HTTP has, and what helmet adds; neither tells a client of ours anything. */
const UNSAID =
  /^(date|connection|keep-alive|content-(type|length|security-policy)|cross-origin-.*|origin-agent-cluster|referrer-policy|x-(content-type|dns|download|frame|permitted|xss)-.*)$/;
const OPEN = [
  '/api/credits/packages',
  '/api/tokens/plans',
  '/api/webhooks/stripe',
  '/api/health',
  '/api/ready',
  '/api/version',
];

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

  it('is the committed openapi.json (`npm run openapi` renews it)', () => {
    expect(document).toEqual(JSON.parse(readFileSync('openapi.json', 'utf8')));
  });

  it('has every endpoint of the guide', () => {
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(GUIDE));
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
      for (const [status, response] of Object.entries<any>(operation.responses)) {
        if (Number(status) < 400) continue;
        const content = response.content?.['application/json'];
        expect({ name, status, examples: Object.keys(content?.examples ?? {}).sort() }).toEqual({
          name,
          status,
          examples: Object.keys(document.components.examples)
            .filter((code) => response.description.includes(`\`${code}\``))
            .sort(),
        });
        expect(content.schema).toEqual({ $ref: '#/components/schemas/Error' });
      }
    }
  });

  /** Of two fields that exclude each other, one may go without. */
  const isEither = ({ description = '' }: { description?: string }) => description.includes('not together with');

  it('has an example for every field of every body', () => {
    const missing: string[] = [];
    for (const { name, operation } of operations) {
      const reference = operation.requestBody?.content?.['application/json']?.schema?.$ref as string | undefined;
      if (!reference) continue;
      const schema = document.components.schemas[reference.split('/').at(-1)!];
      for (const [field, property] of Object.entries<any>(schema.properties))
        if (property.example === undefined && field !== 'account' && !isEither(property))
          missing.push(`${name}: ${field}`);
    }
    expect(missing).toEqual([]);
  });

  const documented = ({ operation }: { operation: any }) =>
    Number(Object.keys(operation.responses).find((code) => Number(code) < 300));

  function expectDeclared(name: string, operation: any, { status, headers }: Answer): void {
    const declared = Object.keys(operation.responses[status].headers).map((header) => header.toLowerCase());
    const sent = Object.keys(headers).filter((header) => !UNSAID.test(header));
    expect({ name, status, undeclared: sent.filter((header) => !declared.includes(header)) }).toEqual({
      name,
      status,
      undeclared: [],
    });
  }

  it('accepts its own examples from whoever may send them, and answers with the fields of its examples', async () => {
    const [admin, client] = await Promise.all([
      server.clientFor({ sub: 'root', admin: true }),
      server.clientFor({ sub: '42' }),
    ]);
    const bodies = operations.filter(
      ({ operation, path }) => operation.requestBody && !OPEN.includes(path) && !path.includes('{'),
    );
    // What puts something in comes first, so that what takes it out finds something.
    bodies.sort((a, b) => Number(ADMINISTRATORS.includes(b.path)) - Number(ADMINISTRATORS.includes(a.path)));
    for (const each of bodies) {
      const { name, path, operation } = each;
      const { example } = operation.requestBody.content['application/json'];
      const answer = await (ADMINISTRATORS.includes(path) ? admin : client).post(path, example);
      expect({ name, status: answer.status, text: answer.status === documented(each) ? '' : answer.text }).toEqual({
        name,
        status: documented(each),
        text: '',
      });
      expect({
        name,
        fields: fieldsOf(operation.responses[answer.status].content['application/json'].example),
      }).toEqual({
        name,
        fields: fieldsOf(answer.body),
      });
      expectDeclared(name, operation, answer);
    }
  });

  it('fills no field in advance that only an administrator may send', () => {
    for (const { name, operation } of operations)
      for (const { name: parameter, example, schema } of operation.parameters)
        expect({ name, parameter, example: parameter === 'account' ? (example ?? schema.example) : undefined }).toEqual(
          {
            name,
            parameter,
            example: undefined,
          },
        );
    for (const path of ADMINISTRATORS)
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
        if (parameter.in === 'header') expect(String(parameter.schema.example ?? '')).toMatch(/^[\x20-\x7e]*$/);
    }
  });

  it('documents exactly the fields that the answers have', async () => {
    const own = await server.clientFor({ sub: '42' });
    const admin = await server.clientFor({ sub: 'root', admin: true });
    const resolve = (schema: any) =>
      schema.$ref ? document.components.schemas[schema.$ref.split('/').at(-1)] : schema;
    // These ids come from other answers only.
    const unguessable = ['/api/payments/purchases/{id}', '/api/credits/holds/{id}', '/api/tokens/holds/{id}'];
    for (const { name, path, operation } of operations.filter(
      (each) => each.method === 'get' && !unguessable.includes(each.path),
    )) {
      const client = path.startsWith('/api/admin/') ? admin : own;
      const answer = await client.get(path.replace('{id}', '1'));
      expectDeclared(name, operation, answer);
      const { body } = answer;
      const ok = resolve(operation.responses['200'].content['application/json'].schema).properties.data;
      const schema = resolve(ok.items ?? ok);
      const items = [body.data].flat();
      for (const item of items) {
        const unknown = Object.keys(item).filter((field) => !(field in schema.properties));
        const absent = (schema.required ?? []).filter((field: string) => !(field in item));
        expect({ name, unknown, absent }).toEqual({ name, unknown: [], absent: [] });
      }
    }
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
      expect((await server.client.get('/api/docs/swagger-ui-init.js')).text).not.toContain('operationId');
      for (const yaml of ['/api/docs-yaml', '/api/docs/openapi.yaml', '/api/docs-json'])
        expectError(await server.client.get(yaml), 404, 'NOT_FOUND');
    });
  });
});

/** The fields of an answer's data, or of its first item. */
function fieldsOf(body: any): string[] {
  return Object.keys([body.data].flat()[0]).sort();
}
