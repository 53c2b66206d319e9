import { randomBytes } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThanOrEqual, type Repository } from 'typeorm';
import { newRecord, writeRecord } from '../../common/audit/index.js';
import { affectedRows, forUpdate, isDuplicate, Transactions, type Tx } from '../../common/database/index.js';
import { actorOn, type Principal } from '../../auth/index.js';
import { Answered, ApiError, type Idempotency, requestHash } from '../../common/http/index.js';
import { findPurchase, requireProvider, Purchase } from '../checkout/index.js';
import { AttemptSpent, PAYMENT_PROVIDER, type PaymentProvider, type Refund } from '../provider/index.js';
import { SettlementService } from '../settlement/index.js';
import { recordOf, type Refusal, toRefundDto } from './present.js';
import { PurchaseRefundRequest } from './refund-request.entity.js';
import type { RefundDto, RefundPurchaseDto } from './refunds.dto.js';

/** The provider forgets a key a day after its first use. */
const KEY_HOLDS_MS = 23 * 3_600_000;
const A_ROUND = 50;

/** Refunds ordered by administrators. Settlement takes the credits or tokens back, like for any other refund. */
@Injectable()
export class RefundsService {
  private readonly logger = new Logger(RefundsService.name);

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @InjectRepository(PurchaseRefundRequest) private readonly requests: Repository<PurchaseRefundRequest>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly settlement: SettlementService,
  ) {}

  /**
   * Refunds a purchase.
   * @throws ApiError NOT_FOUND, CONFLICT when the purchase is not paid or less than the amount remains,
   *   PAYMENT_PROVIDER_ERROR (the same request with the same key may be repeated), IDEMPOTENCY_KEY_REUSED
   */
  async refund(
    who: Principal,
    purchaseId: string,
    wanted: RefundPurchaseDto,
    idempotency: Idempotency,
  ): Promise<Answered<RefundDto>> {
    const purchase = await findPurchase(this.purchases, purchaseId);
    if (!purchase) throw new ApiError('NOT_FOUND');
    requireProvider(purchase, this.provider);
    const hash = requestHash({ ...wanted, purchaseId });
    const recorded = await this.findByKey(purchase, idempotency.key);
    // Settling first counts the refunds that were made elsewhere.
    if (!recorded) await this.settlement.settle(purchaseId);
    const request =
      recorded ?? (await this.record(purchase, actorOn(who, purchase.account), wanted, hash, idempotency));
    if (request.requestHash !== hash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    const isNew = request.status === 'asked';
    const answered = isNew ? await this.carryOut(purchase, request, idempotency.traceId) : request;
    return new Answered(
      toRefundDto(answered, purchase, recorded ? idempotency.traceId : undefined),
      recorded !== null && !isNew,
    );
  }

  /** Takes up refunds that the provider has not answered; returns their number. */
  async resume(askedBefore: number): Promise<number> {
    const waiting = await this.requests.find({
      where: { status: 'asked', createdAt: LessThanOrEqual(askedBefore) },
      order: { createdAt: 'ASC' },
      take: A_ROUND,
    });
    for (const request of waiting) {
      try {
        const purchase = await this.purchases.findOneByOrFail({ id: request.purchaseId });
        if (purchase.provider !== this.provider?.name) continue;
        const known = await this.findAtProvider(purchase, request);
        if (known) await this.answered(request, known);
        else if (request.createdAt < Date.now() - KEY_HOLDS_MS)
          await this.refused(
            request,
            'The payment provider did not carry the refund out. To try again, send the request with a new Idempotency-Key.',
          );
        else await this.carryOut(purchase, request);
      } catch (error) {
        this.logger.warn(`refund ${request.id} is put off: ${(error as Error).message}`);
      }
    }
    return waiting.length;
  }

  private async record(
    purchase: Purchase,
    actor: string,
    wanted: RefundPurchaseDto,
    hash: string,
    idempotency: Idempotency,
  ): Promise<PurchaseRefundRequest> {
    const { id: purchaseId, account } = purchase;
    const id = `ref_${randomBytes(16).toString('hex')}`;
    const base = {
      id,
      purchaseId,
      account,
      actor,
      idempotencyKey: idempotency.key ?? null,
      requestHash: hash,
      reason: wanted.reason ?? null,
      attempt: 1,
      refundId: null,
      createdAt: Date.now(),
    };
    try {
      await this.transactions.run(async (tx) => {
        await tx.query(`SELECT id FROM purchase WHERE id = ?${forUpdate(tx)}`, [purchaseId]);
        const decided = await this.decide(tx, purchaseId, wanted);
        if ('amount' in decided) {
          const { amount } = decided;
          const record = recordOf(purchase, { ...base, amount }, idempotency);
          await tx.manager.insert(PurchaseRefundRequest, { ...base, amount, record, status: 'asked', refusal: null });
        } else {
          const refusal = JSON.stringify({ ...decided, traceId: idempotency.traceId });
          const refused = { amount: 0, record: null, status: 'refused', refusal } as const;
          await tx.manager.insert(PurchaseRefundRequest, { ...base, ...refused });
        }
      });
    } catch (error) {
      // Either two requests came with the same key at once, or a commit that seemed lost was not and the retry met its
      // row.
      if (!isDuplicate(error)) throw error;
    }
    const made = (await this.requests.findOneBy({ id })) ?? (await this.findByKey(purchase, idempotency.key));
    if (!made) throw new Error(`refund ${id} was not recorded`);
    return made;
  }

  /**
   * Decides on a refund. Refunds in progress count as taken, so two requests at once can't both take all that remains.
   */
  private async decide(
    tx: Tx,
    purchaseId: string,
    { amount }: RefundPurchaseDto,
  ): Promise<{ amount: number } | Refusal> {
    const { status, paid, refunded, disputed, paymentIntent } = await tx.manager.findOneByOrFail(Purchase, {
      id: purchaseId,
    });
    if (status !== 'paid' || paid === null || paymentIntent === null)
      return {
        message:
          status === 'paid'
            ? 'Nothing was paid for this purchase, so nothing can be refunded.'
            : `Only a paid purchase can be refunded. This one is ${status}.`,
        details: { status },
      };
    const asked = await tx.manager.findBy(PurchaseRefundRequest, { purchaseId, status: 'asked' });
    const remaining = Math.max(0, paid - refunded - disputed - asked.reduce((sum, request) => sum + request.amount, 0));
    const cents = amount === undefined ? remaining : Math.round(amount * 100);
    return cents === 0 || cents > remaining
      ? {
          message: 'The refund exceeds the rest of the payment. Refund at most the sum in `details.remaining`.',
          details: { remaining: remaining / 100 },
        }
      : { amount: cents };
  }

  /** Carries out the refund that was recorded under an id; null when there is none. */
  async finish(id: string, traceId: string): Promise<PurchaseRefundRequest | null> {
    const request = await this.requests.findOneBy({ id });
    if (request?.status !== 'asked') return request;
    const purchase = await this.purchases.findOneByOrFail({ id: request.purchaseId });
    requireProvider(purchase, this.provider);
    return this.carryOut(purchase, request, traceId);
  }

  private async carryOut(
    purchase: Purchase,
    request: PurchaseRefundRequest,
    traceId?: string,
  ): Promise<PurchaseRefundRequest> {
    const { id, amount, reason, attempt } = request;
    const { id: purchaseId } = purchase;
    const paymentIntent =
      purchase.paymentIntent ?? (await this.purchases.findOneByOrFail({ id: purchaseId })).paymentIntent!;
    let refund: Refund;
    try {
      const idempotencyKey = `refund:${id}:${attempt}`;
      refund = await this.provider!.refund({
        paymentIntent,
        purchaseId,
        requestId: id,
        amount,
        reason,
        idempotencyKey,
      });
    } catch (error) {
      if (error instanceof AttemptSpent) {
        const known = await this.findAtProvider(purchase, request);
        if (!known) await this.beginAttempt(request);
        if (!known) throw error;
        refund = known;
      } else if (error instanceof ApiError && error.code === 'CONFLICT') {
        return this.refused(request, error.message, traceId);
      } else {
        throw error;
      }
    }
    const answered = await this.answered(request, refund);
    // The money is on its way. If this fails, the provider's event or reconciliation settles the purchase.
    await this.settlement
      .settle(purchaseId)
      .catch((error: Error) =>
        this.logger.warn(`purchase ${purchaseId} could not be settled after its refund: ${error.message}`),
      );
    return answered;
  }

  private async findAtProvider(purchase: Purchase, request: PurchaseRefundRequest): Promise<Refund | undefined> {
    const { refunds } = await this.provider!.fetchReversals(purchase.paymentIntent!);
    return refunds.find(({ requestId }) => requestId === request.id);
  }

  private answered(request: PurchaseRefundRequest, { id: refundId, status }: Refund): Promise<PurchaseRefundRequest> {
    const { record } = request;
    return this.conclude(request, { refundId, status, refusal: null }, async (tx) => {
      if (record) await writeRecord(tx, newRecord(record));
    });
  }

  private refused(request: PurchaseRefundRequest, message: string, traceId?: string): Promise<PurchaseRefundRequest> {
    const refusal = JSON.stringify({ message, details: null, traceId });
    return this.conclude(request, { refundId: null, status: 'refused', refusal }, (tx) => reopen(tx, request, message));
  }

  /** Records an answer and what follows from it. The first one stays, even when two calls got one. */
  private async conclude(
    { id }: PurchaseRefundRequest,
    { refundId, status, refusal }: Pick<PurchaseRefundRequest, 'refundId' | 'status' | 'refusal'>,
    follow: (tx: Tx) => Promise<unknown>,
  ): Promise<PurchaseRefundRequest> {
    await this.transactions.run(async (tx) => {
      const isFirst = await affectedRows(
        tx,
        "UPDATE purchase_refund SET refund_id = ?, status = ?, refusal = ? WHERE id = ? AND status = 'asked'",
        [refundId, status, refusal, id],
      );
      if (isFirst) await follow(tx);
    });
    return this.requests.findOneByOrFail({ id });
  }

  private beginAttempt({ id, attempt }: PurchaseRefundRequest): Promise<number> {
    return this.transactions.run((tx) =>
      affectedRows(tx, 'UPDATE purchase_refund SET attempt = attempt + 1 WHERE id = ? AND attempt = ?', [id, attempt]),
    );
  }

  /** A key belongs to the account, so one key refunds only one of its purchases. */
  private async findByKey({ account }: Purchase, key: string | undefined): Promise<PurchaseRefundRequest | null> {
    return key === undefined ? null : this.requests.findOneBy({ account, idempotencyKey: key });
  }
}

/** A review that ended with a refund which the provider refuses has not ended. */
function reopen(tx: Tx, { purchaseId }: PurchaseRefundRequest, message: string): Promise<number> {
  const reason = `The refund was refused: ${message}`.slice(0, 500);
  return affectedRows(
    tx,
    "UPDATE purchase SET status = 'review', resolution = NULL, review_reason = ?, version = version + 1, updated_at = ? WHERE id = ? AND resolution = 'refund'",
    [reason, Date.now(), purchaseId],
  );
}
