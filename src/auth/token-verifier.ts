import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { LRUCache } from 'lru-cache';
import { Config } from '../common/config/index.js';
import { ApiError } from '../common/http/index.js';
import { type Principal, principalOf } from './principal.js';

const REMEMBERED = 10_000;
const REMEMBERED_MS = 5 * 60_000;

/**
 * Verifies a token's signature and claims, and returns its principal. A good token is remembered for at most five
 * minutes, because verifying it costs more than the rest of a request. Its expiry is checked every time.
 */
@Injectable()
export class TokenVerifier {
  private readonly verified = new LRUCache<string, { principal: Principal; expiresAt: number }>({
    max: REMEMBERED,
    ttl: REMEMBERED_MS,
  });
  private readonly key: JWTVerifyGetKey;
  private readonly options: JWTVerifyOptions;

  constructor(config: Config) {
    const { key, issuer, audience } = config.jwt;
    const algorithms =
      key.kind === 'secret' ? ['HS256'] : key.kind === 'public' ? [key.algorithm] : ['RS256', 'ES256', 'EdDSA'];
    this.options = { algorithms, issuer, audience, requiredClaims: ['exp'] };
    if (key.kind === 'jwks') {
      const keys = createRemoteJWKSet(new URL(key.url), { timeoutDuration: 5_000 });
      this.key = (header, token) => keys(header, token).catch(unlessUnknownKey);
    } else {
      const material = key.kind === 'secret' ? createSecretKey(key.secret, 'utf8') : key.key;
      this.key = () => material;
    }
  }

  /** The principal of a remembered token that has not expired since. */
  remembered(token: string): Principal | undefined {
    const known = this.verified.get(token);
    return known && known.expiresAt > Date.now() ? known.principal : undefined;
  }

  /**
   * @returns undefined when the token can't be trusted
   * @throws ApiError UNAUTHORIZED when the token is genuine and has expired, OVERLOADED when the key set can't be
   *   fetched or read
   */
  async verify(token: string): Promise<Principal | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.key, this.options);
      const principal = principalOf(payload);
      if (principal) this.verified.set(token, { principal, expiresAt: payload.exp! * 1000 });
      return principal;
    } catch (error) {
      if (error instanceof errors.JWTExpired)
        throw new ApiError('UNAUTHORIZED', 'The token has expired; get a new one.');
      if (error instanceof ApiError) throw error;
      return undefined;
    }
  }
}

/** An unknown key is the token's fault; every other failure is the key set's. */
function unlessUnknownKey(error: unknown): never {
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
  throw new ApiError('OVERLOADED', 'The keys that verify tokens cannot be fetched. Send the request again.', {
    retryAfterSeconds: 5,
  });
}
