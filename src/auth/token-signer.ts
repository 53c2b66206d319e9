import { createSecretKey } from 'node:crypto';
import { type JWTPayload, SignJWT } from 'jose';
import type { Config } from '../common/config/index.js';

/**
 * Signs a token that this installation accepts.
 * @param expires a span such as 1h
 * @throws Error when the installation has no secret, and for any other word of a span
 */
export async function signToken({ jwt }: Config, claims: JWTPayload, expires: string): Promise<string> {
  if (jwt.key.kind !== 'secret') throw new Error('Only an installation with a secret can sign tokens.');
  const unsigned = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setIssuedAt();
  if (jwt.issuer) unsigned.setIssuer(jwt.issuer);
  if (jwt.audience) unsigned.setAudience(jwt.audience);
  return unsigned.setExpirationTime(expires).sign(createSecretKey(jwt.key.secret, 'utf8'));
}
