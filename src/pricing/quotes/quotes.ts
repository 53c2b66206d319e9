import { randomBytes } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, LessThan, type Repository } from 'typeorm';
import { isDuplicate, Transactions } from '../../common/database/index.js';
import { Jobs, Lease } from '../../common/jobs/index.js';
import { Quote } from './quote.entity.js';

const PURGE_EVERY_MS = 60_000;
/** So long an expired quote is told from one that never was. */
const KEPT_MS = 3_600_000;
const AT_ONCE = 1_000;
const ID = /^quo_[0-9a-f]{32}$/;

/** The quotes that were given. */
@Injectable()
export class Quotes {
  private readonly logger = new Logger(Quotes.name);

  constructor(
    @InjectRepository(Quote) private readonly quotes: Repository<Quote>,
    private readonly transactions: Transactions,
    jobs: Jobs,
  ) {
    const leased = { table: 'pricing_job', name: 'expired quotes', everyMs: PURGE_EVERY_MS, lookBackMs: 0 };
    const lease = new Lease(transactions, leased);
    jobs.add(
      { everyMs: PURGE_EVERY_MS },
      {
        work: async () => {
          const now = Date.now();
          if ((await lease.take(now)) !== undefined) await this.purge(now).then(() => lease.done(now));
        },
        failed: ({ message }) => this.logger.warn(`expired quotes could not be deleted, and will be: ${message}`),
      },
    );
  }

  /**
   * A quote of an account, which may have expired up to an hour ago.
   * @param account such as `user:42`
   * @returns undefined when there is none, or it is another account's
   */
  async find(id: string, account: string): Promise<Quote | undefined> {
    // Not every text is a value that the database compares exactly.
    const found = ID.test(id) ? await this.quotes.findOneBy({ id }) : null;
    return found?.account === account ? found : undefined;
  }

  /** Keeps a quote, so that every server binds itself by it. */
  async give(given: Omit<Quote, 'id'>): Promise<Quote> {
    const quote = { ...given, id: `quo_${randomBytes(16).toString('hex')}` };
    await this.transactions
      .run((tx) => tx.manager.insert(Quote, quote))
      .catch((error: unknown) => {
        // An earlier attempt was committed although its answer was lost.
        if (!isDuplicate(error)) throw error;
      });
    return quote;
  }

  private async purge(now: number): Promise<void> {
    for (;;) {
      const where = { expiresAt: LessThan(now - KEPT_MS) };
      const old = await this.quotes.find({ where, select: { id: true }, order: { expiresAt: 'ASC' }, take: AT_ONCE });
      if (old.length > 0) {
        const ids = old.map(({ id }) => id);
        await this.transactions.run((tx) => tx.manager.delete(Quote, { id: In(ids) }));
      }
      if (old.length < AT_ONCE) return;
    }
  }
}
