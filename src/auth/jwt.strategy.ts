import { parse } from 'cookie';
import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { type Principal, principalOf } from './principal.js';
import { TokenVerifier } from './token-verifier.js';

/** The cookie that may carry the token in place of the header. */
const TOKEN_COOKIE = 'assimetria_jwt';

type Verified = (error: unknown, claims?: Record<string, unknown>) => void;

const fromHeader = ExtractJwt.fromAuthHeaderAsBearerToken() as unknown as (request: FastifyRequest) => string | null;

const fromCookie = ({ headers }: FastifyRequest) => parse(headers.cookie ?? '')[TOKEN_COOKIE] ?? null;

/** Whether the request's token came in the cookie, which a browser sends along unasked. */
export function usesCookie(request: FastifyRequest): boolean {
  return fromHeader(request) === null;
}

/** passport-jwt takes the token from the header or the cookie; the verifier behind it is ours, because jsonwebtoken knows no EdDSA and remembers nothing. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(verifier: TokenVerifier) {
    super({
      jwtFromRequest: ((request: FastifyRequest) => fromHeader(request) ?? fromCookie(request)) as never,
      secretOrKeyProvider: (_request: unknown, _token: unknown, done: (error: null, key: string) => void) =>
        done(null, 'held by TokenVerifier'),
    });
    (Strategy as unknown as { JwtVerifier: unknown }).JwtVerifier = (token: string, _key: unknown, _options: unknown, done: Verified) => {
      const known = verifier.remembered(token);
      if (known) done(null, known);
      else verifier.verify(token).then((claims) => (claims ? done(null, claims) : done(new Error('invalid token'))), done);
    };
  }

  validate(claims: Record<string, unknown>): Principal | false {
    return principalOf(claims) ?? false;
  }
}
