import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { Config } from '../common/config/index.js';
import { ApiError, PUBLIC_ROUTE } from '../common/http/index.js';
import { usesCookie } from './jwt.strategy.js';
import type { Principal } from './principal.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Denies by default: every route that is not `@Public()` needs a valid token. */
@Injectable()
export class JwtAuthGuard extends AuthGuard('jwt') {
  private readonly origins: ReadonlySet<string>;

  constructor(
    private readonly reflector: Reflector,
    config: Config,
  ) {
    super();
    this.origins = new Set([new URL(config.publicUrl).origin, ...config.corsOrigins]);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, [context.getHandler(), context.getClass()])) return true;
    await super.canActivate(context);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    if (!SAFE_METHODS.has(request.method) && usesCookie(request) && !this.isSameOrigin(request)) {
      throw new ApiError('FORBIDDEN', 'A write that is authenticated by the cookie must come from the same origin.');
    }
    return true;
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

/** Lets only administrators in. */
@Injectable()
export class AdminGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { user } = context.switchToHttp().getRequest<{ user: Principal }>();
    if (!user.admin) throw new ApiError('FORBIDDEN', 'This needs the administrator role.');
    return true;
  }
}
