import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Config } from '../common/config/index.js';
import { ApiError } from '../common/http/index.js';
import type { Principal } from './principal.js';

/**
 * Limits requests per principal and minute, in this process. Administrators have no limit, because the platform's own
 * services are administrators.
 */
@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly limiter?: RateLimiterMemory;

  constructor(config: Config) {
    if (config.rateLimitPerMinute > 0)
      this.limiter = new RateLimiterMemory({ points: config.rateLimitPerMinute, duration: 60 });
  }

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { user } = context.switchToHttp().getRequest<{ user?: Principal }>();
    if (!this.limiter || !user || user.admin) return true;
    return this.count(this.limiter, user, context.switchToHttp().getResponse<FastifyReply>());
  }

  private async count(
    limiter: RateLimiterMemory,
    { account, subject }: Principal,
    reply: FastifyReply,
  ): Promise<boolean> {
    try {
      this.tell(reply, await limiter.consume(`${account} ${subject}`));
      return true;
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      this.tell(reply, refused);
      throw new ApiError('RATE_LIMITED', undefined, { retryAfterSeconds: Math.ceil(refused.msBeforeNext / 1000) });
    }
  }

  /** `X-RateLimit-Reset` is the time when the count starts again, in seconds since 1970. */
  private tell(reply: FastifyReply, state: RateLimiterRes): void {
    void reply.headers({
      'X-RateLimit-Limit': String(this.limiter!.points),
      'X-RateLimit-Remaining': String(Math.max(0, state.remainingPoints)),
      'X-RateLimit-Reset': String(Math.ceil((Date.now() + state.msBeforeNext) / 1000)),
    });
  }
}
