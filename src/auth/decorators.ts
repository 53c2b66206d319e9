import { applyDecorators, createParamDecorator, type ExecutionContext, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiExtension } from '@nestjs/swagger';
import { ApiErrors, FOR_ADMINISTRATORS } from '../common/http/index.js';
import { AdminGuard } from './guards.js';
import type { Principal } from './principal.js';

/** Injects the request's principal into a handler. */
export const CurrentPrincipal = createParamDecorator(
  (_: unknown, context: ExecutionContext): Principal => context.switchToHttp().getRequest<{ user: Principal }>().user,
);

/** Documents that a route needs a token; the guard demands one anyway. */
export const Authenticated = () =>
  applyDecorators(ApiBearerAuth('bearer'), ApiCookieAuth('cookie'), ApiErrors('UNAUTHORIZED', 'RATE_LIMITED'));

/** A route for administrators. */
export const AdminOnly = () =>
  applyDecorators(Authenticated(), UseGuards(AdminGuard), ApiExtension(FOR_ADMINISTRATORS, true));
