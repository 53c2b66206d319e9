import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { type DatabaseConfig, readDatabase } from './database-url.js';
import { Variables } from './variables.js';

/** The one key family that tokens are verified with; a token of another family is refused. */
export type JwtKeyConfig =
  | { kind: 'secret'; secret: string; /** Where it was found. */ from: string }
  | { kind: 'public'; key: KeyObject; algorithm: 'RS256' | 'ES256' | 'EdDSA' }
  | { kind: 'jwks'; url: string };

/** How purchases are paid: by Stripe, on this server's own pages (no money moves), or not at all. */
export type PaymentsProviderName = 'stripe' | 'sandbox' | 'off';

/** The configuration: the environment, read once and checked. */
export class Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly database: DatabaseConfig;
  readonly migrateOnStart: boolean;
  readonly jwt: { key: JwtKeyConfig; issuer?: string; audience?: string };
  readonly payments: {
    provider: PaymentsProviderName;
    stripeKey?: string;
    webhookSecrets: string[];
    stripeApiBase?: URL;
    /** Whether Stripe adds tax on top of the price. */
    automaticTax: boolean;
    /** Whether a buyer may enter a promotion code. */
    promotionCodes: boolean;
    /** Seconds between two reconciliations with the provider; 0 turns them off. */
    reconcileEverySeconds: number;
  };
  readonly publicUrl: string;
  readonly checkoutSuccessUrl?: string;
  readonly checkoutCancelUrl?: string;
  /** The origins, besides this server's, to which a purchase may send its buyer. */
  readonly checkoutReturnOrigins: string[];
  /** The content of the catalog file. Each module checks the section that it sells from. */
  readonly catalog: { readonly packages?: unknown; readonly plans?: unknown };
  /** What becomes of usage that no price is known for: it is refused, or parked until a card has the price. */
  readonly unpricedUsage: 'refuse' | 'park';
  /** Requests per minute and principal; 0 turns the limit off. */
  readonly rateLimitPerMinute: number;
  readonly corsOrigins: string[];
  /** The addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy: string[];
  /** The address of `GET /metrics`; absent when metrics are off. */
  readonly metrics?: { readonly port: number; readonly host: string };
  /** Settings that may be mistakes; logged at the start. */
  readonly warnings: readonly string[];
}

const DEFAULT_FILE = './data/credits.sqlite';
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** Names every bad variable, so that an operator can mend them all at once. */
export class ConfigError extends Error {
  readonly code = 'ERR_ENVIRONMENT';

  constructor(readonly problems: readonly string[]) {
    super(
      `The environment has ${problems.length} bad variable${problems.length === 1 ? '' : 's'}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

const ENVIRONMENTS = ['development', 'test', 'production'] as const;

let current: Config | undefined;

/** The process's own configuration, read at the first call. */
export function currentConfig(): Config {
  return (current ??= readConfig(process.env));
}

/**
 * Reads the environment.
 * @param env the variables, usually `process.env`
 * @param dataDir where a generated secret is kept (mode 0600)
 * @throws ConfigError naming every bad variable
 */
export function readConfig(env: NodeJS.ProcessEnv, dataDir = resolve('data')): Config {
  const variables = new Variables(env);
  // Any other word would be a server outside production that somebody takes for one in it.
  const production = variables.oneOf('NODE_ENV', ENVIRONMENTS, 'development') === 'production';
  const port = variables.integer('PORT', 3001, 1, 65535);
  const databaseUrl = variables.text('DATABASE_URL');
  const warnings: string[] = [];
  if (production && databaseUrl === undefined)
    warnings.push(`DATABASE_URL is not set: the ledger is the file ${resolve(DEFAULT_FILE)}, on this machine alone`);
  const config: Config = {
    production,
    host: variables.text('HOST') ?? '0.0.0.0',
    port,
    logLevel: variables.oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    database: readDatabase(databaseUrl ?? `sqlite:${DEFAULT_FILE}`, variables.problems),
    migrateOnStart: variables.flag('MIGRATE_ON_START', 'true'),
    jwt: {
      key: readJwtKey(variables, production, dataDir),
      issuer: variables.text('JWT_ISSUER'),
      audience: variables.text('JWT_AUDIENCE'),
    },
    payments: readPayments(variables, production),
    publicUrl: variables.httpUrl('PUBLIC_URL') ?? `http://localhost:${port}`,
    checkoutSuccessUrl: variables.httpUrl('CHECKOUT_SUCCESS_URL'),
    checkoutCancelUrl: variables.httpUrl('CHECKOUT_CANCEL_URL'),
    checkoutReturnOrigins: readOrigins(variables, 'CHECKOUT_RETURN_ORIGINS'),
    catalog: readCatalog(variables),
    unpricedUsage: variables.oneOf('UNPRICED_USAGE', ['refuse', 'park'], 'refuse'),
    rateLimitPerMinute: variables.integer('RATE_LIMIT_PER_MINUTE', 6000, 0, 100_000_000),
    trustProxy: readProxies(variables),
    corsOrigins: readOrigins(variables, 'CORS_ORIGINS'),
    metrics: readMetrics(variables, port),
    warnings,
  };
  if (variables.problems.length > 0) throw new ConfigError(variables.problems);
  return config;
}

/** The variables that can hold the key, and their readers. A bad public key reads as undefined. */
const JWT_KEYS: Record<string, (value: string, variables: Variables) => JwtKeyConfig | undefined> = {
  JWT_SECRET(secret, { problems }) {
    if (Buffer.byteLength(secret) < 32) problems.push('JWT_SECRET must have at least 32 bytes');
    return { kind: 'secret', secret, from: 'JWT_SECRET' };
  },
  JWT_PUBLIC_KEY(pem, { problems }) {
    const key = readPublicKey(pem);
    if (!key)
      problems.push(
        'JWT_PUBLIC_KEY must be a PEM public key: RSA of 2048 bits or more (RS256), P-256 (ES256) or Ed25519 (EdDSA)',
      );
    return key;
  },
  JWT_JWKS_URL(url, variables) {
    variables.httpUrl('JWT_JWKS_URL');
    return { kind: 'jwks', url };
  },
};

function readJwtKey(variables: Variables, production: boolean, dataDir: string): JwtKeyConfig {
  const given = Object.entries(JWT_KEYS).flatMap(([name, read]) => {
    const value = variables.text(name);
    return value === undefined ? [] : [read(value, variables)];
  });
  if (given.length > 1) variables.problems.push('JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL: set exactly one of them');
  if (given[0]) return given[0];
  if (production) {
    variables.problems.push('JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL is required in production');
    return { kind: 'secret', secret: '', from: '' };
  }
  const file = join(dataDir, 'jwt-secret');
  return { kind: 'secret', secret: generatedSecret(file), from: `the secret in ${file}` };
}

function readPublicKey(pem: string): JwtKeyConfig | undefined {
  try {
    // A PEM in an environment file usually carries its line breaks as the two characters \n.
    const key = createPublicKey(pem.replaceAll('\\n', '\n'));
    if (key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails!.modulusLength! >= 2048)
      return { kind: 'public', key, algorithm: 'RS256' };
    if (key.asymmetricKeyType === 'ed25519') return { kind: 'public', key, algorithm: 'EdDSA' };
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return { kind: 'public', key, algorithm: 'ES256' };
  } catch {
    // It is no key.
  }
  return undefined;
}

/**
 * Reads the generated secret; the first start writes it. Linking the file is atomic, so two processes that start
 * together read the same secret.
 */
function generatedSecret(file: string): string {
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, randomBytes(48).toString('base64url'), { mode: 0o600 });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
  }
  return readFileSync(file, 'utf8').trim();
}

function readPayments(variables: Variables, production: boolean): Config['payments'] {
  const stripeKey = variables.text('STRIPE_SECRET_KEY');
  const apiBase = variables.httpUrl('STRIPE_API_BASE');
  const possible = stripeKey ? 'stripe' : production ? 'off' : 'sandbox';
  const asked = variables.oneOf('PAYMENTS_PROVIDER', ['auto', 'stripe', 'sandbox', 'off'], 'auto');
  const provider = asked === 'auto' ? possible : asked;
  if (stripeKey && !/^(sk|rk)_(test|live)_\w+$/.test(stripeKey))
    variables.problems.push('STRIPE_SECRET_KEY must be a secret or restricted key (sk_… or rk_…)');
  if (apiBase && production) variables.problems.push('STRIPE_API_BASE is for tests and refused in production');
  if (asked === 'stripe') variables.require(['STRIPE_SECRET_KEY'], 'with PAYMENTS_PROVIDER=stripe');
  if (provider === 'stripe' && production)
    variables.require(['STRIPE_WEBHOOK_SECRET', 'PUBLIC_URL'], 'in production with STRIPE_SECRET_KEY');
  return {
    provider,
    stripeKey,
    webhookSecrets: variables.list('STRIPE_WEBHOOK_SECRET'),
    stripeApiBase: apiBase === undefined ? undefined : new URL(apiBase),
    automaticTax: variables.flag('STRIPE_AUTOMATIC_TAX', 'false'),
    promotionCodes: variables.flag('STRIPE_PROMOTION_CODES', 'false'),
    reconcileEverySeconds: variables.integer('RECONCILE_EVERY_SECONDS', 300, 0, 86_400),
  };
}

function readOrigins(variables: Variables, name: string): string[] {
  const origins = variables.list(name);
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      variables.problems.push(`${name}: ${origin} is not an origin such as https://app.example.com`);
  return origins;
}

function readProxies(variables: Variables): string[] {
  const proxies = variables.list('TRUST_PROXY');
  for (const proxy of proxies) {
    const [address = '', prefix, ...rest] = proxy.split('/');
    const bits = { 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const fits =
      prefix === undefined ? bits > 0 : /^\d{1,3}$/.test(prefix) && Number(prefix) > 0 && Number(prefix) <= bits;
    if (!fits || rest.length > 0)
      variables.problems.push(`TRUST_PROXY: ${proxy} is not an address or a network such as 10.0.0.0/8`);
  }
  return proxies;
}

function readMetrics(variables: Variables, apiPort: number): Config['metrics'] {
  const port = variables.integer('METRICS_PORT', 0, 0, 65535);
  const host = variables.text('METRICS_HOST') ?? '127.0.0.1';
  if (port === apiPort) variables.problems.push('METRICS_PORT must differ from PORT');
  return port === 0 ? undefined : { port, host };
}

function readCatalog(variables: Variables): Config['catalog'] {
  const file = variables.text('CATALOG_FILE') ?? new URL('../../../catalog.json', import.meta.url);
  try {
    const catalog: unknown = JSON.parse(readFileSync(file, 'utf8'), (key, value: unknown) => {
      if (value === null) throw new Error(`${key || 'it'} must not be null; leave the field out`);
      return value;
    });
    if (typeof catalog === 'object' && catalog !== null) return catalog;
    variables.problems.push('CATALOG_FILE must hold a JSON object');
  } catch (error) {
    variables.problems.push(`CATALOG_FILE cannot be read: ${(error as Error).message}`);
  }
  return {};
}
