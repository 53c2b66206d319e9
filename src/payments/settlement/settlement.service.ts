import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Transactions, type Tx } from '../../common/database/index.js';
import { ApiError } from '../../common/http/index.js';
import type { PurchaseGrant, Stored } from '../../wallet/index.js';
import { Goods, Purchase, PurchaseWriter, SessionsService, Superseded } from '../checkout/index.js';
import { isPaid, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { clawback, isSettled, verdict } from './verdict.js';

/** Several processes can settle one purchase at once; each round at least one of them gets through. */
const ROUNDS = 10;
const MICRO_DOLLARS_PER_CENT = 10_000;

/** One settlement under way, and the one that follows it. */
interface Running {
  readonly done: Promise<void>;
  next?: Promise<void>;
}

/**
 * Brings a purchase to where its payment is. Whoever asks, and however often, the outcome is the same. What and whom to
 * credit comes from our row, never from the provider.
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
   * Fetches the current session, payment, refunds and disputes, and does what they say: grants what was paid, takes
   * back what was reversed, or moves the purchase on. Whoever asks while this is done for the same purchase shares one
   * more round after it, because what was fetched for the first can be older than what the second has heard of.
   * @param sessionId the session that an event is about, when it is not the one of the row
   * @throws ApiError PAYMENT_PROVIDER_ERROR, and whatever the ledger or the database throws; nothing is half done then
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

  /** Says what settling would change; undefined when nothing. */
  async preview(purchase: Purchase, sessionId: string | undefined): Promise<string | undefined> {
    const asked = sessionId ?? purchase.sessionId;
    if (asked === null) return 'it has no session yet';
    if (isSettled(purchase) && asked === purchase.sessionId) {
      const { reversed } = await this.fetchReversals(purchase, purchase.paymentIntent);
      return reversed === purchase.reversed ? undefined : `reversed ${purchase.reversed} to ${reversed}`;
    }
    const { status } = verdict(purchase, await this.provider!.fetchSession(asked), Date.now());
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

  /** Returns whether nothing more is to be done. */
  private async step(found: Purchase, sessionId: string | undefined): Promise<boolean> {
    const provider = this.provider;
    if (!provider || found.provider !== provider.name) return true;
    let purchase = found;
    if (purchase.sessionId === null) {
      if (sessionId === undefined) return true;
      // An event can overtake the answer to the call that made its session, or that answer was lost.
      ({ purchase } = await this.sessions.ensure(purchase));
    }
    const asked = sessionId ?? (purchase.sessionId as string);
    const own = asked === purchase.sessionId;
    if (own && purchase.status === 'paid') return this.reverse(purchase);
    const session = await provider.fetchSession(asked);
    const now = Date.now();
    if (isSettled(purchase)) {
      const besides =
        isPaid(session) && session.purchaseId === purchase.id && session.paymentIntent !== purchase.paymentIntent;
      if (!besides) return own ? this.reverse(purchase) : true;
      await this.flag(purchase, `The checkout session ${session.id} was paid besides the one that counts.`);
      return true;
    }
    const { status, reason = null } = verdict(purchase, session, now);
    const payment = {
      paymentIntent: session.paymentIntent,
      receiptUrl: session.receiptUrl,
      paid: isPaid(session) ? session.total : null,
    };
    if (status === 'paid') {
      const granted = { ...payment, status, paidAt: now };
      const reversals = await this.fetchReversals({ ...purchase, ...granted }, payment.paymentIntent);
      await this.grant(purchase, granted);
      return reversals.refunded + reversals.disputed === 0;
    }
    // The state is written even when it is the old one: whoever fetched something older at the same time must not write
    // it after this.
    const change = status === 'review' ? { ...payment, status, reviewReason: reason } : { status };
    await this.transactions.run((tx) => this.writer.write(tx, purchase, change));
    if (status === 'review') this.reportReview(purchase.id, reason);
    return true;
  }

  /**
   * The entry and the purchase's state are written in one transaction, so that neither is ever there without the other.
   */
  private async grant(purchase: Purchase, change: Partial<Purchase>): Promise<void> {
    const { id, account, name } = purchase;
    const attach = (tx: Tx) => this.writer.write(tx, purchase, change);
    const description = `${name} purchase`;
    try {
      await this.goods
        .wallet(purchase.kind)
        .grantPurchase({ purchaseId: id, account, description, attach, ...broughtBy(purchase) });
    } catch (error) {
      // What the ledger refuses for good is a balance out of its range. The money has come all the same, so a person
      // has to look.
      if (!(error instanceof ApiError) || error.code !== 'CONFLICT') throw error;
      const { paidAt: _, ...payment } = change;
      await this.transactions.run((tx) =>
        this.writer.write(tx, purchase, { ...payment, status: 'review', reviewReason: error.message }),
      );
      this.reportReview(id, error.message);
    }
  }

  /**
   * Takes back the share that refunds and disputes now come to, or gives back what they no longer come to. It goes to a
   * target and adds up nothing, so it does not matter which events told of it. The key names the version that was read
   * and the target, so a return to an earlier target is a movement of its own.
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
  ): Promise<Pick<Purchase, 'refunded' | 'disputed' | 'reversed'>> {
    if (paymentIntent === null) return { refunded: 0, disputed: 0, reversed: 0 };
    const { refunds, withdrawn } = await this.provider!.fetchReversals(paymentIntent);
    const refunded = sum(refunds.filter(({ status }) => status !== 'failed' && status !== 'canceled'));
    const disputed = sum(withdrawn);
    // A purchase under review has brought nothing that could be taken back.
    return { refunded, disputed, reversed: purchase.status === 'paid' ? clawback(purchase, refunded + disputed) : 0 };
  }

  /** A settled purchase keeps its state; the reason says that a person should look at it all the same. */
  private async flag(purchase: Purchase, reason: string): Promise<void> {
    if (purchase.reviewReason === reason) return;
    await this.transactions.run((tx) => this.writer.write(tx, purchase, { reviewReason: reason }));
    this.reportReview(purchase.id, reason);
  }

  private reportReview(id: string, reason: string | null): void {
    this.logger.error(`purchase ${id} needs a review: ${reason}`);
  }
}

/** What a purchase brings, as it was promised when it began. */
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

/** What a customer reads in the history. */
function movement(
  before: Pick<Purchase, 'refunded' | 'disputed'>,
  after: { refunded: number; disputed: number },
): string {
  if (after.disputed !== before.disputed) return after.disputed > before.disputed ? 'Dispute' : 'Dispute won, return';
  return after.refunded >= before.refunded ? 'Refund' : 'Refund failed, return';
}
