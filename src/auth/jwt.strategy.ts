import { parse } from 'cookie';
import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Strategy } from 'passport-jwt';
import type { Principal } from './principal.js';
import { TokenVerifier } from './token-verifier.js';

/** The cookie that may carry the token in place of the header. */
const TOKEN_COOKIE = 'assimetria_jwt';

type Verified = (error: unknown, principal?: Principal) => void;

/** A longer header carries no token of ours, so it is not read. */
const LONGEST_HEADER = 4_096;
const SCHEME = 'bearer ';

type WithHeaders = Pick<FastifyRequest, 'headers'>;

/** The token of the header `Authorization: Bearer …`, or null. */
export function fromHeader({ headers: { authorization } }: WithHeaders): string | null {
  if (authorization === undefined || authorization.length > LONGEST_HEADER) return null;
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return null;
  return authorization.slice(SCHEME.length).trim() || null;
}

function fromCookie({ headers: { cookie = '' } }: WithHeaders): string | null {
  return cookie.length > LONGEST_HEADER ? null : (parse(cookie)[TOKEN_COOKIE] ?? null);
}

/**
 * passport-jwt takes the token from the header or the cookie. The verifier behind it is ours, because jsonwebtoken
 * supports no EdDSA and caches nothing.
 */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(verifier: TokenVerifier) {
    super({
      jwtFromRequest: ((request: FastifyRequest) => fromHeader(request) ?? fromCookie(request)) as never,
      secretOrKeyProvider: (_request: unknown, _token: unknown, done: (error: null, key: string) => void) =>
        done(null, 'held by TokenVerifier'),
    });
    (Strategy as unknown as { JwtVerifier: unknown }).JwtVerifier = (
      token: string,
      _key: unknown,
      _options: unknown,
      done: Verified,
    ) => {
      verifier
        .verify(token)
        .then((principal) => (principal ? done(null, principal) : done(new Error('invalid token'))), done);
    };
  }

  validate(principal: Principal): Principal {
    return principal;
  }
}
