import { Injectable } from '@nestjs/common';
import { accountFor, type Principal } from '../auth/index.js';
import type { Tx } from '../common/database/index.js';
import { ApiError, type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import {
  type Action,
  type Answer,
  type EntryType,
  fromStored,
  MAX_OPEN_HOLDS,
  type Outcome,
  type Posting,
  type Rejection,
  toStored,
  type Unit,
} from './domain/index.js';
import { Lanes, type Step } from './lanes.js';
import type { BatchAnswer, BatchResultDto, HoldDto, TransactionDto } from './ledger.dto.js';
import { toHold, toTransaction } from './present.js';

/** Whose balance, and what is done to it. */
interface Target {
  /** The account: `user:<id>` or `org:<id>`. */
  readonly account: string;
  readonly unit: Unit;
}

/** What to post, with the amount as JSON carries it. */
export interface PostRequest
  extends Target, Pick<Posting, 'type'>, Partial<Pick<Posting, 'description' | 'model' | 'purchaseId' | 'overdraw'>> {
  /** What is done, as the scope of the idempotency key. */
  readonly operation: string;
  /** Signed, in the unit. */
  readonly amount: number;
  readonly metadata?: object;
  readonly idempotency?: Pick<Idempotency, 'key' | 'traceId'> & Partial<Idempotency>;
  /** Runs in the transaction that writes the entry, a replay included; what it throws undoes the whole. */
  readonly attach?: (tx: Tx) => Promise<void>;
}

/** What many usage events spend, in one request. */
export interface BatchRequest {
  readonly unit: Unit;
  /** What each item does; the batch's own key has the scope `<type>_batch`. */
  readonly type: EntryType;
  readonly body: {
    readonly account?: string;
    readonly items: readonly BatchItem[];
    /** `atomic`: one refusal refuses all. */
    readonly mode: 'independent' | 'atomic';
  };
  readonly idempotency: Idempotency;
}

/** What one event spends; as `PostRequest`, with the account of the batch where it names none. */
interface BatchItem extends Pick<PostRequest, 'amount' | 'description' | 'model' | 'metadata'> {
  readonly account?: string;
  readonly idempotency_key?: string;
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

/** What a refund or dispute of a purchase takes back, or, when it was won or failed, gives back. */
export interface PurchaseRefund extends PurchaseGrant {
  /** What tells this movement from the others of the same purchase; the same key moves nothing twice. */
  readonly key: string;
}

/** A hold by its account and number. */
export interface HoldReference extends Target {
  /** The hold's id as the client names it. */
  readonly id: string;
  /** The number behind it; 0, which no hold has, when it names none of the account's. */
  readonly hold: number;
}

/** The one way to change a balance. Every method answers when what it did is durable. */
@Injectable()
export class LedgerService {
  constructor(private readonly lanes: Lanes) {}

  /**
   * Posts one entry.
   * @throws ApiError INSUFFICIENT_CREDITS or INSUFFICIENT_TOKENS when the available balance is short, CONFLICT when the balance would leave
   *   the range in which it is exact, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async post(request: PostRequest): Promise<TransactionDto> {
    const [answer] = await this.lanes.submit({ steps: [postStep(request)], attach: request.attach });
    return transactionOf(request.unit, answer!, request.idempotency);
  }

  /** Adds what a purchase brought, once: the purchase's id is the idempotency key. */
  async grantPurchase(unit: Unit, type: EntryType, { account, amount, purchaseId, ...grant }: PurchaseGrant): Promise<void> {
    await this.post({
      ...grant,
      account,
      unit,
      type,
      operation: 'purchase',
      amount: fromStored(unit, amount),
      purchaseId,
      idempotency: { key: purchaseId, traceId: '' },
    });
  }

  /** Takes back what a refund or dispute reversed, whether or not it is still there, or gives it back; `amount` is signed. */
  async refundPurchase(unit: Unit, { account, amount, key, ...refund }: PurchaseRefund): Promise<void> {
    await this.post({
      ...refund,
      account,
      unit,
      type: 'refund',
      operation: 'refund',
      amount: fromStored(unit, amount),
      overdraw: true,
      idempotency: { key, traceId: '' },
    });
  }

  /**
   * Spends for many events, each with its own outcome or all of them together. Under the batch's key the answer can be asked for again, and what a crash left undone is done then.
   * @throws ApiError FORBIDDEN when another account is named by anyone but an administrator, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async spendBatch(who: Principal, { unit, type, body, idempotency }: BatchRequest): Promise<BatchAnswer> {
    const { key, traceId } = idempotency;
    const account = accountFor(who, body.account);
    const atomic = body.mode === 'atomic';
    // Named by the batch's account and key, for another account's batch may have the same key and an item for the same customer. A space can't stand
    // in a client's key, so the place in a batch never meets a key that somebody chose.
    const batch = key === undefined ? undefined : ` ${requestHash({ account, key })}`;
    const steps = body.items.map((item, i) =>
      postStep({
        account: accountFor(who, item.account ?? account),
        unit,
        operation: type,
        type,
        amount: -item.amount,
        description: item.description,
        metadata: item.metadata,
        model: item.model,
        idempotency: { key: item.idempotency_key ?? (batch && `${batch} ${i}`), traceId },
      }),
    );
    const asked = () =>
      body.items.map(({ metadata, idempotency_key: own }, i) => ({
        ...steps[i]!.operation.action,
        metadata: metadata ?? null,
        account: steps[i]!.owner,
        key: own ?? null,
      }));
    const claim = step({ account, unit }, `${type}_batch`, { kind: 'claim' }, idempotency, () => ({ items: asked(), atomic }));
    const first = atomic ? [claim, ...steps] : [claim];
    // Without a key there is nothing to claim.
    const claimed = atomic || batch !== undefined ? await this.lanes.submit({ steps: first as [Step, ...Step[]] }) : [];
    if (claimed[0]?.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    if (claimed[0]?.replayed) idempotency.markReplayed();
    const results = atomic
      ? claimed.slice(1).map((answer) => resultOf(() => transactionOf(unit, answer)))
      : await Promise.all(
          steps.map((item) =>
            this.lanes.submit({ steps: [item] }).then(
              ([answer]) => resultOf(() => transactionOf(unit, answer!)),
              (error: unknown) =>
                resultOf(() => {
                  throw error;
                }),
            ),
          ),
        );
    const posted = results.filter(({ status }) => status === 'posted').length;
    return { data: results, meta: { posted, rejected: results.length - posted } };
  }

  /**
   * Keeps an amount back.
   * @throws ApiError INSUFFICIENT_… when the available balance is short, IDEMPOTENCY_KEY_REUSED, OVERLOADED
   */
  async openHold(
    target: Target,
    request: { amount: number; description?: string; metadata?: object; expiresInSeconds: number },
    idempotency: Idempotency,
  ): Promise<HoldDto> {
    const { unit } = target;
    const action: Action = {
      kind: 'hold',
      amount: storedAmount(unit, request.amount),
      description: request.description ?? null,
      metadata: request.metadata ? JSON.stringify(request.metadata) : null,
      expiresIn: request.expiresInSeconds * 1000,
    };
    const [answer] = await this.lanes.submit({
      steps: [step(target, 'hold', action, idempotency, () => ({ ...action, metadata: request.metadata ?? null }))],
    });
    return holdOf(unit, answer!, idempotency);
  }

  /**
   * Spends from a hold.
   * @throws ApiError NOT_FOUND, CONFLICT when the hold is not open or less remains of it, INSUFFICIENT_… when a clawback took the balance below the amount
   */
  async capture(
    target: HoldReference,
    request: { amount: number; type: EntryType; final: boolean; description?: string },
    idempotency: Idempotency,
  ): Promise<TransactionDto> {
    const { unit, id, hold } = target;
    const action: Action = {
      kind: 'capture',
      hold,
      type: request.type,
      amount: storedAmount(unit, request.amount),
      final: request.final,
      description: request.description ?? null,
    };
    const [answer] = await this.lanes.submit({ steps: [step(target, 'capture', action, idempotency, () => ({ ...action, hold: id }))] });
    return transactionOf(unit, answer!, idempotency);
  }

  /** Gives back what expired holds of an account still keep in their rows. Any batch that meets the account does so; this is one without an operation. */
  async sweep(target: Target): Promise<void> {
    await this.lanes.submit({ steps: [step(target, 'sweep', { kind: 'claim' }, { traceId: '' }, () => ({}))] });
  }

  /**
   * Gives back what remains of a hold.
   * @throws ApiError NOT_FOUND, CONFLICT when the hold is not open
   */
  async release(target: HoldReference, idempotency: Idempotency): Promise<HoldDto> {
    const action: Action = { kind: 'release', hold: target.hold };
    const [answer] = await this.lanes.submit({
      steps: [step(target, 'release', action, idempotency, () => ({ ...action, hold: target.id }))],
    });
    return holdOf(target.unit, answer!, idempotency);
  }
}

/** Names what is kept of a request under its key. */
function step(
  { account, unit }: Target,
  name: string,
  action: Action,
  { key, traceId }: Pick<Idempotency, 'key' | 'traceId'>,
  request: () => object,
): Step {
  return { owner: account, unit, operation: { name, key, hash: key === undefined ? '' : requestHash(request()), traceId, action } };
}

function postStep(request: PostRequest): Step {
  const { unit, type, metadata } = request;
  const action: Posting = {
    kind: 'post',
    type,
    amount: storedAmount(unit, request.amount),
    description: request.description ?? null,
    metadata: metadata ? JSON.stringify(metadata) : null,
    model: request.model ?? null,
    purchaseId: request.purchaseId ?? null,
    overdraw: request.overdraw ?? false,
  };
  return step(request, request.operation, action, request.idempotency ?? { traceId: '' }, () => ({
    ...action,
    metadata: metadata ?? null,
  }));
}

function storedAmount(unit: Unit, amount: number): number {
  const stored = toStored(unit, amount);
  if (stored === undefined) throw invalidField('amount', 'is outside the range that the ledger holds exactly');
  return stored;
}

/** The outcome that a client is told, or the refusal that it came to. */
function accepted(unit: Unit, answer: Answer, idempotency?: Partial<Idempotency>): Exclude<Outcome, { status: 'refused' }> {
  if (answer.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
  const { outcome, replayed } = answer;
  if (outcome.status === 'refused') throw refusal(unit, outcome.rejection, replayed ? outcome.traceId : undefined);
  if (replayed) idempotency?.markReplayed?.();
  return outcome;
}

function transactionOf(unit: Unit, answer: Answer, idempotency?: Partial<Idempotency>): TransactionDto {
  const outcome = accepted(unit, answer, idempotency);
  if (outcome.status !== 'posted') throw new Error(`a posting came to "${outcome.status}"`);
  return toTransaction(unit, outcome.entry);
}

function holdOf(unit: Unit, answer: Answer, idempotency: Idempotency): HoldDto {
  const outcome = accepted(unit, answer, idempotency);
  if (outcome.status !== 'held') throw new Error(`a hold came to "${outcome.status}"`);
  return toHold(unit, outcome.hold, outcome.hold.createdAt);
}

function resultOf(transaction: () => TransactionDto): BatchResultDto {
  try {
    return { status: 'posted', transaction: transaction() };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, message, options } = error;
    return { status: 'rejected', error: { code, message, details: options.details ?? null } };
  }
}

function refusal(unit: Unit, rejection: Rejection, replayedFrom: string | undefined): ApiError {
  const conflict = (message: string, details?: object) => new ApiError('CONFLICT', message, { details, replayedFrom });
  switch (rejection.reason) {
    case 'insufficient': {
      const { required, available } = rejection;
      const details = {
        required: fromStored(unit, required),
        available: fromStored(unit, available),
        shortfall: fromStored(unit, required - available),
      };
      return new ApiError(unit === 'USD' ? 'INSUFFICIENT_CREDITS' : 'INSUFFICIENT_TOKENS', undefined, { details, replayedFrom });
    }
    case 'limit':
      return conflict('The balance would leave the range that the ledger holds exactly.');
    case 'no-hold':
      return new ApiError('NOT_FOUND', 'There is no such hold.', { replayedFrom });
    case 'hold-settled':
      return conflict(`The hold is ${rejection.status}.`, { status: rejection.status });
    case 'too-many-holds':
      return conflict(`This account has ${MAX_OPEN_HOLDS} open holds, the most it may have. Capture or release some first.`);
    case 'hold-exceeded':
      return conflict('Less than that remains of the hold.', {
        required: fromStored(unit, rejection.required),
        remaining: fromStored(unit, rejection.remaining),
      });
    case 'group':
      // The claim of the group stands before its items.
      return conflict(`Nothing was posted, because item ${rejection.index - 1} was refused.`, { item: rejection.index - 1 });
    case 'malformed':
      return invalidField('amount', 'is not an amount of this ledger');
  }
}
