import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type DatabaseConfig, readDatabase } from './database-url.js';

/** The one key family that tokens are verified with; a token of another family is refused. */
export type JwtKeyConfig =
  | { kind: 'secret'; secret: string; /** Where it was found. */ from: string }
  | { kind: 'public'; key: KeyObject; algorithm: 'RS256' | 'ES256' | 'EdDSA' }
  | { kind: 'jwks'; url: string };

/** How purchases are paid: by Stripe, on this server's own pages (no money moves), or not at all. */
export type PaymentsProviderName = 'stripe' | 'sandbox' | 'off';

/** Everything the environment says, read once and checked. */
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
    /** How often purchases are held against the provider; 0 turns it off. */
    reconcileEverySeconds: number;
  };
  readonly publicUrl: string;
  readonly checkoutSuccessUrl?: string;
  readonly checkoutCancelUrl?: string;
  /** What is for sale, as the catalog file says; the modules that sell it check their part. */
  readonly catalog: { readonly packages?: unknown; readonly plans?: unknown };
  /** Requests a minute and principal; 0 turns the limit off. */
  readonly rateLimitPerMinute: number;
  readonly corsOrigins: string[];
  /** Where `GET /metrics` is served; without it, nowhere. */
  readonly metrics?: { readonly port: number; readonly host: string };
  /** What may not be meant so; said at the start. */
  readonly warnings: readonly string[];
}

const DEFAULT_FILE = './data/credits.sqlite';
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** Names every bad variable at once, so that an operator mends the environment in one go. */
export class ConfigError extends Error {
  readonly code = 'ERR_ENVIRONMENT';

  constructor(readonly problems: readonly string[]) {
    super(
      `The environment has ${problems.length} bad variable${problems.length === 1 ? '' : 's'}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

let current: Config | undefined;

/** The process's own configuration, read at the first call. */
export function currentConfig(): Config {
  return (current ??= readConfig(process.env));
}

/**
 * Reads the environment.
 * @param env the variables, usually `process.env`; an empty value counts as absent
 * @param dataDir where a generated secret is kept (mode 0600)
 * @throws ConfigError naming every bad variable
 */
export function readConfig(env: NodeJS.ProcessEnv, dataDir = resolve('data')): Config {
  const problems: string[] = [];
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const oneOf = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    const value = text(name);
    if (value === undefined) return fallback;
    if ((allowed as readonly string[]).includes(value)) return value as T;
    problems.push(`${name} must be one of ${allowed.join(', ')}`);
    return fallback;
  };
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    const parsed = /^\d+$/.test(value) ? Number(value) : NaN;
    if (parsed >= min && parsed <= max) return parsed;
    problems.push(`${name} must be a whole number from ${min} to ${max}`);
    return fallback;
  };
  const httpUrl = (name: string): string | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
    problems.push(`${name} must be an http(s) URL`);
    return undefined;
  };
  const list = (name: string): string[] =>
    (text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean);

  const production = env['NODE_ENV'] === 'production';
  const port = integer('PORT', 3001, 1, 65535);
  const metricsPort = integer('METRICS_PORT', 0, 0, 65535);
  const host = text('HOST') ?? '0.0.0.0';

  const corsOrigins = list('CORS_ORIGINS');
  for (const origin of corsOrigins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      problems.push(`CORS_ORIGINS: ${origin} is not an origin such as https://app.example.com`);
  }

  const config: Config & { warnings: string[] } = {
    production,
    host,
    port,
    logLevel: oneOf('LOG_LEVEL', LOG_LEVELS, 'info'),
    database: readDatabase(text('DATABASE_URL') ?? `sqlite:${DEFAULT_FILE}`, problems),
    migrateOnStart: oneOf('MIGRATE_ON_START', ['true', 'false'], 'true') === 'true',
    jwt: {
      key: readJwtKey(text, production, dataDir, problems),
      issuer: text('JWT_ISSUER'),
      audience: text('JWT_AUDIENCE'),
    },
    payments: {
      ...readPayments(text, list('STRIPE_WEBHOOK_SECRET'), httpUrl('STRIPE_API_BASE'), production, problems),
      automaticTax: oneOf('STRIPE_AUTOMATIC_TAX', ['true', 'false'], 'false') === 'true',
      promotionCodes: oneOf('STRIPE_PROMOTION_CODES', ['true', 'false'], 'false') === 'true',
      reconcileEverySeconds: integer('RECONCILE_EVERY_SECONDS', 300, 0, 86_400),
    },
    publicUrl: httpUrl('PUBLIC_URL') ?? `http://localhost:${port}`,
    checkoutSuccessUrl: httpUrl('CHECKOUT_SUCCESS_URL'),
    checkoutCancelUrl: httpUrl('CHECKOUT_CANCEL_URL'),
    catalog: readCatalog(text('CATALOG_FILE'), problems),
    rateLimitPerMinute: integer('RATE_LIMIT_PER_MINUTE', 6000, 0, 100_000_000),
    corsOrigins,
    metrics: metricsPort === 0 ? undefined : { port: metricsPort, host: text('METRICS_HOST') ?? '127.0.0.1' },
    warnings: [],
  };
  if (production && text('DATABASE_URL') === undefined)
    config.warnings.push(
      `DATABASE_URL is not set: the ledger is the file ${resolve(DEFAULT_FILE)}, on this machine alone`,
    );
  if (production && config.payments.provider === 'stripe')
    for (const [name, given] of [
      ['STRIPE_WEBHOOK_SECRET', config.payments.webhookSecrets.length > 0],
      ['PUBLIC_URL', text('PUBLIC_URL') !== undefined],
    ] as const)
      if (!given) problems.push(`${name} is required in production with STRIPE_SECRET_KEY`);
  if (metricsPort === port) problems.push('METRICS_PORT must be another port than PORT');
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readJwtKey(
  text: (name: string) => string | undefined,
  production: boolean,
  dataDir: string,
  problems: string[],
): JwtKeyConfig {
  const [secret, pem, url] = [text('JWT_SECRET'), text('JWT_PUBLIC_KEY'), text('JWT_JWKS_URL')];
  if ([secret, pem, url].filter((value) => value !== undefined).length > 1) {
    problems.push('JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_URL: give exactly one of them');
  }
  if (secret !== undefined && Buffer.byteLength(secret) < 32) problems.push('JWT_SECRET must have at least 32 bytes');
  const publicKey = pem === undefined ? undefined : readPublicKey(pem);
  if (publicKey === null)
    problems.push(
      'JWT_PUBLIC_KEY must be a PEM public key: RSA of 2048 bits or more (RS256), P-256 (ES256) or Ed25519 (EdDSA)',
    );
  if (url !== undefined && !(URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)))
    problems.push('JWT_JWKS_URL must be an http(s) URL');
  if (publicKey) return publicKey;
  if (url !== undefined) return { kind: 'jwks', url };
  if (secret !== undefined) return { kind: 'secret', secret, from: 'JWT_SECRET' };
  if (production) {
    problems.push('JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL is required in production');
    return { kind: 'secret', secret: '', from: '' };
  }
  const file = join(dataDir, 'jwt-secret');
  return { kind: 'secret', secret: generatedSecret(file), from: `the secret in ${file}` };
}

function readCatalog(file: string | undefined, problems: string[]): Config['catalog'] {
  try {
    const text = readFileSync(file ?? new URL('../../../catalog.json', import.meta.url), 'utf8');
    const catalog: unknown = JSON.parse(text, (key, value: unknown) => {
      if (value === null) throw new Error(`${key || 'it'} must not be null; leave the field out`);
      return value;
    });
    if (typeof catalog === 'object' && catalog !== null) return catalog;
    problems.push('CATALOG_FILE must hold a JSON object');
  } catch (error) {
    problems.push(`CATALOG_FILE can not be read: ${(error as Error).message}`);
  }
  return {};
}

function readPublicKey(pem: string): JwtKeyConfig | null {
  try {
    // A PEM in an environment file usually carries its line breaks as the two characters \n.
    const key = createPublicKey(pem.replaceAll('\\n', '\n'));
    if (key.asymmetricKeyType === 'rsa' && key.asymmetricKeyDetails!.modulusLength! >= 2048)
      return { kind: 'public', key, algorithm: 'RS256' };
    if (key.asymmetricKeyType === 'ed25519') return { kind: 'public', key, algorithm: 'EdDSA' };
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return { kind: 'public', key, algorithm: 'ES256' };
    return null;
  } catch {
    return null;
  }
}

/**
 * Reads the secret that the first start left, or makes it; the link is atomic, so of two processes that start together
 * both read the same one.
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

function readPayments(
  text: (name: string) => string | undefined,
  webhookSecrets: string[],
  apiBase: string | undefined,
  production: boolean,
  problems: string[],
): Omit<Config['payments'], 'automaticTax' | 'promotionCodes' | 'reconcileEverySeconds'> {
  const stripeKey = text('STRIPE_SECRET_KEY');
  const asked = text('PAYMENTS_PROVIDER') ?? 'auto';
  if (!['auto', 'stripe', 'sandbox', 'off'].includes(asked))
    problems.push('PAYMENTS_PROVIDER must be one of auto, stripe, sandbox, off');
  if (stripeKey !== undefined && !/^(sk|rk)_(test|live)_\w+$/.test(stripeKey))
    problems.push('STRIPE_SECRET_KEY must be a secret or restricted key (sk_… or rk_…)');
  if (asked === 'stripe' && stripeKey === undefined)
    problems.push('STRIPE_SECRET_KEY is required with PAYMENTS_PROVIDER=stripe');
  if (apiBase !== undefined && production) problems.push('STRIPE_API_BASE is for tests and refused in production');
  const provider =
    asked === 'auto' ? (stripeKey ? 'stripe' : production ? 'off' : 'sandbox') : (asked as PaymentsProviderName);
  return { provider, stripeKey, webhookSecrets, stripeApiBase: apiBase ? new URL(apiBase) : undefined };
}
