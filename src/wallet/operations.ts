import { actorOn, type Principal } from '../auth/index.js';
import { type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import {
  type AccountName,
  type Action,
  type Dimensions,
  type Operation,
  ownerAndUnit,
  type Post,
  type Stored,
  toStored,
  type Unit,
} from '../ledger/index.js';
import type { MovementBody } from './requests.js';

/** Who asks, with which key and trace id. */
export type Asked = Pick<Operation, 'key' | 'clientKey' | 'traceId' | 'actor'>;

/** What a request on an account says of itself. */
export function askedBy(who: Principal, account: AccountName, { key, traceId }: Idempotency): Asked {
  return { key, clientKey: key, traceId, actor: actorOn(who, ownerAndUnit(account).owner) };
}

/**
 * The operation that a request asks for.
 * @param request the parts of the request that make it the same one again; asked for only under a key
 */
export function operation(
  account: AccountName,
  scope: string,
  action: Action,
  asked: Asked,
  request: () => object,
): Operation {
  const { key, clientKey, traceId, actor } = asked;
  return {
    account,
    scope,
    key,
    clientKey,
    hash: key === undefined ? '' : requestHash(request()),
    traceId,
    actor,
    action,
  };
}

/** An entry to post; its amount is signed. */
export interface Posting
  extends Omit<MovementBody, 'account'>, Pick<Post, 'type'>, Partial<Pick<Post, 'purchaseId' | 'overdraw'>> {}

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
    ...dimensionsOf(posted),
    purchaseId: posted.purchaseId ?? null,
    overdraw: posted.overdraw ?? false,
  };
  return operation(account, scope, action, asked, () => ({ ...action, metadata: metadata ?? null })) as Operation<Post>;
}

/** @throws ApiError VALIDATION_ERROR for an amount that the ledger does not hold exactly */
export function storedAmount(unit: Unit, amount: number, field = 'amount'): Stored {
  const stored = toStored(unit, amount);
  if (stored === undefined) throw invalidField(field, 'is outside the range that the ledger holds exactly');
  return stored;
}

/** What a body says that an amount is spent for. */
export function dimensionsOf({ agent, run_id, model }: Pick<MovementBody, 'agent' | 'run_id' | 'model'>): Dimensions {
  return { agent: agent ?? null, runId: run_id ?? null, model: model ?? null };
}

/** Metadata as an entry or hold keeps it. */
export function textOf(metadata: object | undefined): string | null {
  return metadata ? JSON.stringify(metadata) : null;
}
