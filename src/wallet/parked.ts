import { randomBytes } from 'node:crypto';
import { Answered, type ApiError, requestHash } from '../common/http/index.js';
import type { Operation, Spend } from '../ledger/index.js';
import type { MovementBody } from './requests.js';

/** Spending that waits for a price. */
export interface Parked {
  readonly id: string;
  readonly status: 'parked';
}

/** A spending that nothing prices. */
export interface UnpricedSpending {
  readonly asked: Operation<Spend>;
  readonly body: MovementBody;
  /** What a server that parks nothing answers. */
  readonly refusal: ApiError;
}

/** The answer that a parked spending gets. */
export function parked(id: string, replayed: boolean): Answered<Parked> {
  return new Answered({ id, status: 'parked' } as const, replayed, undefined, 202);
}

/** The id under which a spending is parked; it follows from the key, if it has one. */
export function parkedId({ account, scope, key }: Operation): string {
  const digits =
    key === undefined
      ? randomBytes(16).toString('hex')
      : Buffer.from(requestHash({ account, scope, key }), 'base64url').toString('hex').slice(0, 32);
  return `park_${digits}`;
}
