import { randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { actorOn, type Principal } from '../../auth/index.js';
import { type AuditEntry, newRecord, writeRecord } from '../../common/audit/index.js';
import { isDuplicate, Transactions, type Tx } from '../../common/database/index.js';
import { Answered, ApiError, type Idempotency, invalidField, requestHash } from '../../common/http/index.js';
import { findPurchase, Purchase, PurchaseWriter, Superseded } from '../checkout/index.js';
import { type ReviewedPayment, SettlementService, WebhookEvent } from '../settlement/index.js';
import { PurchaseRefundRequest } from './refund-request.entity.js';
import { RefundsService } from './refunds.service.js';
import { PurchaseResolution } from './resolution.entity.js';
import { type Kept, ResolutionStore } from './resolution.store.js';
import { type AdminPurchaseDto, type ResolvePurchaseDto, toAdminPurchase } from './resolutions.dto.js';

/** Each round that finds the purchase changed has read it anew. */
const ROUNDS = 10;

/** A request to end a review. */
interface Asked {
  readonly actor: string;
  readonly wanted: ResolvePurchaseDto;
  /** The row that it makes. */
  readonly resolution: PurchaseResolution;
  readonly idempotency: Idempotency;
}

/**
 * Ends reviews. The decision, its record in the audit and the state of the purchase are one transaction, with the
 * ledger's entry where the goods are granted. What is left for the provider follows, and with a refund the record; the
 * inbox and reconciliation take it up after a crash.
 */
@Injectable()
export class ResolutionsService {
  private readonly logger = new Logger(ResolutionsService.name);

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    private readonly store: ResolutionStore,
    private readonly transactions: Transactions,
    private readonly writer: PurchaseWriter,
    private readonly settlement: SettlementService,
    private readonly refunds: RefundsService,
  ) {}

  /**
   * Ends the review of a purchase.
   * @throws ApiError NOT_FOUND, VALIDATION_ERROR, CONFLICT when it is not in review or the decision does not fit what
   *   was paid, PAYMENT_PROVIDER_ERROR, IDEMPOTENCY_KEY_REUSED
   */
  async resolve(
    who: Principal,
    purchaseId: string,
    wanted: ResolvePurchaseDto,
    idempotency: Idempotency,
  ): Promise<Answered<AdminPurchaseDto>> {
    if (wanted.decision !== 'grant' && wanted.paid !== undefined) throw invalidField('paid', 'goes with grant');
    const purchase = await findPurchase(this.purchases, purchaseId);
    if (!purchase) throw new ApiError('NOT_FOUND');
    const resolution = resolutionOf(purchase, wanted, idempotency);
    const asked = { actor: actorOn(who, purchase.account), wanted, resolution, idempotency };
    const made = (await this.store.find(resolution)) ?? (await this.decide(asked));
    if (made.requestHash !== resolution.requestHash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    return this.answer(made, made.id !== resolution.id, idempotency);
  }

  /** Decides once, however many ask at once; a change of the purchase meanwhile is looked at first. */
  private async decide(asked: Asked): Promise<PurchaseResolution> {
    const { resolution } = asked;
    for (let round = 1; round <= ROUNDS; round++) {
      const refusal = await this.read(asked)
        .then((purchase) => this.attempt(purchase, asked))
        .then(() => undefined, refusalOf);
      // Another request may have had the key, or this one have been committed although its answer was lost.
      const made = await this.store.find(resolution);
      if (made) return made;
      // Without a key nobody can ask for a refusal again.
      if (refusal && resolution.idempotencyKey === null) throw refusal;
      if (refusal) await this.store.keepRefusal(resolution, keptOf(refusal, asked.idempotency.traceId));
    }
    throw new Error(`purchase ${resolution.purchaseId} kept changing while it was resolved`);
  }

  /** The purchase as it is now; before a refund with those that were made elsewhere. */
  private async read({ resolution: { purchaseId: id }, wanted }: Asked): Promise<Purchase> {
    const purchase = await this.purchases.findOneByOrFail({ id });
    if (purchase.status !== 'review' || wanted.decision !== 'refund') return purchase;
    await this.settlement.settle(id);
    return this.purchases.findOneByOrFail({ id });
  }

  /** @throws Superseded, ApiError CONFLICT */
  private async attempt(purchase: Purchase, asked: Asked): Promise<void> {
    const { status } = purchase;
    if (status !== 'review')
      throw new ApiError('CONFLICT', `Only a purchase in review can be resolved. This one is ${status}.`, {
        details: { status },
      });
    const { decision, paid } = asked.wanted;
    if (decision === 'grant') return this.grant(purchase, seen(await this.settlement.paymentOf(purchase), paid), asked);
    if (decision === 'refund') return this.refund(purchase, await this.settlement.paymentOf(purchase), asked);
    const change = { status: 'canceled' } as const;
    await this.transactions.run(async (tx) => {
      await this.write(tx, purchase, change, asked);
      await writeRecord(tx, newRecord(recordOf(purchase, change, asked)));
    });
  }

  private async grant(purchase: Purchase, payment: Payment, asked: Asked): Promise<void> {
    const now = Date.now();
    const again = { id: asked.resolution.id, type: 'purchase.resolved', purchaseId: purchase.id };
    const change = { ...payment, status: 'paid', paidAt: now } as const;
    await this.settlement.grantGoods(purchase, payment.paid, async (tx) => {
      await this.write(tx, purchase, change, asked);
      await writeRecord(tx, newRecord(recordOf(purchase, change, asked)));
      // What was refunded before is taken back by the inbox, also after a crash.
      await tx.manager.insert(WebhookEvent, { ...again, receivedAt: now, attempts: 0, nextAttemptAt: now });
    });
  }

  private async refund(purchase: Purchase, { isPrice: _, ...payment }: ReviewedPayment, asked: Asked): Promise<void> {
    const rest = payment.paymentIntent === null ? 0 : payment.paid - purchase.refunded - purchase.disputed;
    if (rest <= 0)
      throw new ApiError('CONFLICT', 'Nothing of the payment is left to give back. Dismiss the purchase.', {
        details: { remaining: 0 },
      });
    const change = { ...payment, status: 'canceled' } as const;
    await this.transactions.run(async (tx) => {
      await this.write(tx, purchase, change, asked);
      // The provider may still refuse it, and then nothing was decided: its record is written when it has not.
      await tx.manager.insert(PurchaseRefundRequest, orderOf(rest, recordOf(purchase, change, asked), asked));
    });
  }

  /** Writes a decision and the purchase that it leads to. */
  private async write(tx: Tx, purchase: Purchase, change: Resolved, { resolution }: Asked): Promise<void> {
    const { decision } = resolution;
    await this.writer.write(tx, purchase, { ...change, resolution: decision, reviewReason: null });
    await tx.manager.insert(PurchaseResolution, resolution);
  }

  /** Does what is left to do, and answers as the first time. */
  private async answer(
    made: PurchaseResolution,
    replayed: boolean,
    { traceId }: Idempotency,
  ): Promise<Answered<AdminPurchaseDto>> {
    const kept =
      made.answer === null
        ? await this.store.keepAnswer(made, await this.conclude(made, traceId))
        : (JSON.parse(made.answer) as Kept);
    if ('purchase' in kept) return new Answered(kept.purchase, replayed);
    const { message, details } = kept;
    throw new ApiError('CONFLICT', message, { details, ...(replayed && { replayedFrom: kept.traceId }) });
  }

  private async conclude({ id, purchaseId }: PurchaseResolution, traceId: string): Promise<Kept> {
    const refund = await this.refunds.finish(id, traceId);
    if (refund?.status === 'refused') return { traceId, ...(JSON.parse(refund.refusal!) as Kept) };
    // The decision stands. If this fails, the inbox does it.
    if (!refund)
      await this.settlement
        .settle(purchaseId)
        .catch(({ message }: Error) => this.logger.warn(`purchase ${purchaseId} could not be settled now: ${message}`));
    return { purchase: toAdminPurchase(await this.purchases.findOneByOrFail({ id: purchaseId })) };
  }
}

type Payment = Omit<ReviewedPayment, 'isPrice'>;

/** What a decision changes of a purchase. */
type Resolved = Partial<Payment> & Pick<Purchase, 'status'> & Partial<Pick<Purchase, 'paidAt'>>;

/** What the audit says of a decision. */
function recordOf(
  { id, account, status, reviewReason, currency, paid: known }: Purchase,
  change: Resolved,
  { wanted: { decision, note }, actor, idempotency: { traceId, clientAddress } }: Asked,
): AuditEntry {
  const before = { status, review_reason: reviewReason };
  const paid = change.paid ?? known;
  const after = { status: change.status, decision, note, paid: paid === null ? null : paid / 100, currency };
  return { actor, action: 'purchases.resolve', account, target: id, before, after, traceId, clientAddress };
}

/**
 * A payment of which an administrator has seen the sum.
 * @throws ApiError VALIDATION_ERROR when it is not the price and no sum is named, CONFLICT when another one was paid
 */
function seen({ isPrice, ...payment }: ReviewedPayment, paid: number | undefined): Payment {
  if (!isPrice && paid === undefined) throw invalidField('paid', 'is required, because what was paid is not the price');
  if (paid !== undefined && Math.round(paid * 100) !== payment.paid)
    throw new ApiError('CONFLICT', 'Another sum was paid. Look at the payment again.', {
      details: { paid: payment.paid / 100 },
    });
  return payment;
}

/** What the state of things refuses; undefined for a change meanwhile, after which it is looked at again. */
function refusalOf(error: unknown): ApiError | undefined {
  if (error instanceof ApiError && error.code === 'CONFLICT') return error;
  if (error instanceof Superseded || isDuplicate(error)) return undefined;
  throw error;
}

function keptOf({ message, options: { details = null } }: ApiError, traceId: string): Kept {
  return { message, details, traceId };
}

function resolutionOf(
  { id: purchaseId, account }: Purchase,
  wanted: ResolvePurchaseDto,
  { key }: Idempotency,
): PurchaseResolution {
  return {
    id: `ref_${randomBytes(16).toString('hex')}`,
    purchaseId,
    account,
    idempotencyKey: key ?? null,
    requestHash: requestHash({ ...wanted, purchaseId }),
    decision: wanted.decision,
    note: wanted.note,
    answer: null,
    createdAt: Date.now(),
  };
}

/** The order to refund all that is left. No client can name it: it has no key. */
function orderOf(amount: number, record: AuditEntry, { actor, resolution }: Asked): PurchaseRefundRequest {
  const { id, purchaseId, account, requestHash: hash, createdAt } = resolution;
  return {
    id,
    purchaseId,
    account,
    actor,
    idempotencyKey: null,
    requestHash: hash,
    amount,
    record,
    reason: null,
    attempt: 1,
    status: 'asked',
    refundId: null,
    refusal: null,
    createdAt,
  };
}
