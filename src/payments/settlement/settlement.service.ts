import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Transactions, type Tx } from '../../common/database/index.js';
import { ApiError } from '../../common/http/index.js';
import type { PurchaseGrant, Stored } from '../../wallet/index.js';
import { Goods, Purchase, PurchaseWriter, requireProvider, SessionsService, Superseded } from '../checkout/index.js';
import { type CheckoutSession, isPaid, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { clawback, isLate, isSettled, verdict } from './verdict.js';

/** Several processes can settle one purchase at once. Each round at least one of them succeeds. */
const ROUNDS = 10;
const MICRO_DOLLARS_PER_CENT = 10_000;

/** A payment that a person has looked at. */
export interface ReviewedPayment extends Pick<Purchase, 'paymentIntent' | 'receiptUrl'> {
  /** Cents. */
  readonly paid: number;
  readonly isPrice: boolean;
}

/** A settlement in progress, and the one that follows it. */
interface Running {
  readonly done: Promise<void>;
  next?: Promise<void>;
}

/**
 * Brings a purchase to the state of its payment. The outcome does not depend on the caller or the number of calls. The
 * account and the amount to credit come from our row, never from the provider.
 */
@Injectable()
export class SettlementService {
  private readonly logger = new Logger(SettlementService.name);
  private readonly running = new Map<string, Running>();

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly writer: PurchaseWriter,
    private readonly sessions: SessionsService,
    private readonly goods: Goods,
  ) {}

  /**
   * Fetches the current session, payment, refunds and disputes, and grants a payment, takes back a reversed share, or
   * moves the purchase on. Callers that come while this runs for the same purchase share one more round after it,
   * because the facts of the first round can be older than their event.
   * @param sessionId the session of an event, when it is not the purchase's own
   * @throws ApiError PAYMENT_PROVIDER_ERROR, and every error of the ledger or the database; nothing is half done then
   */
  settle(purchaseId: string, sessionId?: string): Promise<void> {
    const name = `${purchaseId} ${sessionId ?? ''}`;
    const running = this.running.get(name);
    if (running)
      return (running.next ??= running.done.catch(() => undefined).then(() => this.settle(purchaseId, sessionId)));
    const done = this.converge(purchaseId, sessionId).finally(() => this.running.delete(name));
    this.running.set(name, { done });
    return done;
  }

  /** Describes the change that settling would make; undefined when there is none. */
  async preview(purchase: Purchase, sessionId: string | undefined): Promise<string | undefined> {
    const asked = sessionId ?? purchase.sessionId;
    if (asked === null) return 'it has no session yet';
    if (isSettled(purchase) && purchase.paid !== null && asked === purchase.sessionId) {
      const { reversed } = await this.fetchReversals(purchase, purchase.paymentIntent);
      return reversed === purchase.reversed ? undefined : `reversed ${purchase.reversed} to ${reversed}`;
    }
    const session = await this.provider!.fetchSession(asked);
    if (isLate(purchase, session)) return `${purchase.status} to review, with a payment`;
    const { status } = verdict(purchase, session, Date.now());
    return status === purchase.status ? undefined : `${purchase.status} to ${status}`;
  }

  private async converge(id: string, sessionId: string | undefined): Promise<void> {
    for (let round = 1; round <= ROUNDS; round++) {
      try {
        if (await this.step(await this.purchases.findOneByOrFail({ id }), sessionId)) return;
      } catch (error) {
        if (!(error instanceof Superseded)) throw error;
      }
    }
    throw new Error(`purchase ${id} kept changing while it was settled`);
  }

  /** Settles once; returns whether nothing is left to do. */
  private async step(found: Purchase, sessionId: string | undefined): Promise<boolean> {
    if (found.provider !== this.provider?.name || (found.sessionId ?? sessionId) === undefined) return true;
    // An event can overtake the answer to the call that made its session, or that answer was lost.
    const { purchase } = await this.sessions.ensure(found);
    const asked = sessionId ?? purchase.sessionId!;
    const isOwn = asked === purchase.sessionId;
    if (isOwn && purchase.status === 'paid') return this.reverse(purchase);
    const session = await this.provider.fetchSession(asked);
    if (!isSettled(purchase)) return this.moveOn(purchase, session);
    if (isLate(purchase, session)) return this.reopen(purchase, session);
    if (isSecondPayment(purchase, session))
      await this.flag(purchase, `The checkout session ${session.id} was paid besides the one that counts.`);
    else if (isOwn) return this.reverse(purchase);
    return true;
  }

  /** Writes the verdict on the purchase's session; returns whether nothing is left to do. */
  private async moveOn(purchase: Purchase, session: CheckoutSession): Promise<boolean> {
    const now = Date.now();
    const { status, reason = null } = verdict(purchase, session, now);
    const payment = paymentIn(session);
    if (status === 'paid') {
      const granted = { ...payment, status, paidAt: now };
      const reversals = await this.fetchReversals({ ...purchase, ...granted }, payment.paymentIntent);
      await this.grant(purchase, granted);
      return reversals.refunded + reversals.disputed === 0;
    }
    // Writes the state even when it has not changed, so that a settlement with older facts can't overwrite it later.
    const change = status === 'review' ? { ...payment, status, reviewReason: reason } : { status };
    await this.transactions.run((tx) => this.writer.write(tx, purchase, change));
    if (status === 'review') this.reportReview(purchase.id, reason);
    return true;
  }

  /** Notes the first payment of a purchase of which a review has begun or ended; an ended one begins again. */
  private async reopen(purchase: Purchase, session: CheckoutSession): Promise<boolean> {
    const reason =
      purchase.status === 'review'
        ? purchase.reviewReason
        : `The checkout session ${session.id} was paid after the purchase had been dismissed.`;
    const change = { ...paymentIn(session), status: 'review', reviewReason: reason, resolution: null } as const;
    await this.transactions.run((tx) => this.writer.write(tx, purchase, change));
    this.reportReview(purchase.id, reason);
    return false;
  }

  /**
   * What was paid for a purchase under review, as the provider has it now, and whether it is the price.
   * @throws ApiError CONFLICT when nothing was paid, PAYMENT_PROVIDER_ERROR, PAYMENTS_NOT_CONFIGURED
   */
  async paymentOf(purchase: Purchase): Promise<ReviewedPayment> {
    requireProvider(purchase, this.provider);
    const session = purchase.sessionId === null ? null : await this.provider!.fetchSession(purchase.sessionId);
    // The payment that led to the review can be another session's. Then a person has to say what it was.
    const own = session && isPaid(session) && isOf(purchase, session) ? session : undefined;
    const paid = own ? own.total : purchase.paid;
    if (paid === null) throw new ApiError('CONFLICT', 'Nothing was paid for this purchase. Dismiss it.');
    return {
      paid,
      isPrice: own?.total === purchase.price && own.currency === purchase.currency,
      paymentIntent: (own ?? purchase).paymentIntent,
      receiptUrl: (own ?? purchase).receiptUrl,
    };
  }

  /**
   * Grants the goods of a purchase, once.
   * @param price cents that were paid for the whole
   * @param attach runs in the transaction that writes the entry, so that neither exists without the other
   * @throws ApiError CONFLICT when the balance would leave its range, Superseded when it was granted at another price
   */
  async grantGoods(purchase: Purchase, price: number, attach: (tx: Tx) => Promise<void>): Promise<void> {
    const { id, account, name } = purchase;
    const description = `${name} purchase`;
    try {
      await this.goods
        .wallet(purchase.kind)
        .grantPurchase({ purchaseId: id, account, description, attach, ...broughtBy({ ...purchase, price }) });
    } catch (error) {
      // The purchase's id is the key, so the purchase has changed since it was read.
      throw error instanceof ApiError && error.code === 'IDEMPOTENCY_KEY_REUSED' ? new Superseded() : error;
    }
  }

  private async grant(purchase: Purchase, change: Partial<Purchase>): Promise<void> {
    const { id } = purchase;
    try {
      await this.grantGoods(purchase, purchase.price, (tx) => this.writer.write(tx, purchase, change));
    } catch (error) {
      // The ledger refuses only a balance out of its range. The money has come all the same, so a person has to look.
      if (!(error instanceof ApiError) || error.code !== 'CONFLICT') throw error;
      const { paidAt: _, ...payment } = change;
      await this.transactions.run((tx) =>
        this.writer.write(tx, purchase, { ...payment, status: 'review', reviewReason: error.message }),
      );
      this.reportReview(id, error.message);
    }
  }

  /**
   * Takes back the share of refunds and disputes, or gives back a share that no longer applies. It moves to a target
   * instead of adding up events, so their order and number do not matter. The key names the version and the target, so
   * a return to an earlier target is a movement of its own.
   */
  private async reverse(purchase: Purchase): Promise<boolean> {
    const { id, account, paymentIntent, version } = purchase;
    if (paymentIntent === null) return true;
    const change = await this.fetchReversals(purchase, paymentIntent);
    const { reversed } = change;
    const attach = (tx: Tx) => this.writer.write(tx, purchase, change);
    if (reversed === purchase.reversed) {
      await this.transactions.run(attach);
      return true;
    }
    const amount = (purchase.reversed - reversed) as Stored;
    const description = `${movement(purchase, change)} of the ${purchase.name} purchase`;
    try {
      await this.goods.wallet(purchase.kind).refundPurchase({
        purchaseId: id,
        account,
        amount,
        description,
        key: `${id}:${version}:${reversed}`,
        attach,
      });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'CONFLICT') throw error;
      await this.flag(purchase, error.message);
    }
    return true;
  }

  private async fetchReversals(
    purchase: Pick<Purchase, 'status' | 'amount' | 'bonusAmount' | 'paid'>,
    paymentIntent: string | null,
  ): Promise<Pick<Purchase, 'refunds' | 'refunded' | 'disputed' | 'reversed'>> {
    if (paymentIntent === null) return { refunds: [], refunded: 0, disputed: 0, reversed: 0 };
    const { refunds, withdrawn } = await this.provider!.fetchReversals(paymentIntent);
    const refunded = sum(refunds.filter(({ status }) => status !== 'failed' && status !== 'canceled'));
    const disputed = sum(withdrawn);
    // A purchase under review has granted nothing to take back.
    return {
      refunds,
      refunded,
      disputed,
      reversed: purchase.status === 'paid' ? clawback(purchase, refunded + disputed) : 0,
    };
  }

  /** Asks for a person's review of a settled purchase, which keeps its state. */
  private async flag(purchase: Purchase, reason: string): Promise<void> {
    if (purchase.reviewReason === reason) return;
    await this.transactions.run((tx) => this.writer.write(tx, purchase, { reviewReason: reason }));
    this.reportReview(purchase.id, reason);
  }

  private reportReview(id: string, reason: string | null): void {
    this.logger.error(`purchase ${id} needs a review: ${reason}`);
  }
}

function paymentIn(session: CheckoutSession): Pick<Purchase, 'paymentIntent' | 'receiptUrl' | 'paid'> {
  const { paymentIntent, receiptUrl, total } = session;
  return { paymentIntent, receiptUrl, paid: isPaid(session) ? total : null };
}

/** Whether a paid session is the payment that the purchase knows, or its first. */
function isOf({ paid, paymentIntent }: Purchase, session: CheckoutSession): boolean {
  return paid === null || session.paymentIntent === paymentIntent;
}

function isSecondPayment({ id, paymentIntent }: Purchase, session: CheckoutSession): boolean {
  return isPaid(session) && session.purchaseId === id && session.paymentIntent !== paymentIntent;
}

/** The goods of a purchase, as they were promised when it began, for its price. */
function broughtBy(purchase: Purchase): Pick<PurchaseGrant, 'amount' | 'price' | 'expiresInDays' | 'bonus'> {
  const { amount, price, expiresInDays, bonusAmount, bonusExpiresInDays, bonusPriority } = purchase;
  return {
    amount,
    price: price * MICRO_DOLLARS_PER_CENT,
    expiresInDays: expiresInDays ?? undefined,
    bonus:
      bonusAmount === 0
        ? undefined
        : {
            amount: bonusAmount,
            expiresInDays: bonusExpiresInDays ?? undefined,
            priority: bonusPriority ?? undefined,
          },
  };
}

function sum(items: readonly { readonly amount: number }[]): number {
  return items.reduce((total, { amount }) => total + amount, 0);
}

/** The movement's name in the customer's history. */
function movement(
  before: Pick<Purchase, 'refunded' | 'disputed'>,
  after: { refunded: number; disputed: number },
): string {
  if (after.disputed !== before.disputed) return after.disputed > before.disputed ? 'Dispute' : 'Dispute won, return';
  return after.refunded >= before.refunded ? 'Refund' : 'Refund failed, return';
}
