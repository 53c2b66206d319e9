import { parseArgs } from 'node:util';
import type { JWTPayload } from 'jose';
import { signToken, TokenVerifier } from '../auth/index.js';
import { type Config, currentConfig } from '../common/config/index.js';
import { remark, run, UsageError } from './run.js';

const ANSWERS_WITHIN_MS = 1_000;
const ROLES = ['owner', 'admin', 'billing', 'member'];

interface Claims extends JWTPayload {
  readonly sub: string;
  readonly org_id?: string;
  readonly org_role?: string;
  readonly role?: string;
}

/** Signs claims, to expire after a span such as 1h. */
type Mint = (claims: JWTPayload, expires: string) => Promise<string>;

/**
 * Prints a token for trying out the API, signed with this installation's secret. A line on standard error names its
 * user.
 */
async function token(): Promise<void> {
  const { values } = parseArgs({
    options: {
      user: { type: 'string' },
      org: { type: 'string' },
      'org-role': { type: 'string' },
      admin: { type: 'boolean' },
      expires: { type: 'string', default: '1h' },
    },
  });
  if (!values.user) throw new UsageError('--user is missing.');
  const config = currentConfig();
  const { key } = config.jwt;
  if (key.kind !== 'secret')
    throw new UsageError(
      'Only an installation with JWT_SECRET can sign tokens. With a public key or a key set, its owner signs them.',
    );
  const mint: Mint = (claims, expires) => sign(config, claims, expires);
  const claims = claimsOf(values.user, values);
  const signed = await mint(claims, values.expires);
  process.stdout.write(`${signed}\n`);
  const organization = claims.org_id ? `, ${claims.org_role ?? 'member'} of organization ${claims.org_id}` : '';
  remark(
    `For user ${claims.sub}${organization}${claims.role ? ', an administrator' : ''}, for ${values.expires}; ` +
      `signed with ${key.from}.`,
  );
  const reason = (await refusedHere(config, signed)) ?? (await refusedThere(config, mint));
  if (reason) remark(`Warning: the token will be refused. ${reason}`);
}

interface Asked {
  readonly org?: string;
  readonly 'org-role'?: string;
  readonly admin?: boolean;
}

/** @throws UsageError for a role without an organization, or one that does not exist */
function claimsOf(sub: string, { org, 'org-role': role, admin }: Asked): Claims {
  if (role !== undefined && !org) throw new UsageError('--org-role needs --org.');
  if (role !== undefined && !ROLES.includes(role)) throw new UsageError(`--org-role is one of ${ROLES.join(', ')}.`);
  return {
    sub,
    ...(org ? { org_id: org } : {}),
    ...(role ? { org_role: role } : {}),
    ...(admin ? { role: 'admin' } : {}),
  };
}

async function sign(config: Config, claims: JWTPayload, expires: string): Promise<string> {
  try {
    return await signToken(config, claims, expires);
  } catch {
    throw new UsageError(`--expires ${expires} is not a span of time such as 1h.`);
  }
}

/** The reason why a server with this configuration would refuse the token. */
async function refusedHere(config: Config, signed: string): Promise<string | undefined> {
  try {
    if (await new TokenVerifier(config).verify(signed)) return undefined;
    return '--user and --org must be 1 to 200 visible ASCII characters.';
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * The reason why the server at this configuration's address refuses such tokens. The test token grants nothing and soon
 * expires, because another program may listen there.
 */
async function refusedThere({ host: address, port }: Config, mint: Mint): Promise<string | undefined> {
  const host = ['0.0.0.0', '::'].includes(address) ? 'localhost' : address;
  const origin = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  try {
    const answer = await fetch(`${origin}/api/credits/balance`, {
      headers: { authorization: `Bearer ${await mint({ sub: 'npm-run-token' }, '10s')}` },
      signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    });
    const { error } = (await answer.json()) as { error?: { code?: string } };
    if (error?.code !== 'UNAUTHORIZED') return undefined;
    return `The server at ${origin} runs with another JWT_SECRET, JWT_ISSUER or JWT_AUDIENCE, or from another folder.`;
  } catch {
    // Nothing listens there, or another program does.
    return undefined;
  }
}

run('npm run token -- --user <id> [--org <id> [--org-role <role>]] [--admin] [--expires 1h]', token);
