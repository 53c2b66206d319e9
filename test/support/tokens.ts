import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';

/** The secret that every server under test is started with. */
export const JWT_SECRET = 'a-secret-of-the-tests-with-more-than-32-bytes';

/** Who a token speaks for. */
export interface Who {
  sub?: string;
  org?: string;
  admin?: boolean;
  /** Any other claim; undefined takes one out. */
  claims?: Record<string, unknown>;
}

const KEY = createSecretKey(JWT_SECRET, 'utf8');

/** A token that the servers under test accept for an hour, unless `claims` says otherwise. */
export function mintToken({ sub = 'tester', org, admin = false, claims = {} }: Who = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    sub,
    iat: now,
    exp: now + 3600,
    ...(org ? { org_id: org } : {}),
    ...(admin ? { role: 'admin' } : {}),
    ...claims,
  };
  return new SignJWT(all).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(KEY);
}
