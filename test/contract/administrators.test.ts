import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';

/** The least that must be among them, so that a marker which is lost is seen. */
const KNOWN = [
  'POST /api/credits/deposit',
  'POST /api/tokens/grant',
  'POST /api/credits/grants/{id}/void',
  'POST /api/tokens/grants/{id}/extend',
  'POST /api/credits/transactions/{id}/reverse',
  'POST /api/payments/purchases/{id}/refund',
  'PATCH /api/admin/accounts/{account}',
  'POST /api/pricing/rate-cards',
  'GET /api/pricing/parked',
  'POST /api/pricing/parked/post',
  'GET /api/admin/audit',
  'GET /api/admin/purchases',
  'POST /api/admin/purchases/{id}/resolve',
];

describe('what only administrators may do', () => {
  let server: Server;
  let operations: { name: string; method: string; path: string; operation: any }[];

  beforeAll(async () => {
    server = await startServer();
    const { body } = await server.client.get('/api/docs/openapi.json');
    operations = Object.entries<any>(body.paths)
      .flatMap(([path, item]) =>
        Object.entries<any>(item).map(([method, operation]) => {
          return { name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, operation };
        }),
      )
      .filter(({ path, operation }) => path.startsWith('/api/admin/') || operation['x-for-administrators'] === true);
  });
  afterAll(() => server?.stop());

  /** Asks for each of them, for an account of the caller's own where the path has one. */
  async function expectAll(client: Client, status: number, code: string, account = 'user:42'): Promise<void> {
    for (const { name, method, path } of operations) {
      const filled = path.replace('{account}', encodeURIComponent(account)).replaceAll(/\{\w+\}/g, '1');
      const answer = await client.request(method, filled, method === 'GET' ? {} : { body: {} });
      expect({ name, status: answer.status }).toEqual({ name, status });
      expectError(answer, status, code);
    }
  }

  it('is all that is known, and everything below /api/admin, and says so', () => {
    expect(operations.map(({ name }) => name)).toEqual(expect.arrayContaining(KNOWN));
    for (const { name, path, operation } of operations) {
      expect({ name, marked: operation['x-for-administrators'] }).toEqual({ name, marked: true });
      expect({ name, answers: Object.keys(operation.responses) }).toEqual({
        name,
        answers: expect.arrayContaining(['401', '403']),
      });
      if (path.startsWith('/api/admin/')) expect(operation.tags).toEqual([expect.stringMatching(/^Admin: /)]);
    }
  });

  it('needs a token', () => expectAll(server.client, 401, 'UNAUTHORIZED'));

  it('takes no secret of an API key for a token', () =>
    expectAll(server.client.as(`osk_test_${'a'.repeat(40)}`), 401, 'UNAUTHORIZED'));

  it('is refused to a customer, on their own account too', async () => {
    const sub = newName();
    await expectAll(await server.clientFor({ sub }), 403, 'FORBIDDEN', `user:${sub}`);
  });

  it.each(['owner', 'admin', 'billing', 'member'])('is refused to the %s of an organization', async (role) => {
    const org = newName();
    const client = await server.clientFor({ org, claims: { org_role: role } });
    await expectAll(client, 403, 'FORBIDDEN', `org:${org}`);
  });
});
