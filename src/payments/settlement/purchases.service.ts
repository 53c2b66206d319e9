import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { accountFor, type Principal } from '../../auth/index.js';
import { ApiError, type Export, type Page } from '../../common/http/index.js';
import {
  findPurchase,
  Goods,
  Purchase,
  type PurchaseDto,
  type PurchasesExportQuery,
  type PurchasesQuery,
  PurchaseWriter,
  toPurchase,
  WORDS,
} from '../checkout/index.js';
import { exportPurchases } from './purchases.export.js';
import { SettlementService } from './settlement.service.js';
import { isSettled } from './verdict.js';

const TOKEN_HOLDS_MS = 24 * 3_600_000;
/** The least time between two pages that ask the provider. */
const ASK_EVERY_MS = 5_000;
/** The longest that a page waits for the provider. */
const PATIENCE_MS = 3_000;

/** Purchases for their buyers. */
@Injectable()
export class PurchasesService {
  private readonly logger = new Logger(PurchasesService.name);

  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    private readonly writer: PurchaseWriter,
    private readonly settlement: SettlementService,
    private readonly goods: Goods,
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

  /** @throws ApiError FORBIDDEN, VALIDATION_ERROR */
  export(who: Principal, query: PurchasesExportQuery): Export {
    return exportPurchases(this.purchases, who, query);
  }

  /**
   * One purchase, settled first if the provider can be reached.
   * @throws ApiError NOT_FOUND, also for another account's purchase
   */
  async get(who: Principal, id: string): Promise<PurchaseDto> {
    const purchase = await findPurchase(this.purchases, id);
    if (!purchase || (purchase.account !== who.account && !who.admin)) throw new ApiError('NOT_FOUND');
    if (isSettled(purchase)) return toPurchase(purchase);
    await this.settle(purchase);
    return toPurchase(await this.purchases.findOneByOrFail({ id }));
  }

  /**
   * The purchase with this unguessable id, for its page; null when there is none. However many pages are open, the
   * provider is asked once in some seconds, and a page does not wait for a slow answer.
   */
  async find(id: string): Promise<Purchase | null> {
    const purchase = await findPurchase(this.purchases, id);
    if (!purchase || isSettled(purchase) || Math.abs(Date.now() - purchase.askedAt) < ASK_EVERY_MS) return purchase;
    await Promise.race([this.settle(purchase, true), setTimeout(PATIENCE_MS, undefined, { ref: false })]);
    return this.purchases.findOneByOrFail({ id });
  }

  /**
   * Whether the token comes from the link back from the checkout. Nothing else carries it, and it is valid until 24
   * hours after the payment.
   */
  isBuyer({ paidAt, returnToken }: Purchase, token: unknown): boolean {
    if (typeof token !== 'string' || paidAt === null || paidAt < Date.now() - TOKEN_HOLDS_MS) return false;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(token), digest(returnToken));
  }

  /** The account's balance in the purchase's unit, for a buyer to read. */
  async balanceOf({ account, kind }: Purchase): Promise<string> {
    const holder = { subject: '', admin: false, account };
    const { balance } = await this.goods.wallet(kind).balance(holder);
    return WORDS[kind].balance(balance);
  }

  /** A look must not fail when the provider does; the worker settles the purchase later. */
  private async settle(purchase: Purchase, inTurn = false): Promise<void> {
    try {
      if (!inTurn || (await this.writer.takeTurn(purchase))) await this.settlement.settle(purchase.id);
    } catch (error) {
      this.logger.warn(`purchase ${purchase.id} could not be settled now: ${(error as Error).message}`);
    }
  }
}
