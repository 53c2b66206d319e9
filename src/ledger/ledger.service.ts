import { Injectable } from '@nestjs/common';
import type { Tx } from '../common/database/index.js';
import { ApiError, type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import { type EntryType, fromStored, toStored, type Posting, type Rejection, type Unit } from './domain/index.js';
import { Lanes } from './lanes.js';
import type { TransactionDto } from './ledger.dto.js';
import { toTransaction } from './present.js';

/** What to post, with the amount as JSON carries it. */
export interface PostRequest extends Pick<Posting, 'type'>, Partial<Pick<Posting, 'description' | 'model' | 'purchaseId' | 'overdraw'>> {
  /** The account: `user:<id>` or `org:<id>`. */
  readonly account: string;
  readonly unit: Unit;
  /** What is done, as the scope of the idempotency key. */
  readonly operation: string;
  /** Signed, in the unit. */
  readonly amount: number;
  readonly metadata?: object;
  readonly idempotency?: Idempotency;
  /** Runs in the transaction that writes the entry, a replay included; what it throws undoes the whole. */
  readonly attach?: (tx: Tx) => Promise<void>;
}

/** What a paid purchase brings. */
export interface PurchaseGrant {
  readonly purchaseId: string;
  /** The account: `user:<id>` or `org:<id>`. */
  readonly account: string;
  /** A stored integer: micro-dollars or tokens. */
  readonly amount: number;
  readonly description: string;
  /** Runs in the transaction that writes the entry, a replay included; what it throws undoes the whole. */
  readonly attach: (tx: Tx) => Promise<void>;
}

/** The one way to change a balance. */
@Injectable()
export class LedgerService {
  constructor(private readonly lanes: Lanes) {}

  /**
   * Posts one entry and answers when it is durable.
   * @throws ApiError INSUFFICIENT_CREDITS or INSUFFICIENT_TOKENS when the available balance is short, CONFLICT when the balance would leave
   *   the range in which it is exact, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async post(request: PostRequest): Promise<TransactionDto> {
    const { account, unit, operation, idempotency, attach, description = null, metadata, model = null, purchaseId = null, overdraw = false, type } = request;
    const amount = toStored(unit, request.amount);
    if (amount === undefined) throw invalidField('amount', 'is outside the range that the ledger holds exactly');
    const posting = { type, amount, description, metadata: metadata ? JSON.stringify(metadata) : null, model, purchaseId, overdraw };
    const { outcome, ...answer } = await this.lanes.submit({
      owner: account,
      unit,
      operation: {
        name: operation,
        key: idempotency?.key,
        hash: idempotency?.key === undefined ? '' : requestHash({ ...posting, metadata }),
        traceId: idempotency?.traceId ?? '',
        posting,
      },
      attach,
    });
    if (outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    const replayed = 'replayed' in answer && answer.replayed;
    if (outcome.status === 'refused') throw refusal(unit, outcome.rejection, replayed ? outcome.traceId : undefined);
    if (replayed) idempotency?.markReplayed();
    return toTransaction(unit, outcome.entry);
  }

  /** Adds what a purchase brought, once: the purchase's id is the idempotency key. */
  async grantPurchase(unit: Unit, type: EntryType, { account, amount, purchaseId, ...grant }: PurchaseGrant): Promise<void> {
    await this.post({ ...grant, account, unit, type, operation: 'purchase', amount: fromStored(unit, amount), purchaseId, idempotency: { key: purchaseId, traceId: '', markReplayed: () => undefined } });
  }
}

function refusal(unit: Unit, rejection: Rejection, replayedFrom: string | undefined): ApiError {
  if (rejection.reason === 'insufficient') {
    const [required, available, shortfall] = [rejection.required, rejection.available, rejection.required - rejection.available].map((stored) => fromStored(unit, stored));
    return new ApiError(unit === 'USD' ? 'INSUFFICIENT_CREDITS' : 'INSUFFICIENT_TOKENS', undefined, { details: { required, available, shortfall }, replayedFrom });
  }
  if (rejection.reason === 'limit') return new ApiError('CONFLICT', 'The balance would leave the range that the ledger holds exactly.', { replayedFrom });
  return invalidField('amount', 'is not an amount of this ledger');
}
