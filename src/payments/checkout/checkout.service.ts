import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Config } from '../../common/config/index.js';
import { isDuplicate } from '../../common/database/index.js';
import { Answered, ApiError, type Idempotency, requestHash } from '../../common/http/index.js';
import { newPurchaseId, PAYMENT_PROVIDER, type PaymentProvider } from '../provider/index.js';
import type { CheckoutDto } from './checkout.dto.js';
import { Goods, type Item } from './goods.js';
import { toCheckout } from './present.js';
import { Purchase, type PurchaseKind } from './purchase.entity.js';
import { PurchaseWriter } from './purchase.writer.js';
import { notConfigured, SessionsService } from './sessions.service.js';
import { type Returns, returnsOf } from './returns.js';
import { expiryFrom, termsOf } from './terms.js';

/** Begins purchases: first our row, then the provider's session. */
@Injectable()
export class CheckoutService {
  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly writer: PurchaseWriter,
    private readonly goods: Goods,
    private readonly sessions: SessionsService,
    private readonly config: Config,
  ) {}

  /**
   * Opens the checkout of a package of credits or a plan of tokens.
   * @param wanted the id of the package or plan, and where the buyer goes afterwards
   * @throws ApiError VALIDATION_ERROR, IDEMPOTENCY_KEY_REUSED, PAYMENTS_NOT_CONFIGURED, PAYMENT_PROVIDER_ERROR (the
   *   same request may be repeated)
   */
  async open(
    kind: PurchaseKind,
    { account, actor }: Buyer,
    wanted: Parameters<typeof returnsOf>[0] & { readonly item: string },
    idempotency: Idempotency,
  ): Promise<Answered<CheckoutDto>> {
    const returns = returnsOf(wanted, this.config);
    const hash = requestHash(wanted);
    const { key } = idempotency;
    const recorded =
      (await this.findByKey(kind, account, key)) ??
      (await this.record({ kind, account, actor, hash, ...returns }, this.goods.item(kind, wanted.item), idempotency));
    if (recorded.requestHash !== hash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    const { purchase, written } = await this.sessions.ensure(recorded);
    return new Answered(toCheckout(purchase), !written);
  }

  private async record({ hash, ...wanted }: Wanted, item: Item, idempotency: Idempotency): Promise<Purchase> {
    if (!this.provider) throw notConfigured();
    const now = Date.now();
    const id = newPurchaseId();
    const returnToken = randomBytes(32).toString('base64url');
    const { key } = idempotency;
    try {
      const purchase = {
        id,
        ...wanted,
        idempotencyKey: key ?? null,
        requestHash: hash,
        ...item,
        returnToken,
        checkoutTerms: termsOf({ id, ...wanted, returnToken, ...item }, this.config),
        askedAt: 0,
        refunded: 0,
        disputed: 0,
        reversed: 0,
        version: 1,
        provider: this.provider.name,
        livemode: this.provider.livemode ? 1 : 0,
        status: 'open',
        attempt: 1,
        expiresAt: expiryFrom(now),
        createdAt: now,
        updatedAt: now,
      } as const;
      await this.writer.begin(purchase, idempotency);
    } catch (error) {
      // Either two requests came with the same key at once, or a commit that seemed lost was not and the retry met its
      // row.
      if (!isDuplicate(error)) throw error;
      const first =
        (await this.purchases.findOneBy({ id })) ?? (await this.findByKey(wanted.kind, wanted.account, key));
      if (!first) throw error;
      return first;
    }
    return this.purchases.findOneByOrFail({ id });
  }

  private async findByKey(kind: PurchaseKind, account: string, key: string | undefined): Promise<Purchase | null> {
    return key === undefined ? null : this.purchases.findOneBy({ kind, account, idempotencyKey: key });
  }
}

/** Whose account a purchase is for, and who buys. */
type Buyer = Pick<Purchase, 'account' | 'actor'>;

/** The buyer and where they go, and the hash of the request. */
interface Wanted extends Buyer, Returns {
  readonly kind: PurchaseKind;
  readonly hash: string;
}
