import { setTimeout } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThanOrEqual, MoreThan, type Repository } from 'typeorm';
import { Config } from '../common/config/index.js';
import { affectedRows, execute, insertRows, Transactions } from '../common/database/index.js';
import { CreditsService } from '../credits/index.js';
import { TokensService } from '../tokens/index.js';
import { CheckoutService } from './checkout.service.js';
import { InboxService } from './inbox.service.js';
import { Purchase, Reconciliation } from './payments.entities.js';
import { PaymentsMetrics } from './payments.metrics.js';
import { PAYMENT_PROVIDER, type PaymentProvider, type ProviderEvent } from './provider.js';
import { RefundsService } from './refunds.service.js';
import { SettlementService } from './settlement.service.js';
import { isPaid } from './verdict.js';

const DAY_MS = 24 * 3_600_000;
/** An event can be listed a little later than it is dated. */
const OVERLAP_MS = 10 * 60_000;
/** The provider lists no older ones. */
const EVENTS_KEPT_MS = 30 * DAY_MS;
const RETRY_DAILY_MS = 15 * 60_000;
/** How many purchases a scheduled round looks at, the longest unseen first. */
const A_ROUND = 100;
const PAGE = 100;
const FINISH_WITHIN_MS = 5_000;

/** How far to look. */
export interface ReconciliationOptions {
  /** Look at what has happened since then; milliseconds since 1970. */
  readonly since: number;
  /** Change nothing, only say what would be changed. */
  readonly dryRun: boolean;
  /** Besides unfinished purchases and events, list what the provider has and hold the ledger against it. */
  readonly thorough: boolean;
  /** Leave alone what was looked at after this. */
  readonly untouchedSince: number;
  /** At most so many unfinished purchases. */
  readonly limit?: number;
}

/** What was found. */
export interface ReconciliationSummary {
  /** Purchases without an end that were looked at. */
  unfinished: number;
  /** Refunds whose answer was lost. */
  refunds: number;
  /** Events that the provider lists. */
  events: number;
  /** Those of them that never came. */
  missed: number;
  /** Sessions and reversed payments that the provider lists. */
  listed: number;
  /** What was changed, or would be. */
  changes: string[];
  /** What a person has to look at. */
  problems: string[];
}

/** Makes up for everything that events did not bring: answers that were lost, events that did not come, events that never were. */
@Injectable()
export class ReconciliationService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReconciliationService.name);
  private timer?: NodeJS.Timeout;
  private working?: Promise<void>;
  private stopped = false;

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @InjectRepository(Reconciliation) private readonly rounds: Repository<Reconciliation>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly checkout: CheckoutService,
    private readonly settlement: SettlementService,
    private readonly refunds: RefundsService,
    private readonly inbox: InboxService,
    private readonly credits: CreditsService,
    private readonly tokens: TokensService,
    private readonly config: Config,
    private readonly metrics: PaymentsMetrics,
    private readonly host: HttpAdapterHost,
  ) {}

  onApplicationBootstrap(): void {
    const { reconcileEverySeconds: every } = this.config.payments;
    if (!this.provider || !this.host.httpAdapter || every === 0) return;
    const everyMs = every * 1000;
    this.timer = setInterval(() => {
      this.working ??= this.scheduled(everyMs).finally(() => (this.working = undefined));
    }, everyMs).unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    // A provider that does not answer keeps no process from stopping; what is left undone is taken up again.
    await Promise.race([this.working, setTimeout(FINISH_WITHIN_MS, undefined, { ref: false })]);
  }

  /**
   * One round.
   * @throws ApiError PAYMENT_PROVIDER_ERROR when the provider can't be listed; what was done by then stays done
   */
  async run(options: ReconciliationOptions): Promise<ReconciliationSummary> {
    const summary: ReconciliationSummary = { unfinished: 0, refunds: 0, events: 0, missed: 0, listed: 0, changes: [], problems: [] };
    if (!this.provider) return summary;
    if (!options.dryRun) summary.refunds = await this.refunds.resume(options.untouchedSince);
    await this.finish(options, summary);
    await this.fetchEvents(options, summary);
    if (options.thorough) {
      const paidSessions = await this.list(options, summary);
      await this.audit(options, summary, paidSessions);
    }
    return summary;
  }

  /** Of many processes the one that gets the lease does the round; should it die, the next is due as always. */
  private async scheduled(everyMs: number): Promise<void> {
    for (const [name, period, thorough] of [
      ['frequent', everyMs, false],
      ['daily', DAY_MS, true],
    ] as const) {
      if (this.stopped) return;
      try {
        const now = Date.now();
        const since = await this.take(name, now, period);
        if (since === undefined) continue;
        const summary = await this.run({
          since: Math.max(since - OVERLAP_MS, now - EVENTS_KEPT_MS),
          dryRun: false,
          thorough,
          untouchedSince: now - everyMs,
          limit: A_ROUND,
        });
        await this.transactions.run((tx) => affectedRows(tx, 'UPDATE reconciliation SET done_until = ? WHERE name = ?', [now, name]));
        this.metrics.reconciled(summary.changes.length, summary.problems.length);
        for (const change of summary.changes) this.logger.warn(`reconciliation changed ${change}`);
        for (const problem of summary.problems) this.logger.error(`reconciliation found a problem: ${problem}`);
      } catch (error) {
        this.logger.error(`the ${name} reconciliation failed and will be tried again: ${(error as Error).message}`);
        if (thorough)
          await this.transactions
            .run((tx) => affectedRows(tx, 'UPDATE reconciliation SET next_at = ? WHERE name = ?', [Date.now() + RETRY_DAILY_MS, name]))
            .catch(() => undefined);
      }
    }
  }

  /** Returns up to when the last round has looked, or undefined when none is due. */
  private async take(name: string, now: number, period: number): Promise<number | undefined> {
    const met = await this.transactions.run(async (tx) => {
      await execute(tx, insertRows(tx, 'reconciliation', ['name', 'next_at', 'done_until'], [[name, 0, now - DAY_MS]], { key: ['name'], how: 'keep', columns: [] }));
      // A little early, or a timer that comes a moment too soon would skip every second round.
      return affectedRows(tx, 'UPDATE reconciliation SET next_at = ? WHERE name = ? AND next_at <= ?', [now + period * 0.9, name, now]);
    });
    return met === 1 ? (await this.rounds.findOneByOrFail({ name })).doneUntil : undefined;
  }

  /** Purchases whose end is not known: without a session, not paid yet, under way. */
  private async finish({ untouchedSince, dryRun, limit }: ReconciliationOptions, summary: ReconciliationSummary): Promise<void> {
    let last = '';
    for (let left = limit ?? Infinity; left > 0;) {
      const found = await this.purchases.find({
        where: { status: In(['open', 'processing']), updatedAt: LessThanOrEqual(untouchedSince), ...(limit ? {} : { id: MoreThan(last) }) },
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

  /** Brings the events that the provider has to those that have come. */
  private async fetchEvents({ since, dryRun }: ReconciliationOptions, summary: ReconciliationSummary): Promise<void> {
    let page: ProviderEvent[] = [];
    const flush = async () => {
      const missing = page.length === 0 ? [] : await this.inbox.missing(page);
      summary.events += page.length;
      summary.missed += missing.length;
      if (dryRun) summary.changes.push(...missing.map(({ id, type }) => `the inbox: ${type} ${id}`));
      else await Promise.all(missing.map((event) => this.inbox.store(event)));
      page = [];
    };
    for await (const event of this.provider!.listEvents(since)) {
      page.push(event);
      if (page.length === PAGE) await flush();
    }
    await flush();
    if (!dryRun) await this.inbox.workOff();
  }

  /** Looks at the things themselves, because some events are never made. Returns the paid sessions by id. */
  private async list({ since, dryRun }: ReconciliationOptions, summary: ReconciliationSummary): Promise<ReadonlySet<string>> {
    const paid = new Set<string>();
    for await (const session of this.provider!.listSessions(since)) {
      summary.listed += 1;
      if (!isPaid(session)) continue;
      paid.add(session.id);
      if (session.purchaseId === null) continue;
      const purchase = await this.purchases.findOneBy({ id: session.purchaseId });
      if (!purchase) {
        summary.problems.push(`the session ${session.id} was paid for the purchase ${session.purchaseId}, which does not exist`);
      } else if (purchase.sessionId !== session.id || (purchase.status !== 'paid' && purchase.status !== 'review')) {
        await this.settle(purchase, session.id, dryRun, summary);
      }
    }
    const reversed = new Set<string>();
    for await (const paymentIntent of this.provider!.listReversed(since)) reversed.add(paymentIntent);
    summary.listed += reversed.size;
    for (const paymentIntent of reversed) {
      const id = (await this.purchases.findOneBy({ paymentIntent }))?.id ?? (await this.provider!.purchaseOf(paymentIntent));
      const purchase = id && (await this.purchases.findOneBy({ id }));
      if (purchase) await this.settle(purchase, undefined, dryRun, summary);
    }
    return paid;
  }

  /** Holds each purchase that has changed against the ledger and the provider. */
  private async audit({ since }: ReconciliationOptions, summary: ReconciliationSummary, paidSessions: ReadonlySet<string>): Promise<void> {
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

  private async problemOf(purchase: Purchase, since: number, paidSessions: ReadonlySet<string>): Promise<string | undefined> {
    const { id, kind, account, amount, status, reversed, reviewReason, paid, refunded, disputed, sessionId, createdAt } = purchase;
    const { granted, takenBack } = await (kind === 'credits' ? this.credits : this.tokens).wallet.purchaseSums(account, id);
    if (status === 'paid' && granted === 0) return 'is paid and was not granted';
    if (status !== 'paid' && granted !== 0) return `is ${status} and was granted`;
    if (status === 'paid' && granted !== amount) return `brought ${granted} in place of ${amount}`;
    if (takenBack !== reversed) return `has ${takenBack} taken back in place of ${reversed}`;
    if (status === 'review' && (paid ?? 0) <= refunded + disputed) return undefined;
    if (reviewReason !== null) return `needs a review: ${reviewReason}`;
    if (status === 'paid' && purchase.provider === this.provider!.name && createdAt > since + OVERLAP_MS && !paidSessions.has(sessionId!))
      return (await this.stillPaid(sessionId!)) ? undefined : 'was granted and is not paid at the provider';
    return undefined;
  }

  /** It may have been paid after the sessions were listed. */
  private async stillPaid(sessionId: string): Promise<boolean> {
    return isPaid(await this.provider!.fetchSession(sessionId));
  }

  /** One purchase that can't be settled must not keep the others from it. */
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
      if (purchase.sessionId === null) await this.checkout.recover(purchase);
      await this.settlement.settle(id, sessionId === purchase.sessionId ? undefined : sessionId);
      const after = await this.purchases.findOneByOrFail({ id });
      if (after.status !== purchase.status) changes.push(`purchase ${id}: ${purchase.status} to ${after.status}`);
      else if (after.reversed !== purchase.reversed) changes.push(`purchase ${id}: reversed ${purchase.reversed} to ${after.reversed}`);
      else if (after.sessionId !== purchase.sessionId) changes.push(`purchase ${id}: has its session`);
    } catch (error) {
      problems.push(`purchase ${id} could not be settled: ${(error as Error).message}`);
    }
  }
}
