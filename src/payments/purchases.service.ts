import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { accountFor, type Principal } from '../auth/index.js';
import { ApiError, type Page } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import { TokensService } from '../tokens/index.js';
import type { PurchaseDto, PurchasesQuery } from './payments.dto.js';
import { Purchase } from './payments.entities.js';
import { inMoney, toPurchase } from './present.js';
import { SettlementService } from './settlement.service.js';
import { isSettled } from './verdict.js';

const BALANCE_SHOWS_MS = 3_600_000;

/** Purchases as their buyers see them. */
@Injectable()
export class PurchasesService {
  private readonly logger = new Logger(PurchasesService.name);

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    private readonly settlement: SettlementService,
    private readonly credits: CreditsService,
    private readonly tokens: TokensService,
  ) {}

  /** @throws ApiError FORBIDDEN */
  async list(who: Principal, { account, status, limit, offset }: PurchasesQuery): Promise<Page<PurchaseDto>> {
    const [rows, total] = await this.purchases.findAndCount({
      where: { account: accountFor(who, account), ...(status && { status }) },
      order: { createdAt: 'DESC', id: 'DESC' },
      take: limit,
      skip: offset,
    });
    return { data: rows.map(toPurchase), meta: { total, limit, offset } };
  }

  /**
   * One purchase, settled first as far as the provider can be asked.
   * @throws ApiError NOT_FOUND, also for a purchase of another account
   */
  async get(who: Principal, id: string): Promise<PurchaseDto> {
    const purchase = await this.purchases.findOneBy({ id });
    if (!purchase || (purchase.account !== who.account && !who.admin)) throw new ApiError('NOT_FOUND');
    return toPurchase(await this.current(purchase));
  }

  /** The purchase for whoever holds its id, which nobody can guess; null when there is none. */
  async find(id: string): Promise<Purchase | null> {
    const purchase = await this.purchases.findOneBy({ id });
    return purchase && this.current(purchase);
  }

  /**
   * The balance that a purchase has led to, in words, for whoever comes from its checkout: the token was in the address that the checkout
   * returned to and nowhere else, and it holds until an hour after the payment.
   */
  async balanceFor({ account, kind, paidAt, returnToken }: Purchase, token: string | undefined): Promise<string | undefined> {
    const digest = (text: string) => createHash('sha256').update(text).digest();
    if (typeof token !== 'string' || !timingSafeEqual(digest(token), digest(returnToken))) return undefined;
    if (paidAt !== null && paidAt < Date.now() - BALANCE_SHOWS_MS) return undefined;
    const holder = { subject: '', admin: false, account };
    const { balance } = await (kind === 'credits' ? this.credits : this.tokens).wallet.balance(holder);
    return kind === 'credits' ? inMoney(balance, 'USD') : `${balance.toLocaleString('en-US')} tokens`;
  }

  /** Looking must not fail because the provider does; the worker comes back to it. */
  private async current(purchase: Purchase): Promise<Purchase> {
    if (isSettled(purchase)) return purchase;
    const { id } = purchase;
    await this.settlement.settle(id).catch((error: Error) => this.logger.warn(`purchase ${id} could not be settled now: ${error.message}`));
    return this.purchases.findOneByOrFail({ id });
  }
}
