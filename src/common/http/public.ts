import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

/** The mark of a route that needs no token. */
export const PUBLIC_ROUTE = Symbol('public route');

/** Opens a route to everybody. Every other route needs a token. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC_ROUTE, true), ApiSecurity({}));
