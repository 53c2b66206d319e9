import { type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import {
  type AccountName,
  type Action,
  type Operation,
  type Post,
  type Stored,
  toStored,
  type Unit,
} from '../ledger/index.js';

/** The key and trace id of a request. */
export type Asked = Pick<Idempotency, 'key' | 'traceId'>;

/**
 * The operation that a request asks for.
 * @param request the parts of the request that make it the same one again; asked for only under a key
 */
export function operation(
  account: AccountName,
  scope: string,
  action: Action,
  { key, traceId }: Asked,
  request: () => object,
): Operation {
  return { account, scope, key, hash: key === undefined ? '' : requestHash(request()), traceId, action };
}

/** An entry to post, with its amount as JSON carries it, signed. */
export interface Posting
  extends Pick<Post, 'type'>, Partial<Pick<Post, 'description' | 'model' | 'purchaseId' | 'overdraw'>> {
  readonly amount: number;
  readonly metadata?: object;
}

/** @throws ApiError VALIDATION_ERROR for an amount that the ledger does not hold exactly */
export function posting(
  account: AccountName,
  unit: Unit,
  scope: string,
  asked: Asked,
  { metadata, ...posted }: Posting,
): Operation<Post> {
  const action: Post = {
    kind: 'post',
    type: posted.type,
    amount: storedAmount(unit, posted.amount),
    description: posted.description ?? null,
    metadata: textOf(metadata),
    model: posted.model ?? null,
    purchaseId: posted.purchaseId ?? null,
    overdraw: posted.overdraw ?? false,
  };
  return operation(account, scope, action, asked, () => ({ ...action, metadata: metadata ?? null })) as Operation<Post>;
}

/** @throws ApiError VALIDATION_ERROR for an amount that the ledger does not hold exactly */
export function storedAmount(unit: Unit, amount: number): Stored {
  const stored = toStored(unit, amount);
  if (stored === undefined) throw invalidField('amount', 'is outside the range that the ledger holds exactly');
  return stored;
}

/** Metadata as an entry or hold keeps it. */
export function textOf(metadata: object | undefined): string | null {
  return metadata ? JSON.stringify(metadata) : null;
}
