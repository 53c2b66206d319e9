import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS } from '../../src/common/http/index.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';
import { mintToken, type Who } from '../support/tokens.js';

const ORIGIN = 'https://app.example.com';
const SPENDING = ['credits:read', 'credits:spend', 'tokens:read', 'tokens:spend', 'purchases:read', 'purchases:write'];
const MANAGING = [...SPENDING, 'limits:write', 'keys:write', 'account:manage'];

describe('for integrators', () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer({
      CORS_ORIGINS: ORIGIN,
      RATE_LIMIT_PER_MINUTE: '600',
      PUBLIC_URL: 'https://credits.example.com',
    });
  });
  afterAll(() => server?.stop());

  const fetched = async (path: string, headers: Record<string, string>, who?: Who) =>
    fetch(`${server.url}${path}`, {
      headers: { ...(who && { authorization: `Bearer ${await mintToken(who)}` }), ...headers },
    });

  describe('GET /me', () => {
    it.each<[Who, object]>([
      [{ sub: '42' }, { actor: 'user:42', account: 'user:42', role: 'user', scopes: MANAGING }],
      [
        { sub: '42', claims: { org_id: '7' } },
        { actor: 'user:42', account: 'org:7', role: 'user', org_role: 'member', scopes: SPENDING },
      ],
      [
        { sub: '42', claims: { org_id: '7', org_role: 'billing' } },
        { actor: 'user:42', account: 'org:7', role: 'user', org_role: 'billing', scopes: MANAGING },
      ],
      [
        { sub: '1', admin: true },
        { actor: 'user:1', account: 'user:1', role: 'admin', scopes: MANAGING },
      ],
    ])('says of %j who it is and what it may do', async (who, expected) => {
      const answer = await (await server.clientFor(who)).get('/api/me');
      expect({ status: answer.status, body: answer.body }).toEqual({
        status: 200,
        body: {
          data: {
            ...expected,
            frozen: false,
            rate_limit: { per_minute: who.admin ? 0 : 600 },
            features: { payments: true, sandbox: true },
          },
        },
      });
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it('needs a token', async () => {
      expectError(await server.client.get('/api/me'), 401, 'UNAUTHORIZED');
    });
  });

  it.each(['/api/credits/packages', '/api/tokens/plans'])('%s may be cached, and has names and words', async (path) => {
    const { headers, body } = await server.client.get(path);
    expect(headers['cache-control']).toBe('public, max-age=60');
    expect(headers['etag']).toMatch(/^"[0-9a-f]+"$/);
    for (const sold of body.data)
      expect(sold).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    for (const held of [headers['etag']!, `"x", W/${headers['etag']}`, '*']) {
      const again = await fetched(path, { 'if-none-match': held });
      expect({ held, status: again.status, text: await again.text() }).toEqual({ held, status: 304, text: '' });
    }
    expect((await fetched(path, { 'if-none-match': '"x"' })).status).toBe(200);
  });

  it('a preflight holds for ten minutes', async () => {
    const { status, headers } = await server.client.request('OPTIONS', '/api/credits/debit', {
      headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
    });
    expect({ status, age: headers['access-control-max-age'] }).toEqual({ status: 204, age: '600' });
  });

  describe('compression', () => {
    it('shortens answers over a kilobyte for those who ask for it, and no others', async () => {
      const sub = newName();
      const admin = await server.clientFor({ sub: 'root', admin: true });
      for (let i = 0; i < 5; i++)
        await admin.post('/api/credits/deposit', {
          amount: 1,
          description: 'Long '.repeat(50),
          account: `user:${sub}`,
        });
      const path = '/api/credits/transactions';
      const plain = await fetched(path, { 'accept-encoding': 'identity' }, { sub });
      expect(plain.headers.get('content-encoding')).toBeNull();
      const whole = await plain.text();
      for (const [accepted, encoding] of [
        ['gzip', 'gzip'],
        ['br', 'br'],
        ['deflate, gzip;q=0.5', 'gzip'],
        ['deflate', null],
        ['*;q=0', null],
      ] as const) {
        const answer = await fetched(path, { 'accept-encoding': accepted }, { sub });
        expect({ accepted, encoding: answer.headers.get('content-encoding') }).toEqual({ accepted, encoding });
        if (encoding) {
          expect(answer.headers.get('vary')).toMatch(/accept-encoding/i);
          expect(Number(answer.headers.get('content-length'))).toBeLessThan(whole.length / 2);
        }
        expect(await answer.text()).toBe(whole);
      }
      const small = await fetched('/api/me', { 'accept-encoding': 'gzip' }, { sub });
      expect(small.headers.get('content-encoding')).toBeNull();
    });

    it('leaves an answer alone that carries a secret', async () => {
      const body = JSON.stringify({ package_id: 'pro' });
      const answer = await fetch(`${server.url}/api/credits/purchase`, {
        method: 'POST',
        body,
        headers: {
          authorization: `Bearer ${await mintToken({ sub: newName() })}`,
          'content-type': 'application/json',
          'accept-encoding': 'gzip, br',
        },
      });
      expect({ status: answer.status, encoding: answer.headers.get('content-encoding') }).toEqual({
        status: 201,
        encoding: null,
      });
    });
  });

  describe('the page of errors', () => {
    const path = '/api/docs/errors';

    it('has a cause, a fix and whether to retry for every code of the document, and no other', async () => {
      const { text, headers, status } = await server.client.get(path);
      expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'text/html; charset=utf-8' });
      const codes = [...text.matchAll(/<section id="([A-Z_]+)">/g)].map(([, code]) => code);
      expect(codes).toEqual(Object.keys(ERRORS));
      for (const code of codes) {
        const [section] = text.split(`id="${code}"`)[1]!.split('</section>');
        for (const title of ['Cause', 'Fix', 'Retry'])
          expect(section).toMatch(new RegExp(`<dt>${title}</dt><dd>.{2,}`));
      }
      expect((await server.client.get('/api/v1/docs/errors')).text).toBe(text);
    });

    it('is linked from every error, and a repeated refusal links to the same', async () => {
      const client = await server.clientFor({ sub: newName() });
      const docs = `https://credits.example.com${path}`;
      expect((await server.client.get('/api/me')).body.error.docs_url).toBe(`${docs}#UNAUTHORIZED`);
      expect((await client.get('/api/nothing')).body.error.docs_url).toBe(`${docs}#NOT_FOUND`);
      const debit = { amount: 1, description: 'x' };
      const first = await client.post('/api/credits/debit', debit, { key: 'k' });
      expectError(first, 402, 'INSUFFICIENT_CREDITS');
      expect((await client.post('/api/credits/debit', debit, { key: 'k' })).text).toBe(first.text);
      const { body } = await client.post('/api/credits/debit/batch', { mode: 'independent', items: [debit] });
      expect(body.data[0].error.docs_url).toBe(`${docs}#INSUFFICIENT_CREDITS`);
    });
  });
});
