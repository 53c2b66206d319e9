import { SetMetadata } from '@nestjs/common';

/** The mark that the authentication guard looks for. */
export const PUBLIC_ROUTE = Symbol('public route');

/** Opens a route to everybody; without it a route needs a token. */
export const Public = () => SetMetadata(PUBLIC_ROUTE, true);
