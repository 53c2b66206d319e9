import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

describeEachDatabase((database) => {
  describe('bodies that are meant to hurt', () => {
    let server: Server;
    let admin: Client;
    const account = 'user:hurt';

    beforeAll(async () => {
      server = await startServer({ DATABASE_URL: database.url });
      admin = await server.clientFor({ sub: 'root', admin: true });
      await admin.post('/api/credits/deposit', { account, amount: 100, description: 'Top-up' });
    });
    afterAll(() => server?.stop());

    const balance = async () =>
      (await admin.get(`/api/credits/balance?account=${account}`)).body.data.balance as number;

    it.each([
      [
        '100,000 items',
        '/api/credits/debit/batch',
        { mode: 'independent', items: Array.from({ length: 100_000 }, () => ({})) },
        'items',
      ],
      [
        'a field named as every object has one',
        '/api/credits/debit',
        { account, amount: 1, description: 'x', metadata: { valueOf: 'one' } },
        'metadata',
      ],
      [
        'a metadata key that the framework would drop',
        '/api/credits/holds',
        { account, amount: 1, metadata: { constructor: 'x' } },
        'metadata',
      ],
      [
        'an unknown field that the framework would drop',
        '/api/credits/debit',
        { account, amount: 1, description: 'x', constructor: 1 },
        'body',
      ],
      [
        'metadata of 60,000 keys',
        '/api/credits/debit',
        {
          account,
          amount: 1,
          description: 'x',
          metadata: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 1])),
        },
        'metadata',
      ],
    ])('refuses %s with one short error and records nothing', async (_name, path, body, field) => {
      const before = await balance();
      const { status, body: answer, text } = await admin.post(path, body);
      expect({
        status,
        code: answer.error.code,
        fields: answer.error.details.map((d: { field: string }) => d.field),
      }).toEqual({
        status: 400,
        code: 'VALIDATION_ERROR',
        fields: [field],
      });
      expect(text.length).toBeLessThan(1_000);
      expect(await balance()).toBe(before);
    });

    it('refuses what is nested too deeply, without a stack overflow in the log', async () => {
      const body = `{"account":"${account}","amount":1,"description":"x","metadata":${'['.repeat(60_000)}${']'.repeat(60_000)}}`;
      const { status, body: answer } = await admin.post('/api/credits/debit', body);
      expect({ status, code: answer.error.code }).toEqual({ status: 400, code: 'VALIDATION_ERROR' });
      expect(server.output).not.toMatch(/RangeError/);
    });

    it.each<[string, string, object, string]>([
      ['debit', '/api/credits/debit', { account, amount: 1, description: 'x', metadata: null }, 'metadata'],
      ['hold', '/api/credits/holds', { account, amount: 5, expires_in: null }, 'expires_in'],
      ['purchase', '/api/credits/purchase', { package_id: 'pro', account: null }, 'account'],
      [
        'item of a batch',
        '/api/credits/debit/batch',
        { mode: 'atomic', items: [{ account, amount: 1, description: 'x', idempotency_key: null }] },
        'items.0.idempotency_key',
      ],
      [
        'value in metadata',
        '/api/credits/debit',
        { account, amount: 1, description: 'x', metadata: { a: null } },
        'metadata',
      ],
    ])('refuses null in a %s, also where a field is optional', async (_, path, body, field) => {
      const before = await balance();
      const answer = await admin.post(path, body);
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual([{ field, message: expect.stringContaining('null') }]);
      expect(await balance()).toBe(before);
    });

    it.each([
      ['"amount":1.00000000000000001,"description":"x"', 'amount'],
      ['"amount":1,"description":"x","metadata":{"share":0.12345678901234567}', 'metadata'],
      ['"amount":1e0,"description":"x","metadata":{"run":12345678901234567}', 'metadata'],
    ])('refuses a number of more than 16 significant digits: {%s}', async (fields, field) => {
      const before = await balance();
      const raw = `{"account":"${account}",${fields}}`;
      const answer = await admin.request('POST', '/api/credits/debit', {
        raw,
        headers: { 'content-type': 'application/json' },
      });
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual([{ field, message: expect.stringContaining('16 significant digits') }]);
      expect(await balance()).toBe(before);
    });

    it('takes as many digits as it likes in a text, and zeros that say nothing', async () => {
      const raw = `{"account":"${account}","amount":1.000000,"description":"12345678901234567890 \\"0.12345678901234567890","metadata":{"n":0.00000000000000000001}}`;
      const answer = await admin.request('POST', '/api/credits/debit', {
        raw,
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.body.data).toMatchObject({
        amount: -1,
        description: '12345678901234567890 "0.12345678901234567890',
        metadata: { n: 1e-20 },
      });
    });

    it('charges for the batches of two services that use one key', async () => {
      const before = await balance();
      const batch = { mode: 'independent', items: [{ account, amount: 1, description: 'Agent run' }] };
      for (const sub of ['service-1', 'service-2']) {
        const service = await server.clientFor({ sub, admin: true });
        const { body } = await service.post('/api/credits/debit/batch', batch, { key: 'batch-1' });
        expect(body.meta).toEqual({ posted: 1, rejected: 0 });
      }
      expect(await balance()).toBe(before - 2);
    });
  });
});

describe('what is long and refused', () => {
  let server: Server;
  let admin: Client;
  beforeAll(async () => {
    server = await startServer();
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  it('repeats little of what was sent', async () => {
    const fields = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`${i}${'x'.repeat(600)}`, 1]));
    const long = 'x'.repeat(7_000);
    const answers = [
      await admin.post('/api/credits/debit', fields),
      await admin.post('/api/credits/debit/batch', {
        mode: 'atomic',
        items: Array.from({ length: 1_000 }, () => ({ unknown: 1 })),
      }),
      await admin.get(`/api/${long}`),
      await admin.get(`/api/credits/balance?${long}=1`),
      await admin.get(`/api/credits/packages?${Object.keys(fields).slice(0, 20).join('&')}`),
      await admin.get(`/api/credits/transactions?type=${long}&order=${long}`),
    ];
    for (const answer of answers) {
      expectError(answer, answer.status, answer.status === 404 ? 'NOT_FOUND' : 'VALIDATION_ERROR');
      expect(answer.text.length).toBeLessThan(8_000);
    }
    expect(answers[1]!.body.error.details).toHaveLength(20);
  });

  // Each of them once cost a second of the processor.
  it('spends little on a megabyte that it refuses, with a token and without', async () => {
    const zeros = `[${'0,'.repeat(2 ** 19 - 3)}0]`;
    const rows = `[${Array.from({ length: 999 }, () => `[${'0,'.repeat(500)}0]`).join(',')}]`;
    const items = `{"mode":"atomic","items":[${Array.from({ length: 999 }, () => `{${Array.from({ length: 99 }, (_, i) => `"${i}":0`).join()}}`).join()}]}`;
    for (let i = 0; i < 10; i++)
      for (const [client, status] of [
        [admin, 400],
        [server.client, 401],
      ] as const)
        for (const raw of [zeros, rows, items]) {
          const headers = { 'content-type': 'application/json' };
          expect((await client.request('POST', '/api/credits/debit/batch', { raw, headers })).status).toBe(status);
        }
  });

  it('says the numbers of the items that are bad, as they were sent', async () => {
    const items = Array.from({ length: 1_000 }, (_, i) => ({ amount: i % 400 === 399 ? -1 : 1, description: 'x' }));
    const answer = await admin.post('/api/credits/debit/batch', { mode: 'neither', items });
    expectError(answer, 400, 'VALIDATION_ERROR');
    const fields = answer.body.error.details.map(({ field }: { field: string }) => field);
    expect(fields.sort()).toEqual(['items.399.amount', 'items.799.amount', 'mode']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'prototype'])('refuses ?%s= on every route', async (name) => {
    for (const path of ['/api/credits/transactions', '/api/credits/balance', '/api/credits/packages']) {
      const answer = await admin.get(`${path}?${name}=1`);
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual([{ field: name, message: expect.stringMatching(/\S/) }]);
    }
  });
});
