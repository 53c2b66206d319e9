import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

const PAGES = ['/api/docs', '/api/reference'];

describe('the references', () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());

  it('begin at /', async () => {
    const answer = await server.client.get('/');
    expect([answer.status, answer.headers.location]).toEqual([302, '/api/docs']);
  });

  it.each(PAGES)('%s needs no other host and no inline script', async (path) => {
    const { status, headers, text } = await server.client.get(path);
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['content-security-policy']).not.toContain('unsafe-eval');
    expect(text).toContain('<title>Assimetria Credits');
    expect(text).not.toMatch(/https?:\/\/|<script>/);
    for (const [, asset] of text.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)) {
      const answer = await fetch(server.url + asset!, { headers: { 'accept-encoding': 'br' } });
      const { byteLength } = await answer.arrayBuffer();
      expect({ asset, status: answer.status, encoding: answer.headers.get('content-encoding') }).toEqual({
        asset,
        status: 200,
        // A small file fits a packet as it is.
        encoding: byteLength < 1_024 ? null : 'br',
      });
    }
  });

  describe('make tokens', () => {
    const path = '/sandbox/token';

    it('for trying out, also for an administrator', async () => {
      const made = await server.client.post(path, { user: 'trying', admin: true });
      expect(made).toMatchObject({ status: 201, body: { data: { account: 'user:trying', admin: true } } });
      const trying = server.client.as(made.body.data.token);
      expect((await trying.post('/api/credits/deposit', { amount: 1, description: 'x' })).status).toBe(201);
      const plain = server.client.as((await server.client.post(path, { user: 'trying' })).body.data.token);
      expectError(await plain.post('/api/credits/deposit', { amount: 1, description: 'x' }), 403, 'FORBIDDEN');
      for (const body of [
        {},
        { user: '' },
        { user: 'two words' },
        { user: 'x', admin: 'yes' },
        { user: 'x', role: 'admin' },
      ])
        expectError(await server.client.post(path, body), 400, 'VALIDATION_ERROR');
      expect((await server.client.get('/api/docs')).text).toContain('Make a token');
    });

    it.each([
      ['in production', { NODE_ENV: 'production' }],
      ['where real money may move', { PAYMENTS_PROVIDER: 'off' }],
      ['on a server with an address for others', { PUBLIC_URL: 'https://credits.example.com' }],
    ])('never %s', async (_, env) => {
      const other = await startServer(env);
      try {
        expectError(await other.client.post(path, { user: 'trying', admin: true }), 404, 'NOT_FOUND');
        const { status, text } = await other.client.get('/api/docs');
        expect(status).toBe(200);
        expect(text).not.toContain('Make a token');
      } finally {
        await other.stop();
      }
    });
  });
});
