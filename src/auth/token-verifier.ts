import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { LRUCache } from 'lru-cache';
import { Config } from '../common/config/index.js';
import { ApiError } from '../common/http/index.js';

const REMEMBERED = 10_000;
const REMEMBERED_MS = 5 * 60_000;

/**
 * Checks a token's signature and claims. A token that passed is remembered for at most five minutes, because checking the signature costs more
 * than the rest of a request; its expiry is looked at every time.
 */
@Injectable()
export class TokenVerifier {
  private readonly verified = new LRUCache<string, JWTPayload>({ max: REMEMBERED, ttl: REMEMBERED_MS });
  private readonly key: JWTVerifyGetKey;
  private readonly options: JWTVerifyOptions;

  constructor(config: Config) {
    const { key, issuer, audience } = config.jwt;
    const algorithms = key.kind === 'secret' ? ['HS256'] : key.kind === 'public' ? [key.algorithm] : ['RS256', 'ES256', 'EdDSA'];
    this.options = { algorithms, issuer, audience, requiredClaims: ['exp'] };
    if (key.kind === 'jwks') {
      this.key = createRemoteJWKSet(new URL(key.url), { timeoutDuration: 5_000 });
    } else {
      const material = key.kind === 'secret' ? createSecretKey(key.secret, 'utf8') : key.key;
      this.key = () => material;
    }
  }

  /** The claims of a token that passed before and has not expired; at once, for a request has better things to do than to wait for a promise. */
  remembered(token: string): JWTPayload | undefined {
    const claims = this.verified.get(token);
    return claims && claims.exp! * 1000 > Date.now() ? claims : undefined;
  }

  /**
   * @returns the claims, or undefined when the token is not to be trusted
   * @throws ApiError OVERLOADED when the key set can't be fetched, which says nothing about the token
   */
  async verify(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.key, this.options);
      this.verified.set(token, payload);
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC')
        return undefined;
      if (error instanceof TypeError && this.options.algorithms?.length === 1) return undefined;
      throw new ApiError('OVERLOADED', 'The keys that verify tokens can not be fetched.', { retryAfterSeconds: 5 });
    }
  }
}
