import type { FastifyRequest } from 'fastify';
import { ApiError, invalidField } from '../common/http/index.js';

/** What a member of an organization may do there. */
type OrgRole = 'owner' | 'admin' | 'billing' | 'member';

const MANAGERS: ReadonlySet<unknown> = new Set<OrgRole>(['owner', 'admin', 'billing']);

/** The caller of a request, according to its token. */
export interface Principal {
  /** The token's `sub`. */
  readonly subject: string;
  /** Whether the token carries the role `admin`. */
  readonly admin: boolean;
  /** `org:<org_id>` when the token names an organization, else `user:<sub>`. */
  readonly account: string;
  /** The role in the organization that the token names; absent when it names none. */
  readonly orgRole?: OrgRole;
}

const NAME = /^[\x21-\x7e]{1,200}$/;
const ACCOUNT = /^(user|org):[\x21-\x7e]{1,200}$/;

/** Reads the claims of a verified token; undefined when they name nobody. */
export function principalOf(claims: Record<string, unknown>): Principal | undefined {
  const subject = name(claims['sub']);
  if (subject === undefined) return undefined;
  const organization = claims['org_id'] === undefined || claims['org_id'] === null ? null : name(claims['org_id']);
  if (organization === undefined) return undefined;
  const roles = [claims['role'], claims['roles']].flat();
  const who = { subject, admin: roles.includes('admin') };
  if (organization === null) return { ...who, account: `user:${subject}` };
  const role = claims['org_role'];
  return { ...who, account: `org:${organization}`, orgRole: MANAGERS.has(role) ? (role as OrgRole) : 'member' };
}

function name(claim: unknown): string | undefined {
  const text = Number.isSafeInteger(claim) ? String(claim) : claim;
  return typeof text === 'string' && NAME.test(text) ? text : undefined;
}

/**
 * The account that a request works on.
 * @param named the `account` of its body or query
 * @throws ApiError FORBIDDEN when a caller without the administrator role names another account, VALIDATION_ERROR when
 *   the name is not an account
 */
export function accountFor(principal: Principal, named: string | undefined): string {
  if (named === undefined || named === principal.account) return principal.account;
  if (!principal.admin)
    throw new ApiError(
      'FORBIDDEN',
      'Only an administrator may name another account. Leave `account` out to use your own.',
    );
  if (!ACCOUNT.test(named)) throw invalidField('account', 'must be user:<id> or org:<id>');
  return named;
}

/** Who acts, as an entry of the account records it. */
export function actorOn({ subject, admin, account: own }: Principal, account: string): string {
  return `${admin && account !== own ? 'admin' : 'user'}:${subject}`;
}

/**
 * Whether somebody manages an account: its limits, keys, webhooks, automatic top-up and payment methods. A member of an
 * organization only reads and spends.
 */
export function mayManage({ admin, account: own, orgRole }: Principal, account: string): boolean {
  return admin || (account === own && (orgRole === undefined || MANAGERS.has(orgRole)));
}

/** What a caller can be allowed to do. */
export const SCOPES = [
  'credits:read',
  'credits:spend',
  'tokens:read',
  'tokens:spend',
  'purchases:read',
  'purchases:write',
  'limits:write',
  'keys:write',
  'account:manage',
] as const;
export type Scope = (typeof SCOPES)[number];

const MANAGING: ReadonlySet<Scope> = new Set(['limits:write', 'keys:write', 'account:manage']);

/** What the caller may do on its own account. */
export function scopesOf(who: Principal): Scope[] {
  return SCOPES.filter((scope) => !MANAGING.has(scope) || mayManage(who, who.account));
}

/**
 * The parties that a request's log line names: the account that it worked on, and its sender. A request without a token
 * names nobody.
 * @param status the status of its answer; after a 400 the account that it named can be any text
 */
export function partiesOf(
  { user, body, query }: Pick<FastifyRequest, 'body' | 'query'> & { user?: Principal },
  status: number,
): { account?: string; actor?: string } {
  if (!user) return {};
  const named = user.admin && status !== 400 ? ((body as Named)?.account ?? (query as Named)?.account) : undefined;
  const account = typeof named === 'string' ? named : user.account;
  return { account, actor: actorOn(user, account) };
}

type Named = { account?: unknown } | undefined;
