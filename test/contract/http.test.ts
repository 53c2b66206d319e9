import { readdirSync, statSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { type Server, startServer } from '../support/server.js';
import { JWT_SECRET, mintToken } from '../support/tokens.js';
import { expectError, newName } from '../support/words.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('every answer', () => {
  let server: Server;
  let client: Client;
  beforeAll(async () => {
    server = await startServer({ CORS_ORIGINS: 'https://app.example.com' });
    client = await server.clientFor({ sub: newName(), admin: true });
  });
  afterAll(() => server?.stop());

  it('carries a trace id of its own, which is in the log line of the request', async () => {
    const first = await client.get('/api/credits/balance');
    const second = await client.get('/api/credits/balance');
    const id = first.headers['x-trace-id'] as string;
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(second.headers['x-trace-id']).not.toBe(id);
    const line = JSON.parse(await server.line((text) => text.includes(id))) as object;
    expect(line).toMatchObject({ trace_id: id, method: 'GET', status: 200, level: 'info' });
  });

  it('has a log line that names the account and who asked', async () => {
    const sub = newName();
    const customer = server.client.as(await mintToken({ sub, org: 'acme' }));
    const lineOf = async ({ headers }: Answer) =>
      JSON.parse(await server.line((text) => text.includes(headers['x-trace-id'] as string))) as {
        account?: string;
        actor?: string;
      };
    expect(await lineOf(await customer.get('/api/credits/balance'))).toMatchObject({
      account: 'org:acme',
      actor: `user:${sub}`,
    });
    expect(await lineOf(await customer.get('/api/credits/balance', { account: 'user:hush-hush' }))).toMatchObject({
      account: 'org:acme',
      status: 403,
    });
    // An administrator's line names the account that was worked on, unless that was no name at all.
    const root = await server.clientFor({ sub: 'root', admin: true });
    const body = { amount: 1, description: 'x', account: `user:${sub}` };
    expect(await lineOf(await root.post('/api/credits/deposit', body))).toMatchObject({
      account: `user:${sub}`,
      actor: 'admin:root',
    });
    expect(await lineOf(await root.get('/api/credits/balance', { account: 'org:acme' }))).toMatchObject({
      account: 'org:acme',
      actor: 'admin:root',
    });
    expect(await lineOf(await root.get('/api/credits/balance', { account: 'x\n{}' }))).toMatchObject({
      account: 'user:root',
      status: 400,
    });
    const line = await lineOf(await server.client.get('/api/version'));
    expect([line.account, line.actor]).toEqual([undefined, undefined]);
  });

  it('continues the trace of a valid traceparent, in errors too', async () => {
    const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
    expect((await client.request('GET', '/api/credits/balance', { headers })).headers['x-trace-id']).toBe(TRACE);
    const missing = await client.request('GET', '/api/nothing', { headers });
    expect(missing.body.error.trace_id).toBe(TRACE);
  });

  it.each([
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-0000000000000000-01`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}`,
    'x',
    `00-${TRACE}-00f067aa0ba902b7-01\u0022}`,
  ])('does not believe the traceparent %j', async (traceparent) => {
    const { headers } = await client.request('GET', '/api/version', { headers: { traceparent } });
    expect(headers['x-trace-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(headers['x-trace-id']).not.toBe(TRACE);
  });

  it.each(['/api/credits/balance', '/api/version', '/api/docs', '/api/nothing'])(
    'has security headers: %s',
    async (path) => {
      const { headers } = await client.get(path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': expect.stringMatching(/SAMEORIGIN|DENY/),
        'referrer-policy': expect.any(String),
      });
      expect(headers['content-security-policy']).toMatch(/default-src 'self'/);
      expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*'unsafe-(inline|eval)'/);
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['server']).toBeUndefined();
    },
  );

  it('is JSON in UTF-8', async () => {
    expect((await client.get('/api/credits/balance')).headers['content-type']).toBe('application/json; charset=utf-8');
  });

  it('is the same under /api/v1', async () => {
    for (const path of [
      '/credits/balance',
      '/credits/packages',
      '/tokens/plans',
      '/credits/transactions?limit=1',
      '/version',
      '/docs/openapi.json',
    ]) {
      const [here, there] = await Promise.all([client.get(`/api${path}`), client.get(`/api/v1${path}`)]);
      expect({ status: there.status, body: there.body }).toEqual({ status: 200, body: here.body });
    }
    expect((await client.post('/api/v1/credits/deposit', { amount: 1, description: 'x' })).status).toBe(201);
    for (const path of [
      '/api/v2/credits/balance',
      '/api/v1/v1/credits/balance',
      '/api/v1credits/balance',
      '/v1/credits/balance',
      '/credits/balance',
    ]) {
      expectError(await client.get(path), 404, 'NOT_FOUND');
    }
  });

  it('to an unknown path or method is a 404 in the envelope', async () => {
    for (const [method, path] of [
      ['GET', '/api'],
      ['GET', '/api/nothing'],
      ['POST', '/api/credits/nothing'],
      ['DELETE', '/api/credits/balance'],
      ['PUT', '/api/credits/debit'],
      ['GET', '/api/credits/debit'],
      ['GET', '/api/credits/transactions/1/2'],
      ['GET', '/api/../../etc/passwd'],
    ] as const) {
      expectError(await client.request(method, path), 404, 'NOT_FOUND');
    }
  });

  it('is kept by no cache, when it needs a token or says that one is missing', async () => {
    for (const path of [
      '/api/credits/balance',
      '/api/credits/transactions',
      '/api/credits/usage-summary',
      '/api/tokens/balance',
      '/api/payments/purchases',
      '/api/credits/transactions/99',
      '/api/credits/balance?x=1',
    ])
      expect({ path, cached: (await client.get(path)).headers['cache-control'] }).toEqual({ path, cached: 'no-store' });
    expect((await server.client.get('/api/credits/balance')).headers['cache-control']).toBe('no-store');
    const written = await client.post('/api/credits/deposit', { amount: 1, description: 'x' });
    expect(written.headers['cache-control']).toBe('no-store');
  });

  it('at the root is the way to the documentation', async () => {
    const { status, headers } = await client.get('/');
    expect({ status, location: headers.location }).toEqual({ status: 302, location: '/api/docs' });
  });

  it('to a path that is no text is an error in the envelope', async () => {
    const answer = await client.get('/api/credits/transactions/%ff');
    expect([400, 404]).toContain(answer.status);
    expectError(answer, answer.status, answer.status === 400 ? 'VALIDATION_ERROR' : 'NOT_FOUND');
  });

  it('lets no origin in but the configured ones', async () => {
    const ask = (origin: string) => client.request('GET', '/api/credits/balance', { headers: { origin } });
    expect((await ask('https://app.example.com')).headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
    });
    expect((await ask('https://evil.example.com')).headers['access-control-allow-origin']).toBeUndefined();
    const preflight = await client.request('OPTIONS', '/api/credits/debit', {
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,idempotency-key',
      },
    });
    expect(preflight.status).toBe(204);
  });

  it('never says what only the server should know', async () => {
    for (const path of [
      "/api/credits/transactions/1'",
      '/api/credits/transactions?from=%27%3BDROP TABLE entry',
      '/api/credits/balance?account=user:%00',
      `/api/credits/balance?account=user:${'x'.repeat(5_000)}`,
    ]) {
      const answer = await client.get(path);
      expect([400, 404, 414]).toContain(answer.status);
      expectError(answer, answer.status, answer.body.error.code);
    }
  });

  it('a connection that sends no HTTP gets an answer or is closed, and the server goes on', async () => {
    const closed = new Promise<void>((resolve) => {
      const socket = connect(server.port, '127.0.0.1', () => socket.write('NONSENSE\r\n\r\n'));
      socket
        .on('close', () => resolve())
        .on('error', () => undefined)
        .resume();
    });
    await closed;
    expect((await client.get('/api/ready')).status).toBe(200);
  });

  it('a body that is cut off records nothing', async () => {
    const sub = newName();
    const token = await mintToken({ sub, admin: true });
    await new Promise<void>((resolve) => {
      const body = '{"amount":1,"description":"x"}';
      const request = httpRequest(`${server.url}/api/credits/deposit`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': String(body.length + 10),
        },
      });
      request.on('error', () => resolve());
      request.write(body, () => request.destroy());
    });
    expect((await server.client.as(token).get('/api/credits/transactions')).body.meta.total).toBe(0);
  });

  it('nothing secret is in the log', async () => {
    const token = await mintToken({ sub: 'secretive' });
    const spender = client.as(token);
    await spender.post(
      '/api/credits/debit',
      { amount: 1, description: 'hush-hush-description' },
      { key: 'hush-hush-key' },
    );
    const { headers } = await spender.request('GET', '/api/credits/balance', {
      query: { account: 'user:hush-hush' },
      headers: { cookie: `assimetria_jwt=${token}` },
    });
    await server.line((line) => line.includes(headers['x-trace-id'] as string));
    expect(server.output).not.toContain(token);
    expect(server.output).not.toContain(token.split('.')[2]);
    expect(server.output).not.toContain(JWT_SECRET);
    expect(server.output).not.toMatch(/hush-hush/);
    for (const line of server.lines.filter((text) => text.startsWith('{')))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
  });
});

describe('health', () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer()));
  afterAll(() => server?.stop());

  it.each(['health', 'ready'])('%s needs no token', async (path) => {
    const { status, body } = await server.client.get(`/api/${path}`);
    expect({ status, body }).toEqual({ status: 200, body: { data: { status: 'ok', database: 'up' } } });
  });

  it('version says what is running', async () => {
    expect((await server.client.get('/api/version')).body).toEqual({
      data: { name: 'assimetria-credits', version: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.version },
    });
  });

  it('packages and plans need no token', async () => {
    expect((await server.client.get('/api/credits/packages')).body).toEqual({
      data: [
        { id: 'starter', name: 'Starter', description: expect.any(String), amount: 25, price: 25, currency: 'USD' },
        { id: 'pro', name: 'Pro', description: expect.any(String), amount: 100, price: 90, currency: 'USD' },
        { id: 'teams', name: 'Teams', description: expect.any(String), amount: 500, price: 400, currency: 'USD' },
      ],
    });
    const { body } = await server.client.get('/api/tokens/plans');
    expect(body.data.length).toBeGreaterThan(0);
    for (const plan of body.data)
      expect(plan).toEqual({
        id: expect.any(String),
        name: expect.any(String),
        description: expect.any(String),
        tokens: expect.any(Number),
        price: expect.any(Number),
        currency: 'USD',
      });
  });
});

describe('rate limit', () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer({ RATE_LIMIT_PER_MINUTE: '5' })));
  afterAll(() => server?.stop());

  it('counts down per principal, then answers 429 with Retry-After and does nothing', async () => {
    const sub = newName();
    const admin = await server.clientFor({ sub: 'root', admin: true });
    await admin.post('/api/credits/deposit', { amount: 10, description: 'x', account: `user:${sub}` });
    const client = await server.clientFor({ sub });
    for (let left = 4; left >= 0; left--) {
      const { status, headers } = await client.post('/api/credits/debit', { amount: 1, description: 'x' });
      expect({ status, limit: headers['x-ratelimit-limit'], remaining: headers['x-ratelimit-remaining'] }).toEqual({
        status: 201,
        limit: '5',
        remaining: String(left),
      });
      const reset = Number(headers['x-ratelimit-reset']) - Date.now() / 1000;
      expect(reset).toBeGreaterThan(0);
      expect(reset).toBeLessThanOrEqual(61);
    }
    const refused = await client.post('/api/credits/debit', { amount: 1, description: 'x' });
    expectError(refused, 429, 'RATE_LIMITED');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    expect(refused.headers).toMatchObject({ 'x-ratelimit-limit': '5', 'x-ratelimit-remaining': '0' });
    expect((await admin.get('/api/credits/balance', { account: `user:${sub}` })).body.data.balance).toBe(5);

    const neighbour = await server.clientFor({ sub: newName() });
    expect((await neighbour.get('/api/credits/balance')).status).toBe(200);
  });

  it('is none for administrators and public routes', async () => {
    const admin = await server.clientFor({ sub: newName(), admin: true });
    for (let i = 0; i < 8; i++) {
      const { status, headers } = await admin.get('/api/credits/balance');
      expect({ status, limit: headers['x-ratelimit-limit'] }).toEqual({ status: 200, limit: undefined });
      expect((await server.client.get('/api/credits/packages')).status).toBe(200);
    }
  });
});

describe('the start', () => {
  it('names every bad variable at once and ends with 1', async () => {
    const failed = await startServer({ PORT: 'x', LOG_LEVEL: 'x', JWT_SECRET: 'short' }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 1, output: expect.stringMatching(/PORT[^]*LOG_LEVEL[^]*JWT_SECRET/) });
    expect((failed as { output: string }).output).not.toMatch(/\bat .*\.js:\d/);
  });

  it('needs a key in production', async () => {
    const failed = await startServer({ NODE_ENV: 'production', JWT_SECRET: undefined }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 1, output: expect.stringContaining('JWT_SECRET') });
  });

  it('in production it is quiet, safe and has no sandbox', async () => {
    const server = await startServer({ NODE_ENV: 'production' });
    try {
      expect(server.output).not.toMatch(/npm run|Swagger/);
      expect((await server.client.get('/api/version')).headers['strict-transport-security']).toMatch(/max-age=\d+/);
      const client = await server.clientFor({});
      const answer = await client.post('/api/credits/purchase', { package_id: 'pro' });
      expectError(answer, 503, 'PAYMENTS_NOT_CONFIGURED');
      expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    } finally {
      await server.stop();
    }
  });

  it('in production it says loudly that its ledger is a file, and which', async () => {
    const server = await startServer({ NODE_ENV: 'production', DATABASE_URL: undefined });
    try {
      const line = JSON.parse(await server.line((text) => text.includes('DATABASE_URL'))) as object;
      expect(line).toMatchObject({
        level: 'warn',
        msg: expect.stringContaining(join(server.directory, 'data/credits.sqlite')),
      });
    } finally {
      await server.stop();
    }
  });

  it('makes files for their owner alone', async () => {
    const server = await startServer({ DATABASE_URL: undefined, JWT_SECRET: undefined });
    try {
      const folder = join(server.directory, 'data');
      const modes = Object.fromEntries(
        [folder, ...readdirSync(folder).map((name) => join(folder, name))].map((path) => [
          basename(path),
          statSync(path).mode & 0o777,
        ]),
      );
      expect(modes).toEqual({
        data: 0o700,
        'jwt-secret': 0o600,
        'credits.sqlite': 0o600,
        'credits.sqlite-wal': 0o600,
        'credits.sqlite-shm': 0o600,
      });
    } finally {
      await server.stop();
    }
  });

  it('outside production it says where Swagger UI is and how to get a token', async () => {
    const server = await startServer({ JWT_SECRET: undefined });
    try {
      await server.line((line) => line.includes('/api/docs'));
      await server.line((line) => line.includes('npm run') && line.includes('token'));
    } finally {
      await server.stop();
    }
  });
});
