import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { ApiError, type FieldProblem, invalidField } from './errors.js';
import { EVERY_OBJECTS } from './json.js';

const ANY_QUERY = Symbol('any query');

/** A route that ignores its query string: probes and monitors add their own parameters. */
export const AnyQuery = () => SetMetadata(ANY_QUERY, true);

/**
 * Refuses a query on routes that read none. Where there is a query DTO, the validation pipe refuses unknown names,
 * except those that it never sees.
 */
@Injectable()
export class UnknownQueryGuard implements CanActivate {
  private readonly takesQuery = new Map<unknown, boolean>();

  canActivate(context: ExecutionContext): boolean {
    const names = Object.keys(context.switchToHttp().getRequest<FastifyRequest>().query as object);
    if (names.length === 0) return true;
    const unseen = names.find((name) => EVERY_OBJECTS.has(name));
    if (unseen !== undefined) throw invalidField(unseen, 'is not a known field');
    if (this.hasQuery(context)) return true;
    throw new ApiError('VALIDATION_ERROR', 'This route takes no query. Leave the query out.', {
      details: names.map((field): FieldProblem => ({ field, message: 'is not a known field' })),
    });
  }

  private hasQuery(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    let known = this.takesQuery.get(handler);
    if (known === undefined) {
      const parameters = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), handler.name) ?? {}) as object;
      known =
        Reflect.hasMetadata(ANY_QUERY, handler) ||
        Object.keys(parameters).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`));
      this.takesQuery.set(handler, known);
    }
    return known;
  }
}
