import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';

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

    const balance = async () => (await admin.get(`/api/credits/balance?account=${account}`)).body.data.balance as number;

    it.each([
      ['100,000 items', '/api/credits/debit/batch', { mode: 'independent', items: Array.from({ length: 100_000 }, () => ({})) }, 'items'],
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
        { account, amount: 1, description: 'x', metadata: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 1])) },
        'metadata',
      ],
    ])('refuses %s with one short error and records nothing', async (_name, path, body, field) => {
      const before = await balance();
      const { status, body: answer, text } = await admin.post(path, body);
      expect({ status, code: answer.error.code, fields: answer.error.details.map((d: { field: string }) => d.field) }).toEqual({
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

    it('takes null as an absent field', async () => {
      const hold = await admin.post('/api/credits/holds', { account, amount: 5, expires_in: null, description: null, metadata: null });
      expect(hold.status).toBe(201);
      const { id } = hold.body.data;
      expect((await admin.post(`/api/credits/holds/${id}/capture`, { amount: 1, final: null })).status).toBe(201);
      expect((await admin.get(`/api/credits/holds/${id}`)).body.data).toMatchObject({ status: 'captured', captured: 1, released: 4 });
      const key = { key: 'null-or-absent' };
      const debit = { account, amount: 1, description: 'x' };
      expect((await admin.post('/api/credits/debit', debit, key)).status).toBe(201);
      expect((await admin.post('/api/credits/debit', { ...debit, metadata: null }, key)).headers['idempotent-replayed']).toBe('true');
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

    it('answers what is no HTTP in the envelope too', async () => {
      const socket = connect(server.port, '127.0.0.1');
      const chunks: Buffer[] = [];
      const ended = new Promise((done) => socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('close', done));
      socket.write('NONSENSE\r\n\r\n');
      await ended;
      const answer = Buffer.concat(chunks).toString();
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toMatch(/X-Trace-Id: [0-9a-f]{32}/);
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'VALIDATION_ERROR' } });
    });
  });
});
