import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Config } from '../common/config/index.js';
import { ApiError, PUBLIC_ROUTE } from '../common/http/index.js';
import { fromHeader } from './jwt.strategy.js';
import type { Principal } from './principal.js';
import { TokenVerifier } from './token-verifier.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Denies by default: every route without `@Public()` needs a valid token. */
@Injectable()
export class JwtAuthGuard extends AuthGuard('jwt') {
  private readonly origins: ReadonlySet<string>;
  private readonly publicRoutes = new Map<unknown, boolean>();

  constructor(
    private readonly reflector: Reflector,
    private readonly verifier: TokenVerifier,
    config: Config,
  ) {
    super();
    this.origins = new Set([new URL(config.publicUrl).origin, ...config.corsOrigins]);
  }

  /** Lets a token that was verified before through at once. Passport and its promises are for all others. */
  override canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (this.isPublic(context)) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest & { user: Principal }>();
    const token = fromHeader(request);
    const known = token === null ? undefined : this.verifier.remembered(token);
    if (known) {
      request.user = known;
      return true;
    }
    return this.authenticate(context, request, token === null);
  }

  private async authenticate(context: ExecutionContext, request: FastifyRequest, byCookie: boolean): Promise<boolean> {
    await super.canActivate(context);
    // A browser sends the cookie with every request, even one that another site caused.
    if (byCookie && !SAFE_METHODS.has(request.method) && !this.isSameOrigin(request)) {
      throw new ApiError(
        'FORBIDDEN',
        'A write with the cookie must come from the same origin. Send the token in the Authorization header.',
      );
    }
    return true;
  }

  private isPublic(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    let known = this.publicRoutes.get(handler);
    if (known === undefined) {
      known =
        this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, [handler, context.getClass()]) ?? false;
      this.publicRoutes.set(handler, known);
    }
    return known;
  }

  override handleRequest<T = Principal>(error: unknown, user: T | false, info: unknown): T {
    const unavailable = [error, info].find((thrown) => thrown instanceof ApiError);
    if (unavailable) throw unavailable;
    if (error || !user) throw new ApiError('UNAUTHORIZED');
    return user;
  }

  private isSameOrigin(request: FastifyRequest): boolean {
    const { origin, host } = request.headers;
    if (origin === undefined) return request.headers['sec-fetch-site'] === 'same-origin';
    return this.origins.has(origin) || (URL.canParse(origin) && new URL(origin).host === host);
  }
}

/** Lets only administrators pass. */
@Injectable()
export class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { user } = context.switchToHttp().getRequest<{ user: Principal }>();
    if (!user.admin)
      throw new ApiError('FORBIDDEN', "This needs the administrator role. Use an administrator's token.");
    return true;
  }
}
