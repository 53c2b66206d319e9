import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { BodyGuard, UnknownQueryGuard } from '../common/http/index.js';
import { JwtAuthGuard } from './guards.js';
import { JwtStrategy } from './jwt.strategy.js';
import { RateLimitGuard } from './rate-limit.guard.js';
import { TokenVerifier } from './token-verifier.js';

/** The guards of every route, in their order: authentication, the rate limit, unknown queries, and the body. */
@Module({
  providers: [
    TokenVerifier,
    JwtStrategy,
    { provide: APP_GUARD, useClass: JwtAuthGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    { provide: APP_GUARD, useClass: UnknownQueryGuard },
    { provide: APP_GUARD, useClass: BodyGuard },
  ],
})
export class AuthModule {}
