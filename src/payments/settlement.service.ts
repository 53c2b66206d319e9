import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Not, type Repository } from 'typeorm';
import { forUpdate, Transactions, type Tx } from '../common/database/index.js';
import { ApiError } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import { TokensService } from '../tokens/index.js';
import { CheckoutService } from './checkout.service.js';
import { Purchase } from './payments.entities.js';
import { type CheckoutSession, PAYMENT_PROVIDER, type PaymentProvider } from './provider.js';
import { isSettled, verdict, type Verdict } from './verdict.js';

/** Brings a purchase to where its payment is. Whoever asks, and however often, the outcome is the same. */
@Injectable()
export class SettlementService {
  private readonly logger = new Logger(SettlementService.name);

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly checkout: CheckoutService,
    private readonly credits: CreditsService,
    private readonly tokens: TokensService,
  ) {}

  /**
   * Fetches the current session and does what it says: grants what was paid, or moves the purchase on. What and whom to credit comes from our
   * row, never from the session.
   * @param sessionId the session that an event is about; without it, the one of the row
   * @throws ApiError PAYMENT_PROVIDER_ERROR, and whatever the ledger or the database throws; nothing is half done then
   */
  async settle(purchaseId: string, sessionId?: string): Promise<void> {
    let purchase = await this.purchases.findOneByOrFail({ id: purchaseId });
    if (!this.provider || purchase.provider !== this.provider.name || isSettled(purchase)) return;
    // An event can overtake the answer to the call that made its session, or that answer was lost.
    if (sessionId !== undefined) ({ purchase } = await this.checkout.ensureSession(purchase));
    const asked = sessionId ?? purchase.sessionId;
    if (asked === null) return;
    const session = await this.provider.fetchSession(asked);
    const now = Date.now();
    const decided = verdict(purchase, session, now);
    if (decided.status === 'paid') await this.grant(purchase, session, now);
    else if (decided.status !== purchase.status) await this.move(purchase, session, decided, now);
  }

  /** The entry and the purchase's state are written in one transaction, so that neither is ever there without the other. */
  private async grant(purchase: Purchase, session: CheckoutSession, now: number): Promise<void> {
    const { id, kind, account, amount, name } = purchase;
    const grant = {
      purchaseId: id,
      account,
      amount,
      description: `${name} purchase`,
      attach: (tx: Tx) => this.conclude(tx, id, session, { status: 'paid' }, now),
    };
    try {
      await (kind === 'credits' ? this.credits.grantPurchase(grant) : this.tokens.grantPurchase(grant));
    } catch (error) {
      // What the ledger refuses for good is a balance out of its range. The money has come all the same, so a person has to look.
      if (!(error instanceof ApiError) || error.code !== 'CONFLICT') throw error;
      await this.transactions.run((tx) =>
        tx.manager.update(Purchase, { id, status: Not('paid') }, { status: 'review', reviewReason: error.message, updatedAt: now }),
      );
      this.reportReview(id, error.message);
    }
  }

  private async move({ id }: Purchase, session: CheckoutSession, decided: Verdict, now: number): Promise<void> {
    await this.transactions.run((tx) => this.conclude(tx, id, session, decided, now));
    if (decided.status === 'review') this.reportReview(id, decided.reason);
  }

  /** Decides once more on the locked row; another outcome than the one that the transaction was begun for undoes it. */
  private async conclude(tx: Tx, id: string, session: CheckoutSession, decided: Verdict, now: number): Promise<void> {
    await tx.query(`SELECT id FROM purchase WHERE id = ?${forUpdate(tx)}`, [id]);
    const purchase = await tx.manager.findOneByOrFail(Purchase, { id });
    const { status, reason = null } = verdict(purchase, session, now);
    if (status !== decided.status) throw new Error(`purchase ${id} became ${status} while it was found ${decided.status}`);
    if (status === purchase.status) return;
    await tx.manager.update(
      Purchase,
      { id },
      { status, reviewReason: reason, paymentIntent: session.paymentIntent, paidAt: status === 'paid' ? now : null, updatedAt: now },
    );
  }

  private reportReview(id: string, reason = ''): void {
    this.logger.error(`purchase ${id} needs a review, nothing was granted: ${reason}`);
  }
}
