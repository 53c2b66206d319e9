import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiSecurity } from '@nestjs/swagger';

/** The mark that the authentication guard looks for. */
export const PUBLIC_ROUTE = Symbol('public route');

/** Opens a route to everybody; without it a route needs a token. */
export const Public = () => applyDecorators(SetMetadata(PUBLIC_ROUTE, true), ApiSecurity({}));
