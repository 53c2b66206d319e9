import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { Purchase, SessionsService } from '../checkout/index.js';
import { isPaid, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { isSettled, SettlementService } from '../settlement/index.js';
import { PAGE, type ReconciliationOptions, type ReconciliationSummary } from './summary.js';

/** Settles purchases with the provider, even when no event came. */
@Injectable()
export class PurchasesReconciler {
  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly sessions: SessionsService,
    private readonly settlement: SettlementService,
  ) {}

  /** Settles unfinished purchases: those without a session, without a payment, or with a payment in progress. */
  async finish(
    { untouchedSince, dryRun, limit }: ReconciliationOptions,
    summary: ReconciliationSummary,
  ): Promise<void> {
    let last = '';
    for (let left = limit ?? Infinity; left > 0;) {
      const found = await this.purchases.find({
        where: {
          status: In(['open', 'processing']),
          updatedAt: LessThanOrEqual(untouchedSince),
          ...(limit ? {} : { id: MoreThan(last) }),
        },
        order: limit ? { updatedAt: 'ASC' } : { id: 'ASC' },
        take: Math.min(left, PAGE),
      });
      for (const purchase of found) await this.settle(purchase, undefined, dryRun, summary);
      summary.unfinished += found.length;
      left -= Math.max(found.length, 1);
      last = found.at(-1)?.id ?? '';
      if (found.length < PAGE) return;
    }
  }

  /** Lists sessions and reversed payments, because some events are never sent. Returns the ids of the paid sessions. */
  async list({ since, dryRun }: ReconciliationOptions, summary: ReconciliationSummary): Promise<ReadonlySet<string>> {
    const paid = new Set<string>();
    for await (const session of this.provider!.listSessions(since)) {
      summary.listed += 1;
      if (!isPaid(session)) continue;
      paid.add(session.id);
      if (session.purchaseId === null) continue;
      const purchase = await this.purchases.findOneBy({ id: session.purchaseId });
      if (!purchase)
        summary.problems.push(
          `the session ${session.id} was paid for the purchase ${session.purchaseId}, which does not exist`,
        );
      else if (purchase.sessionId !== session.id || purchase.paid === null || !isSettled(purchase))
        await this.settle(purchase, session.id, dryRun, summary);
    }
    const reversed = new Set<string>();
    for await (const paymentIntent of this.provider!.listReversed(since)) reversed.add(paymentIntent);
    summary.listed += reversed.size;
    for (const paymentIntent of reversed) {
      const purchase = (await this.purchases.findOneBy({ paymentIntent })) ?? (await this.namedBy(paymentIntent));
      if (purchase) await this.settle(purchase, undefined, dryRun, summary);
    }
    return paid;
  }

  private async namedBy(paymentIntent: string): Promise<Purchase | null> {
    const id = await this.provider!.purchaseOf(paymentIntent);
    return id === null ? null : this.purchases.findOneBy({ id });
  }

  /** One purchase that can't be settled must not stop the others. */
  private async settle(
    purchase: Purchase,
    sessionId: string | undefined,
    dryRun: boolean,
    { changes, problems }: ReconciliationSummary,
  ): Promise<void> {
    const { id, provider } = purchase;
    if (provider !== this.provider!.name) return;
    try {
      if (dryRun) {
        const change = await this.settlement.preview(purchase, sessionId);
        if (change) changes.push(`purchase ${id}: ${change}`);
        return;
      }
      if (purchase.sessionId === null) await this.sessions.recover(purchase);
      await this.settlement.settle(id, sessionId === purchase.sessionId ? undefined : sessionId);
      const after = await this.purchases.findOneByOrFail({ id });
      if (after.status !== purchase.status) changes.push(`purchase ${id}: ${purchase.status} to ${after.status}`);
      else if (after.reversed !== purchase.reversed)
        changes.push(`purchase ${id}: reversed ${purchase.reversed} to ${after.reversed}`);
      else if (after.sessionId !== purchase.sessionId) changes.push(`purchase ${id}: has its session`);
    } catch (error) {
      problems.push(`purchase ${id} could not be settled: ${(error as Error).message}`);
    }
  }
}
