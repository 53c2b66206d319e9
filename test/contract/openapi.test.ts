import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Server, startServer } from '../support/server.js';

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
const OPEN = ['/api/credits/packages', '/api/tokens/plans', '/api/webhooks/stripe', '/api/health', '/api/ready', '/api/version'];

describe('the OpenAPI document', () => {
  let server: Server;
  let document: any;
  let operations: { name: string; method: string; path: string; operation: any }[];

  beforeAll(async () => {
    server = await startServer();
    document = (await server.client.get('/api/docs/openapi.json')).body;
    operations = Object.entries<any>(document.paths).flatMap(([path, item]) =>
      Object.entries<any>(item).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, method, path, operation })),
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
      expect({ name, secured: operation.security.some((schemes: object) => Object.keys(schemes).length > 0) }).toEqual({
        name,
        secured: !OPEN.includes(path),
      });
      const codes = Object.keys(operation.responses);
      expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['500']) });
      if (!OPEN.includes(path)) expect({ name, codes }).toEqual({ name, codes: expect.arrayContaining(['401', '429']) });
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

  it('has an example for every field of every body', () => {
    const missing: string[] = [];
    for (const { name, operation } of operations) {
      const reference = operation.requestBody?.content?.['application/json']?.schema?.$ref as string | undefined;
      if (!reference) continue;
      const schema = document.components.schemas[reference.split('/').at(-1)!];
      for (const [field, property] of Object.entries<any>(schema.properties))
        if (property.example === undefined && field !== 'account') missing.push(`${name}: ${field}`);
    }
    expect(missing).toEqual([]);
  });

  it('accepts its own examples', async () => {
    const client = await server.clientFor({ sub: 'root', admin: true });
    const bodies = operations.filter(({ operation, path }) => operation.requestBody && !OPEN.includes(path) && !path.includes('{'));
    // What puts something in comes first, so that what takes it out finds something.
    bodies.sort((a, b) => Number(/deposit|grant/.test(b.path)) - Number(/deposit|grant/.test(a.path)));
    for (const { name, path, operation } of bodies) {
      const schema = document.components.schemas[operation.requestBody.content['application/json'].schema.$ref.split('/').at(-1)];
      const body = Object.fromEntries(
        Object.entries<any>(schema.properties)
          .filter(([field]) => field !== 'account')
          .map(([field, { example }]) => [field, example]),
      );
      const { status, text } = await client.post(path, body);
      const documented = Number(Object.keys(operation.responses).find((code) => Number(code) < 300));
      expect({ name, status, text: status === documented ? '' : text }).toEqual({ name, status: documented, text: '' });
    }
  });

  it('documents exactly the fields that the answers have', async () => {
    const client = await server.clientFor({ sub: 'root', admin: true });
    // These ids come from other answers only.
    const unguessable = ['/api/payments/purchases/{id}', '/api/credits/holds/{id}'];
    for (const { name, path, operation } of operations.filter((each) => each.method === 'get' && !unguessable.includes(each.path))) {
      const { body } = await client.get(path.replace('{id}', '1'));
      const ok = operation.responses['200'].content['application/json'].schema.properties.data;
      const schema = document.components.schemas[(ok.items ?? ok).$ref.split('/').at(-1)];
      const items = [body.data].flat();
      for (const item of items) {
        const unknown = Object.keys(item).filter((field) => !(field in schema.properties));
        const absent = (schema.required ?? []).filter((field: string) => !(field in item));
        expect({ name, unknown, absent }).toEqual({ name, unknown: [], absent: [] });
      }
    }
  });
});
