import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from '../../src/common/config/index.js';

const SECRET = 'x'.repeat(32);
const directory = mkdtempSync(join(tmpdir(), 'credits-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const read = (env: Record<string, string>) => readConfig({ JWT_SECRET: SECRET, ...env }, directory);

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env, directory);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('configuration', () => {
  it('needs nothing outside production', () => {
    expect(readConfig({}, directory)).toMatchObject({
      production: false,
      host: '0.0.0.0',
      port: 3001,
      logLevel: 'info',
      database: { kind: 'sqlite' },
      migrateOnStart: true,
      payments: { provider: 'sandbox' },
      publicUrl: 'http://localhost:3001',
      rateLimitPerMinute: 6000,
      corsOrigins: [],
    });
  });

  it('generates a secret once, for its owner alone', () => {
    const first = readConfig({}, directory).jwt.key;
    expect(first).toMatchObject({ kind: 'secret', secret: expect.stringMatching(/^[\w-]{43,}$/) });
    expect(readConfig({}, directory).jwt.key).toEqual(first);
    expect(statSync(join(directory, 'jwt-secret')).mode & 0o777).toBe(0o600);
  });

  it('has no default secret in production, and no sandbox', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([expect.stringContaining('JWT_SECRET')]);
    expect(read({ NODE_ENV: 'production' }).payments.provider).toBe('off');
    expect(read({ NODE_ENV: 'production', PAYMENTS_PROVIDER: 'sandbox' }).payments.provider).toBe('sandbox');
  });

  it('knows production by one word', () => {
    for (const word of ['prod', 'Production', 'staging'])
      expect(problemsOf({ NODE_ENV: word })).toEqual(['NODE_ENV must be one of development, test, production']);
    for (const word of ['', 'development', 'test']) expect(read({ NODE_ENV: word }).production).toBe(false);
  });

  it('takes every variable', () => {
    const config = read({
      PORT: '8080',
      HOST: '127.0.0.1',
      LOG_LEVEL: 'warn',
      DATABASE_URL: 'mysql://user:p%40ss@db:3306/credits',
      MIGRATE_ON_START: 'false',
      JWT_ISSUER: 'iss',
      JWT_AUDIENCE: 'aud',
      STRIPE_SECRET_KEY: 'sk_test_abc',
      STRIPE_WEBHOOK_SECRET: 'whsec_a, whsec_b',
      STRIPE_API_BASE: 'http://127.0.0.1:1234',
      PUBLIC_URL: 'https://credits.example.com/',
      CHECKOUT_SUCCESS_URL: 'https://app.example.com/paid',
      CHECKOUT_CANCEL_URL: 'https://app.example.com/canceled',
      RATE_LIMIT_PER_MINUTE: '0',
      CORS_ORIGINS: 'https://a.example.com, https://b.example.com:8443',
    });
    expect(config).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      logLevel: 'warn',
      database: { kind: 'mysql', url: 'mysql://user:p%40ss@db:3306/credits' },
      migrateOnStart: false,
      jwt: { key: { kind: 'secret', secret: SECRET }, issuer: 'iss', audience: 'aud' },
      payments: { provider: 'stripe', stripeKey: 'sk_test_abc', webhookSecrets: ['whsec_a', 'whsec_b'] },
      publicUrl: 'https://credits.example.com',
      rateLimitPerMinute: 0,
      corsOrigins: ['https://a.example.com', 'https://b.example.com:8443'],
    });
  });

  it('reads the variables that the README and .env.example name, and no others', () => {
    const asked = new Set<string>();
    const given: Record<string, string> = { METRICS_PORT: '9464' };
    readConfig(new Proxy(given, { get: (_, name: string) => (asked.add(name), given[name]) }), directory);
    // One switches the house into production, the other is for Docker Compose.
    const [production, compose] = ['NODE_ENV', 'DB_PASSWORD'];
    const example = parseEnv(readFileSync('.env.example', 'utf8')) as Record<string, string>;
    const rows = readFileSync('README.md', 'utf8').match(/^\| `[A-Z_]+`.*? \|/gm) ?? [];
    const read = [...asked].filter((name) => name !== production).sort();
    expect(rows.flatMap((row) => row.match(/[A-Z_]{4,}/g)).sort()).toEqual(read);
    expect(Object.keys(example).sort()).toEqual([...read, compose].sort());
    expect(readConfig(example, directory)).toEqual(readConfig({}, directory));
  });

  it('takes an empty value for an absent one', () => {
    expect(read({ PORT: '', DATABASE_URL: ' ', LOG_LEVEL: '' })).toMatchObject({
      port: 3001,
      logLevel: 'info',
      database: { kind: 'sqlite' },
    });
  });

  it.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['LOG_LEVEL', 'loud'],
    ['DATABASE_URL', 'postgres://db/credits'],
    ['DATABASE_URL', 'sqlite:'],
    ['DATABASE_URL', 'sqlite::memory:'],
    ['DATABASE_URL', 'mysql://db'],
    ['DATABASE_URL', './credits.sqlite'],
    ['DATABASE_URL', 'sqlite:./credits.sqlite?mode=ro'],
    ['DATABASE_URL', 'mysql://db/credits?charset=latin1'],
    ['DATABASE_URL', 'mysql://db/credits?ssl-mode=REQUIRED'],
    ['DATABASE_URL', 'mysql://db/credits?ssl='],
    ['DATABASE_URL', 'mysql://db/credits?ssl=true'],
    ['DATABASE_URL', 'mysql://db/credits?ssl=required&ssl=verify_ca'],
    ['DATABASE_URL', 'mysql://db/credits#?ssl=required'],
    ['DATABASE_URL', 'mysql://127.0.0.1/credits?ssl=verify_identity'],
    ['DATABASE_URL', 'mysql://[::1]/credits?ssl=verify_identity'],
    ['DATABASE_URL', 'mysql://db/credits?ssl=verify_ca&ssl_ca=/does/not/exist.pem'],
    ['DATABASE_URL', `mysql://db/credits?ssl=verify_ca&ssl_ca=${resolve('package.json')}`],
    ['MIGRATE_ON_START', 'yes'],
    ['RATE_LIMIT_PER_MINUTE', '-5'],
    ['RATE_LIMIT_PER_MINUTE', '1.5'],
    ['CORS_ORIGINS', 'https://a.example.com/path'],
    ['CORS_ORIGINS', '*'],
    ['PUBLIC_URL', 'credits.example.com'],
    ['CHECKOUT_SUCCESS_URL', 'javascript:alert(1)'],
    ['CHECKOUT_CANCEL_URL', 'not a url'],
    ['PAYMENTS_PROVIDER', 'paypal'],
    ['STRIPE_SECRET_KEY', 'pk_test_123'],
    ['STRIPE_API_BASE', 'ftp://x'],
    ['JWT_SECRET', 'x'.repeat(31)],
    ['JWT_PUBLIC_KEY', 'no key'],
    ['JWT_JWKS_URL', 'file:///etc/passwd'],
    ['CATALOG_FILE', '/does/not/exist.json'],
  ])('refuses %s=%s and names it', (name, value) => {
    const env = name.startsWith('JWT_') ? { [name]: value } : { JWT_SECRET: SECRET, [name]: value };
    expect(problemsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name}`))]);
  });

  it('reads how the database is reached from its URL', () => {
    const url = 'mysql://user:p%40ss@db:3306/credits';
    const databaseOf = (parameters: string) => read({ DATABASE_URL: url + parameters }).database;
    expect(databaseOf('')).toEqual({ kind: 'mysql', url });
    expect(databaseOf('?ssl=required')).toEqual({
      kind: 'mysql',
      url,
      tls: { rejectUnauthorized: false, verifyIdentity: false },
    });
    expect(databaseOf('?ssl=verify_ca')).toEqual({
      kind: 'mysql',
      url,
      tls: { rejectUnauthorized: true, verifyIdentity: false },
    });
    expect(databaseOf('?ssl=verify_identity')).toEqual({
      kind: 'mysql',
      url,
      tls: { rejectUnauthorized: true, verifyIdentity: true },
    });
    // An authority that nothing is checked against would only look like safety.
    for (const parameters of ['?ssl_ca=/ca.pem', '?ssl=required&ssl_ca=/ca.pem'])
      expect(problemsOf({ JWT_SECRET: SECRET, DATABASE_URL: url + parameters })).toContain(
        'DATABASE_URL: ssl_ca needs ssl=verify_ca or ssl=verify_identity',
      );
  });

  it('names every bad variable at once', () => {
    const env = {
      PORT: 'x',
      LOG_LEVEL: 'x',
      DATABASE_URL: 'x',
      MIGRATE_ON_START: 'x',
      RATE_LIMIT_PER_MINUTE: 'x',
      PUBLIC_URL: 'x',
      JWT_SECRET: 'x',
      CORS_ORIGINS: 'x',
      PAYMENTS_PROVIDER: 'x',
    };
    const named = problemsOf(env).map((problem) => /^[A-Z_]+/.exec(problem)?.[0]);
    expect(named.sort()).toEqual(Object.keys(env).sort());
    expect(() => readConfig(env, directory)).toThrow(/9 bad variables/);
  });

  it('never repeats a secret in what it says', () => {
    const said = problemsOf({
      JWT_SECRET: 'hunter2',
      STRIPE_SECRET_KEY: 'hunter3',
      DATABASE_URL: 'postgres://u:hunter4@db/x',
    }).join('\n');
    expect(said).not.toMatch(/hunter/);
  });

  it('wants one source of keys, not two', () => {
    expect(problemsOf({ JWT_SECRET: SECRET, JWT_JWKS_URL: 'https://id.example.com/jwks' })).toEqual([
      expect.stringContaining('exactly one'),
    ]);
  });

  it('knows what a public key can verify', () => {
    const pem = (key: { export(options: { type: 'spki'; format: 'pem' }): string | Buffer }) =>
      String(key.export({ type: 'spki', format: 'pem' }));
    const algorithmOf = (text: string) => readConfig({ JWT_PUBLIC_KEY: text }, directory).jwt.key;
    expect(algorithmOf(pem(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey))).toMatchObject({
      kind: 'public',
      algorithm: 'RS256',
    });
    expect(algorithmOf(pem(generateKeyPairSync('ed25519').publicKey))).toMatchObject({ algorithm: 'EdDSA' });
    const p256 = pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    expect(algorithmOf(p256)).toMatchObject({ algorithm: 'ES256' });
    expect(algorithmOf(p256.replaceAll('\n', '\\n'))).toMatchObject({ algorithm: 'ES256' });
    expect(problemsOf({ JWT_PUBLIC_KEY: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey) })).toEqual([
      expect.stringContaining('JWT_PUBLIC_KEY'),
    ]);
  });

  it('wants everything that Stripe needs in production', () => {
    const production = { NODE_ENV: 'production', JWT_SECRET: SECRET, STRIPE_SECRET_KEY: 'sk_live_abc' };
    const names = (env: Record<string, string>) =>
      problemsOf({ ...production, ...env }).map((problem) => problem.split(' ')[0]);
    expect(names({})).toEqual(['STRIPE_WEBHOOK_SECRET', 'PUBLIC_URL']);
    expect(names({ STRIPE_WEBHOOK_SECRET: ' , ' })).toEqual(['STRIPE_WEBHOOK_SECRET', 'PUBLIC_URL']);
    expect(names({ STRIPE_WEBHOOK_SECRET: 'whsec_a', PUBLIC_URL: 'https://credits.example.com' })).toEqual([]);
    expect(names({ PAYMENTS_PROVIDER: 'off' })).toEqual([]);
    expect(names({ NODE_ENV: 'development' })).toEqual([]);
  });

  it('says loudly that production keeps its ledger in a file, unless the file was asked for', () => {
    const warnings = (env: Record<string, string>) => read(env).warnings;
    expect(warnings({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^DATABASE_URL .*\/data\/credits\.sqlite/),
    ]);
    expect(warnings({ NODE_ENV: 'production', DATABASE_URL: 'sqlite:/var/lib/credits.sqlite' })).toEqual([]);
    expect(warnings({})).toEqual([]);
  });

  it('refuses a catalog with null, for a field without a value is left out', () => {
    const file = join(directory, 'catalog.json');
    writeFileSync(file, JSON.stringify({ packages: [{ id: 'pro', bonus: null }] }));
    expect(problemsOf({ JWT_SECRET: SECRET, CATALOG_FILE: file })).toEqual([
      'CATALOG_FILE cannot be read: bonus must not be null; leave the field out',
    ]);
  });

  it('refuses another Stripe in production', () => {
    expect(problemsOf({ NODE_ENV: 'production', JWT_SECRET: SECRET, STRIPE_API_BASE: 'http://127.0.0.1:1' })).toEqual([
      expect.stringContaining('STRIPE_API_BASE'),
    ]);
  });
});
