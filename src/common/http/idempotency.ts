import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { stringify } from 'safe-stable-stringify';
import { invalidField } from './errors.js';
import { fieldRule } from './validation.js';

/** The `Idempotency-Key` header of a request, and where the request came from. */
export interface Idempotency {
  /** 1–255 visible ASCII characters. Without a key, every request is a new operation. */
  readonly key?: string;
  /** The request's trace id. A recorded refusal keeps it, because a replay repeats the first answer's body exactly. */
  readonly traceId: string;
  /** The socket's, or the one that a trusted proxy forwards. */
  readonly clientAddress: string;
}

const KEY = /^[\x21-\x7e]{1,255}$/;
const KEY_RULE = 'must be 1 to 255 visible ASCII characters';

/** An idempotency key in a body. */
export const IsKey = fieldRule(
  'isKey',
  (value) => (typeof value === 'string' && KEY.test(value) ? undefined : KEY_RULE),
  { minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
);

/** Injects the request's `Idempotency` into a handler; a malformed header is a 400. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext): Idempotency => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const header = request.headers['idempotency-key'];
  if (header !== undefined && !KEY.test(String(header))) throw invalidField('Idempotency-Key', KEY_RULE);
  return { key: header as string | undefined, traceId: request.id, clientAddress: request.ip };
});

/** Hashes a request's fields, in an order of its own. Two requests with the same fields are the same request. */
export function requestHash(request: object): string {
  return createHash('sha256').update(stringify(request)).digest('base64url');
}
