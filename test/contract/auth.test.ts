import { createHmac, createSecretKey, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, SignJWT } from 'jose';
import type { Client } from '../support/client.js';
import { freePort, type Server, startServer } from '../support/server.js';
import { JWT_SECRET, mintToken } from '../support/tokens.js';
import { expectError, newName } from '../support/words.js';

const createSecret = (text: string) => createSecretKey(text, 'utf8');
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const KEYS = [
  { alg: 'RS256', pair: rsa },
  { alg: 'ES256', pair: p256 },
  { alg: 'EdDSA', pair: ed25519 },
] as const;

const sign = (
  alg: string,
  key: KeyObject,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
) => new SignJWT({ sub: 'tester', exp: inAnHour(), ...claims }).setProtectedHeader({ alg, ...header }).sign(key);

const balanceAs = (server: Server, token: string) => server.client.as(token).get('/api/credits/balance');

async function expectAccepted(server: Server, token: string): Promise<void> {
  expect((await balanceAs(server, token)).status).toBe(200);
}

async function expectRefused(server: Server, token: string): Promise<void> {
  const answer = await balanceAs(server, token);
  expectError(answer, 401, 'UNAUTHORIZED');
  expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
  expect(answer.body.error.details).toBeNull();
}

describe('with a secret', () => {
  let server: Server;
  beforeAll(async () => void (server = await startServer({ CORS_ORIGINS: 'https://app.example.com' })));
  afterAll(() => server?.stop());

  it('accepts a good token, and remembers it', async () => {
    const token = await mintToken();
    for (let i = 0; i < 3; i++) await expectAccepted(server, token);
  });

  const refused: Record<string, () => Promise<string> | string> = {
    'no token at all': () => '',
    'no JWT': () => 'abc',
    'another secret': () => sign('HS256', createSecret('another-secret-with-at-least-32-bytes!')),
    'alg none': () => `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url({ sub: 'tester', exp: inAnHour() })}.`,
    'alg none with a signature': async () =>
      `${base64url({ alg: 'none' })}.${base64url({ sub: 'tester', exp: inAnHour() })}.${(await mintToken()).split('.')[2]}`,
    'HS512 with the same secret': () => sign('HS512', createSecret(JWT_SECRET)),
    'RS256 with some key': () => sign('RS256', rsa.privateKey),
    'no exp': () => mintToken({ claims: { exp: undefined } }),
    'exp in the past': () => mintToken({ claims: { exp: Math.floor(Date.now() / 1000) - 1 } }),
    'exp that is no number': () => mintToken({ claims: { exp: 'tomorrow' } }),
    'nbf in the future': () => mintToken({ claims: { nbf: inAnHour() } }),
    'no sub': () => mintToken({ claims: { sub: undefined } }),
    'an empty sub': () => mintToken({ sub: '' }),
    'a sub that is an object': () => mintToken({ claims: { sub: { id: 1 } } }),
    'a sub with a space': () => mintToken({ sub: 'a b' }),
    'a sub of 201 characters': () => mintToken({ sub: 'x'.repeat(201) }),
    'an empty org_id': () => mintToken({ claims: { org_id: '' } }),
    'an org_id that is a list': () => mintToken({ claims: { org_id: ['a'] } }),
    'claims changed after signing': async () => {
      const [head, , signature] = (await mintToken()).split('.');
      return `${head}.${base64url({ sub: 'root', role: 'admin', exp: inAnHour() })}.${signature}`;
    },
    'a signature cut short': async () => (await mintToken()).slice(0, -2),
  };

  it.each(Object.entries(refused))('refuses: %s', async (_, make) => {
    await expectRefused(server, await make());
  });

  it('says of an expired token that it is expired, and of no other', async () => {
    const expired = { exp: Math.floor(Date.now() / 1000) - 1 };
    const messageTo = async (token: string) => (await balanceAs(server, token)).body.error.message as string;
    expect(await messageTo(await mintToken({ claims: expired }))).toMatch(/expired/);
    expect(
      await messageTo(await sign('HS256', createSecret('another-secret-with-at-least-32-bytes!'), expired)),
    ).not.toMatch(/expired/);
    expect(await messageTo('abc')).not.toMatch(/expired/);
  });

  it.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Token abc', ''])('refuses the header %j', async (authorization) => {
    expectError(
      await server.client.request('GET', '/api/credits/balance', { headers: { authorization } }),
      401,
      'UNAUTHORIZED',
    );
  });

  it('looks at no header of more than 4 kB', async () => {
    const token = await mintToken();
    const ask = (headers: Record<string, string>) => server.client.request('GET', '/api/credits/balance', { headers });
    expect((await ask({ authorization: `bearer  ${token}` })).status).toBe(200);
    expect((await ask({ authorization: `Bearer ${token}${' '.repeat(3_000)}` })).status).toBe(200);
    expectError(await ask({ authorization: `Bearer ${' '.repeat(4_096)}${token}` }), 401, 'UNAUTHORIZED');
    expect((await ask({ cookie: `assimetria_jwt=${token}; theme=${'x'.repeat(3_000)}` })).status).toBe(200);
    expectError(await ask({ cookie: `assimetria_jwt=${token}; theme=${'x'.repeat(4_096)}` }), 401, 'UNAUTHORIZED');
  });

  // Each of them once cost a second of the processor.
  it('spends little on headers that are meant to hurt', async () => {
    for (let i = 0; i < 60; i++)
      for (const authorization of ['a'.repeat(15_000), `Bearer ${'a'.repeat(4_000)}`, `Bearer${' '.repeat(4_000)}`])
        expectError(
          await server.client.request('GET', '/api/credits/balance', { headers: { authorization } }),
          401,
          'UNAUTHORIZED',
        );
  });

  it('takes no token from the query or the body', async () => {
    const token = await mintToken();
    expectError(await server.client.get('/api/credits/balance', { token, access_token: token }), 401, 'UNAUTHORIZED');
    expectError(
      await server.client.post('/api/credits/debit', { amount: 1, description: 'x', token }),
      401,
      'UNAUTHORIZED',
    );
  });

  it('takes a user id that is a number', async () => {
    const id = Math.floor(Math.random() * 1e9);
    const admin = await server.clientFor({ sub: 'root', admin: true });
    await admin.post('/api/credits/deposit', { amount: 5, description: 'x', account: `user:${id}` });
    const answer = await balanceAs(server, await mintToken({ claims: { sub: id } }));
    expect(answer.body.data.balance).toBe(5);
  });

  it.each([
    [{ role: 'admin' }, true],
    [{ roles: ['member', 'admin'] }, true],
    [{ roles: 'admin' }, true],
    [{ role: 'Admin' }, false],
    [{ role: 'administrator' }, false],
    [{ role: ['member'] }, false],
    [{ role: { admin: true } }, false],
    [{ admin: true }, false],
    [{ roles: 'member,admin' }, false],
    [{ scope: 'admin' }, false],
  ])('%j: administrator %j', async (claims, administrator) => {
    const client = server.client.as(await mintToken({ claims }));
    const answer = await client.post('/api/credits/deposit', {
      amount: 1,
      description: 'x',
      account: `user:${newName()}`,
    });
    if (administrator) expect(answer.status).toBe(201);
    else expectError(answer, 403, 'FORBIDDEN');
  });

  it('says 401 before it looks at anything else of a request', async () => {
    expectError(await server.client.post('/api/credits/debit', { amount: 'x', nonsense: 1 }), 401, 'UNAUTHORIZED');
    expectError(await server.client.get('/api/credits/transactions', { limit: 'x' }), 401, 'UNAUTHORIZED');
  });

  describe('the cookie', () => {
    let cookie: string;
    let client: Client;
    const debit = (headers: Record<string, string>) =>
      client.request('POST', '/api/credits/debit', {
        body: { amount: 1, description: 'x' },
        headers: { cookie, ...headers },
      });

    beforeAll(async () => {
      const sub = newName();
      client = server.client;
      cookie = `theme=dark; assimetria_jwt=${await mintToken({ sub })}`;
      await (
        await server.clientFor({ sub: 'root', admin: true })
      ).post('/api/credits/deposit', { amount: 100, description: 'x', account: `user:${sub}` });
    });

    it('reads without more', async () => {
      expect((await client.request('GET', '/api/credits/balance', { headers: { cookie } })).body.data.balance).toBe(
        100,
      );
    });

    it.each<[string, () => Record<string, string>]>([
      ['its own Origin', () => ({ origin: server.url })],
      ['Sec-Fetch-Site: same-origin', () => ({ 'sec-fetch-site': 'same-origin' })],
      ['an Origin of CORS_ORIGINS', () => ({ origin: 'https://app.example.com' })],
    ])('writes with %s', async (_, headers) => {
      expect((await debit(headers())).status).toBe(201);
    });

    it.each<[string, Record<string, string>]>([
      ['nothing that says where it comes from', {}],
      ['a foreign Origin', { origin: 'https://evil.example.com' }],
      ['Origin: null', { origin: 'null' }],
      [
        'a foreign Origin that says same-origin',
        { origin: 'https://evil.example.com', 'sec-fetch-site': 'same-origin' },
      ],
      ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
      ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
      ['Sec-Fetch-Site: none', { 'sec-fetch-site': 'none' }],
    ])('does not write with %s', async (_, headers) => {
      expectError(await debit(headers), 403, 'FORBIDDEN');
    });

    it('is not asked for an Origin when the header carries the token', async () => {
      const token = cookie.split('assimetria_jwt=')[1];
      expect((await debit({ authorization: `Bearer ${token}`, cookie: '' })).status).toBe(201);
    });

    it('a bad one is a 401', async () => {
      expectError(
        await client.request('GET', '/api/credits/balance', { headers: { cookie: 'assimetria_jwt=abc' } }),
        401,
        'UNAUTHORIZED',
      );
    });
  });
});

describe('issuer and audience', () => {
  let server: Server;
  beforeAll(
    async () => void (server = await startServer({ JWT_ISSUER: 'https://id.example.com', JWT_AUDIENCE: 'credits' })),
  );
  afterAll(() => server?.stop());
  const good = { iss: 'https://id.example.com', aud: 'credits' };

  it('accepts both, and one audience among several', async () => {
    await expectAccepted(server, await mintToken({ claims: good }));
    await expectAccepted(server, await mintToken({ claims: { ...good, aud: ['other', 'credits'] } }));
  });

  it.each([{ iss: undefined }, { iss: 'https://evil.example.com' }, { aud: undefined }, { aud: 'other' }, { aud: [] }])(
    'refuses %j',
    async (claims) => {
      await expectRefused(server, await mintToken({ claims: { ...good, ...claims } }));
    },
  );
});

describe.each(KEYS)('with a public key for $alg', ({ alg, pair }) => {
  let server: Server;
  beforeAll(
    async () => void (server = await startServer({ JWT_SECRET: undefined, JWT_PUBLIC_KEY: pem(pair.publicKey) })),
  );
  afterAll(() => server?.stop());

  it('accepts what its private key signed', async () => {
    await expectAccepted(server, await sign(alg, pair.privateKey));
  });

  it('refuses every other family and key', async () => {
    for (const other of KEYS.filter((each) => each.alg !== alg))
      await expectRefused(server, await sign(other.alg, other.pair.privateKey));
    await expectRefused(server, await mintToken());
    if (alg === 'RS256') {
      await expectRefused(server, await sign(alg, otherRsa.privateKey));
      for (const same of ['RS384', 'RS512', 'PS256']) await expectRefused(server, await sign(same, pair.privateKey));
    }
  });

  it('refuses an HS256 token whose secret is the public key', async () => {
    const signed = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ sub: 'root', role: 'admin', exp: inAnHour() })}`;
    for (const secret of [pem(pair.publicKey), pem(pair.publicKey).trim()]) {
      await expectRefused(server, `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
    }
  });

  it('still requires exp', async () => {
    await expectRefused(server, await sign(alg, pair.privateKey, { exp: undefined }));
  });
});

describe('with a key set', () => {
  let server: Server;
  let port: number;
  const keySet = createServer((_request, response) => {
    void Promise.all(
      KEYS.map(async ({ alg, pair }) => ({ ...(await exportJWK(pair.publicKey)), kid: alg, alg, use: 'sig' })),
    ).then((keys) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })));
  });

  beforeAll(async () => {
    keySet.listen(0, '127.0.0.1');
    await once(keySet, 'listening');
    ({ port } = keySet.address() as { port: number });
    server = await startServer({ JWT_SECRET: undefined, JWT_JWKS_URL: `http://127.0.0.1:${port}/jwks.json` });
  });
  afterAll(async () => {
    await server?.stop();
    await new Promise((closed) => {
      keySet.close(closed);
      keySet.closeAllConnections();
    });
  });

  it.each(KEYS)('accepts $alg', async ({ alg, pair }) => {
    await expectAccepted(server, await sign(alg, pair.privateKey, {}, { kid: alg }));
  });

  it('refuses a foreign key under a known name, an unknown name, and secrets', async () => {
    await expectRefused(server, await sign('RS256', otherRsa.privateKey, {}, { kid: 'RS256' }));
    await expectRefused(server, await sign('RS256', otherRsa.privateKey, {}, { kid: 'unknown' }));
    await expectRefused(server, await mintToken());
    await expectRefused(
      server,
      `${base64url({ alg: 'none', kid: 'RS256' })}.${base64url({ sub: 'a', exp: inAnHour() })}.`,
    );
  });
});

it('a key set that can not be fetched is no fault of the token: 503 with Retry-After', async () => {
  const server = await startServer({
    JWT_SECRET: undefined,
    JWT_JWKS_URL: `http://127.0.0.1:${await freePort()}/jwks.json`,
  });
  try {
    const answer = await balanceAs(server, await sign('RS256', rsa.privateKey, {}, { kid: 'RS256' }));
    expectError(answer, 503, 'OVERLOADED');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});

describe('a key set', () => {
  let answer: unknown;
  const keySet = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)),
  );

  beforeAll(async () => {
    keySet.listen(0, '127.0.0.1');
    await once(keySet, 'listening');
  });
  afterAll(
    () =>
      new Promise<void>((closed) => {
        keySet.close(() => closed());
        keySet.closeAllConnections();
      }),
  );

  async function withKeySet(keys: unknown, judge: (server: Server) => Promise<void>): Promise<void> {
    answer = keys;
    const { port } = keySet.address() as { port: number };
    const server = await startServer({ JWT_SECRET: undefined, JWT_JWKS_URL: `http://127.0.0.1:${port}/jwks.json` });
    try {
      await judge(server);
    } finally {
      await server.stop();
    }
  }

  it('of the wrong shape is no fault of the token', async () => {
    await withKeySet(null, async (server) => {
      // The last one is a set, and is remembered; only its key is none.
      for (const shape of [
        null,
        'keys',
        {},
        { keys: 'RS256' },
        { keys: [1] },
        { keys: [{ kty: 'RSA', kid: 'RS256' }] },
      ]) {
        answer = shape;
        expectError(
          await balanceAs(server, await sign('RS256', rsa.privateKey, {}, { kid: 'RS256' })),
          503,
          'OVERLOADED',
        );
      }
    });
  });

  it('with a key that is too weak trusts no token of that key, and others as ever', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const [strongKey, weakKey] = await Promise.all([exportJWK(rsa.publicKey), exportJWK(weak.publicKey)]);
    const keys = [
      { ...strongKey, kid: 'strong', alg: 'RS256' },
      { ...weakKey, kid: 'weak', alg: 'RS256' },
    ];
    await withKeySet({ keys }, async (server) => {
      const signed = `${base64url({ alg: 'RS256', kid: 'weak' })}.${base64url({ sub: 'tester', exp: inAnHour() })}`;
      await expectRefused(
        server,
        `${signed}.${createSign('sha256').update(signed).sign(weak.privateKey, 'base64url')}`,
      );
      await expectAccepted(server, await sign('RS256', rsa.privateKey, {}, { kid: 'strong' }));
    });
  });
});
