import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Config } from '../common/config/index.js';
import { affectedRows, isDuplicate, Transactions } from '../common/database/index.js';
import { ApiError, type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import { TokensService } from '../tokens/index.js';
import type { CheckoutDto } from './payments.dto.js';
import { Purchase, type PurchaseKind } from './payments.entities.js';
import { inWords, MICRO_DOLLARS, toCheckout } from './present.js';
import { PAYMENT_PROVIDER, type PaymentProvider } from './provider.js';

/** Stripe takes at most 24 hours from the moment when it makes the session, which a retry may put off. */
const LIFETIME_MS = 23 * 3_600_000;

/** What is for sale, as a purchase keeps it. */
type Item = Pick<Purchase, 'item' | 'name' | 'amount' | 'price' | 'currency'>;

/** Begins purchases: first our row, then the provider's session. */
@Injectable()
export class CheckoutService {
  constructor(
    @InjectRepository(Purchase) private readonly purchases: Repository<Purchase>,
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly transactions: Transactions,
    private readonly credits: CreditsService,
    private readonly tokens: TokensService,
    private readonly config: Config,
  ) {}

  /**
   * Opens the checkout of a package of credits.
   * @throws ApiError VALIDATION_ERROR, IDEMPOTENCY_KEY_REUSED, PAYMENTS_NOT_CONFIGURED, PAYMENT_PROVIDER_ERROR (the same request may be repeated)
   */
  buyCredits(account: string, packageId: string, idempotency: Idempotency): Promise<CheckoutDto> {
    return this.open('credits', account, packageId, idempotency, () => {
      const sold = this.credits.packages().find(({ id }) => id === packageId);
      if (!sold)
        throw invalidField(
          'package_id',
          `must be one of ${this.credits
            .packages()
            .map(({ id }) => id)
            .join(', ')}`,
        );
      return {
        item: sold.id,
        name: `${sold.name} package`,
        amount: Math.round(sold.amount * MICRO_DOLLARS),
        price: cents(sold.price),
        currency: sold.currency,
      };
    });
  }

  /**
   * Opens the checkout of a plan of tokens.
   * @throws ApiError as `buyCredits`
   */
  buyTokens(account: string, planId: string, idempotency: Idempotency): Promise<CheckoutDto> {
    return this.open('tokens', account, planId, idempotency, () => {
      const sold = this.tokens.plans().find(({ id }) => id === planId);
      if (!sold)
        throw invalidField(
          'plan_id',
          `must be one of ${this.tokens
            .plans()
            .map(({ id }) => id)
            .join(', ')}`,
        );
      return { item: sold.id, name: `${sold.name} plan`, amount: sold.tokens, price: cents(sold.price), currency: sold.currency };
    });
  }

  /**
   * Makes sure that the purchase has a session. Asking again under the same key gives the session of the first time, also when nobody heard that answer.
   * @returns the purchase with its session, and whether it was this call that stored it
   */
  async ensureSession(purchase: Purchase): Promise<{ purchase: Purchase; stored: boolean }> {
    if (purchase.sessionId !== null) return { purchase, stored: false };
    if (!this.provider) throw notConfigured();
    if (purchase.provider !== this.provider.name) throw new ApiError('CONFLICT', 'This purchase was begun with another payment provider.');
    const { id, attempt, name, price, currency, expiresAt } = purchase;
    const session = await this.provider.createSession({
      purchaseId: id,
      idempotencyKey: `checkout:${id}:${attempt}`,
      name,
      description: inWords(purchase),
      price,
      currency,
      expiresAt,
      successUrl: this.returnUrl(this.config.checkoutSuccessUrl, 'return', id),
      cancelUrl: this.returnUrl(this.config.checkoutCancelUrl, 'cancel', id),
    });
    if (session.url === null) throw new ApiError('PAYMENT_PROVIDER_ERROR');
    const met = await this.transactions.run((tx) =>
      affectedRows(tx, 'UPDATE purchase SET session_id = ?, checkout_url = ?, updated_at = ? WHERE id = ? AND session_id IS NULL', [
        session.id,
        session.url,
        Date.now(),
        id,
      ]),
    );
    return { purchase: await this.purchases.findOneByOrFail({ id }), stored: met === 1 };
  }

  private async open(
    kind: PurchaseKind,
    account: string,
    itemId: string,
    idempotency: Idempotency,
    item: () => Item,
  ): Promise<CheckoutDto> {
    const hash = requestHash({ item: itemId });
    const recorded =
      (await this.findByKey(kind, account, idempotency.key)) ?? (await this.record(kind, account, hash, idempotency.key, item()));
    if (recorded.requestHash !== hash) throw new ApiError('IDEMPOTENCY_KEY_REUSED');
    const { purchase, stored } = await this.ensureSession(recorded);
    if (!stored) idempotency.markReplayed();
    return toCheckout(purchase);
  }

  private async record(kind: PurchaseKind, account: string, hash: string, key: string | undefined, item: Item): Promise<Purchase> {
    if (!this.provider) throw notConfigured();
    const now = Date.now();
    const id = `pur_${randomBytes(16).toString('hex')}`;
    const purchase: Partial<Purchase> = {
      id,
      account,
      kind,
      idempotencyKey: key ?? null,
      requestHash: hash,
      ...item,
      provider: this.provider.name,
      livemode: this.provider.livemode ? 1 : 0,
      status: 'open',
      attempt: 1,
      expiresAt: Math.floor((now + LIFETIME_MS) / 1000) * 1000,
      createdAt: now,
      updatedAt: now,
    };
    try {
      await this.transactions.run((tx) => tx.manager.insert(Purchase, purchase));
    } catch (error) {
      // Either the same key came twice at once, or a commit that seemed lost was not and the second try met its row.
      if (!isDuplicate(error)) throw error;
      const first = (await this.purchases.findOneBy({ id })) ?? (await this.findByKey(kind, account, key));
      if (!first) throw error;
      return first;
    }
    return this.purchases.findOneByOrFail({ id });
  }

  private async findByKey(kind: PurchaseKind, account: string, key: string | undefined): Promise<Purchase | null> {
    return key === undefined ? null : this.purchases.findOneBy({ kind, account, idempotencyKey: key });
  }

  /** The buyer comes back to the operator's page, which is told the purchase, or to ours. */
  private returnUrl(configured: string | undefined, page: 'return' | 'cancel', id: string): string {
    if (!configured) return `${this.config.publicUrl}/checkout/${page}/${id}`;
    const [address, fragment] = configured.split('#', 2);
    return `${address}${address?.includes('?') ? '&' : '?'}purchase_id=${id}${fragment === undefined ? '' : `#${fragment}`}`;
  }
}

function cents(price: number): number {
  return Math.round(price * 100);
}

function notConfigured(): ApiError {
  return new ApiError('PAYMENTS_NOT_CONFIGURED', undefined, { retryAfterSeconds: 60 });
}
