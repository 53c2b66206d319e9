import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, type Repository } from 'typeorm';
import { Goods, Purchase } from '../checkout/index.js';
import { isPaid, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import { OVERLAP_MS, PAGE, type ReconciliationOptions, type ReconciliationSummary } from './summary.js';

/** Finds purchases that contradict the ledger or the provider. It changes nothing. */
@Injectable()
export class Audit {
  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly goods: Goods,
  ) {}

  /** Compares each purchase that has changed with the ledger and the provider. */
  async check(
    { since }: ReconciliationOptions,
    summary: ReconciliationSummary,
    paidSessions: ReadonlySet<string>,
  ): Promise<void> {
    for (let last = ''; ;) {
      const found = await this.purchases.find({
        where: { updatedAt: MoreThan(since), id: MoreThan(last) },
        order: { id: 'ASC' },
        take: PAGE,
      });
      for (const purchase of found) {
        const problem = await this.problemOf(purchase, since, paidSessions);
        if (problem) summary.problems.push(`purchase ${purchase.id} ${problem}`);
      }
      if (found.length < PAGE) return;
      last = found.at(-1)!.id;
    }
  }

  private async problemOf(
    purchase: Purchase,
    since: number,
    paidSessions: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const { id, kind, account, status, reviewReason, paid, refunded, disputed, sessionId, createdAt } = purchase;
    const contradiction = contradictionOf(purchase, await this.goods.wallet(kind).purchaseSums(account, id));
    if (contradiction) return contradiction;
    if (status === 'review' && (paid ?? 0) <= refunded + disputed) return undefined;
    if (reviewReason !== null) return `needs a review: ${reviewReason}`;
    const wasListed = purchase.provider === this.provider!.name && createdAt > since + OVERLAP_MS;
    if (status !== 'paid' || !wasListed || paidSessions.has(sessionId!)) return undefined;
    return (await this.stillPaid(sessionId!)) ? undefined : 'was granted and is not paid at the provider';
  }

  /** Asks again, because it may have been paid after the sessions were listed. */
  private async stillPaid(sessionId: string): Promise<boolean> {
    return isPaid(await this.provider!.fetchSession(sessionId));
  }
}

/** The contradiction between a purchase and its entries in the ledger, or its resolution, if there is one. */
function contradictionOf(
  { status, amount, bonusAmount, reversed, resolution, paid, refunded, disputed }: Purchase,
  { granted, takenBack }: { granted: number; takenBack: number },
): string | undefined {
  if (status === 'paid' && granted === 0) return 'is paid and was not granted';
  if (status !== 'paid' && granted !== 0) return `is ${status} and was granted`;
  if (resolution === 'refund' && (paid ?? 0) > refunded + disputed) return 'was to be refunded and is not';
  const promised = amount + bonusAmount;
  if (status === 'paid' && granted !== promised) return `brought ${granted} in place of ${promised}`;
  return takenBack === reversed ? undefined : `has ${takenBack} taken back in place of ${reversed}`;
}
