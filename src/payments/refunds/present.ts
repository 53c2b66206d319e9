import type { AuditEntry } from '../../common/audit/index.js';
import { ApiError, type ErrorCode, type Idempotency } from '../../common/http/index.js';
import type { Purchase } from '../checkout/index.js';
import type { PurchaseRefundRequest } from './refund-request.entity.js';
import type { RefundDto } from './refunds.dto.js';

/** What the audit says of a refund. */
export function recordOf(
  { id, currency }: Purchase,
  {
    id: refund,
    account,
    actor,
    amount,
    reason,
  }: Pick<PurchaseRefundRequest, 'id' | 'account' | 'actor' | 'amount' | 'reason'>,
  { traceId, clientAddress }: Idempotency,
): AuditEntry {
  const after = { refund, amount: amount / 100, currency, reason };
  return { actor, action: 'purchases.refund', account, target: id, before: null, after, traceId, clientAddress };
}

/** The reason why a refund is refused. Its code is always CONFLICT. */
export interface Refusal {
  readonly message: string;
  readonly details: unknown;
}

/**
 * @param replayedIn the trace id of the request that repeats an earlier one
 * @throws ApiError CONFLICT for a refund that was refused
 */
export function toRefundDto(
  request: PurchaseRefundRequest,
  { id, currency }: Purchase,
  replayedIn: string | undefined,
): RefundDto {
  if (request.status === 'refused' || request.status === 'asked') {
    const { message, details, traceId } = JSON.parse(request.refusal ?? '{}') as Refusal & { traceId?: string };
    throw new ApiError('CONFLICT' satisfies ErrorCode, message, {
      details,
      ...(replayedIn && { replayedFrom: traceId ?? replayedIn }),
    });
  }
  return {
    refund_id: request.id,
    purchase_id: id,
    amount: request.amount / 100,
    currency,
    reason: request.reason,
    status: request.status,
    created_at: new Date(request.createdAt).toISOString(),
  };
}
