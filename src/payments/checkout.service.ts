import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, type Repository } from 'typeorm';
import { Config } from '../common/config/index.js';
import { affectedRows, isDuplicate, Transactions } from '../common/database/index.js';
import { ApiError, type Idempotency, invalidField, requestHash } from '../common/http/index.js';
import { CreditsService } from '../credits/index.js';
import { TokensService } from '../tokens/index.js';
import type { Stored } from '../wallet/index.js';
import { CustomersService } from './customers.service.js';
import type { CheckoutDto } from './payments.dto.js';
import { Purchase, type PurchaseKind } from './payments.entities.js';
import { inWords, MICRO_DOLLARS, toCheckout } from './present.js';
import {
  AttemptSpent,
  type CheckoutSession,
  type CheckoutTerms,
  CustomerGone,
  PAYMENT_PROVIDER,
  type PaymentProvider,
} from './provider.js';
import { newPurchaseId } from './purchase-id.js';
import { isPaid } from './verdict.js';

/** Stripe takes at most 24 hours from the moment when it makes the session, which a retry may put off. */
const LIFETIME_MS = 23 * 3_600_000;
/** Stripe takes no session that would end sooner than in half an hour. */
const SHORTEST_MS = 31 * 60_000;
const CLOCKS_DIFFER_MS = 10 * 60_000;

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
    private readonly customers: CustomersService,
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
        amount: Math.round(sold.amount * MICRO_DOLLARS) as Stored,
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
      return { item: sold.id, name: `${sold.name} plan`, amount: sold.tokens as Stored, price: cents(sold.price), currency: sold.currency };
    });
  }

  /**
   * Makes sure that the purchase has a session. Asking again under the same key gives the session of the first time, also when nobody heard that
   * answer. A key that has become useless is replaced only when the provider shows that no session of the purchase was made under it.
   * @returns the purchase with its session, and whether it was this call that stored it
   */
  async ensureSession(purchase: Purchase): Promise<{ purchase: Purchase; stored: boolean }> {
    if (purchase.sessionId !== null) return { purchase, stored: false };
    const provider = this.provider;
    if (!provider) throw notConfigured();
    if (purchase.provider !== provider.name) throw new ApiError('CONFLICT', 'This purchase was begun with another payment provider.');
    let current = purchase;
    for (let tries = 1; ; tries++) {
      const customer = await this.customers.idOf(current.account);
      // The provider would refuse such a late session, and has forgotten what the key meant.
      const late = Date.now() > current.expiresAt - SHORTEST_MS;
      try {
        if (late) throw new AttemptSpent();
        const { id: purchaseId, attempt, price, currency, expiresAt, checkoutTerms } = current;
        const idempotencyKey = `checkout:${purchaseId}:${attempt}`;
        return await this.storeSession(
          current,
          await provider.createSession({ ...checkoutTerms, purchaseId, customer, idempotencyKey, price, currency, expiresAt }),
        );
      } catch (error) {
        if (tries === 3 || !(error instanceof AttemptSpent || error instanceof CustomerGone)) throw error;
        if (error instanceof CustomerGone) await this.customers.forget('customer_id', customer);
        const lost = error instanceof AttemptSpent ? await this.findLostSession(current, customer) : undefined;
        if (lost) return this.storeSession(current, lost);
        current = await this.beginAttempt(current);
        if (current.sessionId !== null) return { purchase: current, stored: false };
      }
    }
  }

  /** Gives a purchase without a session the one that it asked for; when its time is over, only one that was made and never heard of. */
  async recover(purchase: Purchase): Promise<void> {
    if (Date.now() <= purchase.expiresAt - SHORTEST_MS) {
      await this.ensureSession(purchase);
      return;
    }
    const lost = await this.findLostSession(purchase, await this.customers.idOf(purchase.account));
    if (lost) await this.storeSession(purchase, lost);
    else if (Date.now() > purchase.expiresAt)
      await this.transactions.run((tx) =>
        affectedRows(tx, "UPDATE purchase SET status = 'expired', updated_at = ?, version = version + 1 WHERE id = ? AND version = ?", [
          Date.now(),
          purchase.id,
          purchase.version,
        ]),
      );
  }

  /** The most finished one, should there be several: the others can only be paid after it, and are then looked at by a person. */
  private async findLostSession({ id, createdAt }: Purchase, customer: string): Promise<CheckoutSession | undefined> {
    const sessions = await this.provider!.findSessions(id, customer, createdAt - CLOCKS_DIFFER_MS);
    return (
      sessions.find(isPaid) ?? sessions.find(({ status }) => status === 'complete') ?? sessions.find(({ status }) => status === 'open')
    );
  }

  private async storeSession({ id, attempt }: Purchase, session: CheckoutSession): Promise<{ purchase: Purchase; stored: boolean }> {
    const met = await this.transactions.run((tx) =>
      affectedRows(
        tx,
        `UPDATE purchase SET session_id = ?, checkout_url = ?, updated_at = ?, version = version + 1
         WHERE id = ? AND attempt = ? AND session_id IS NULL`,
        [session.id, session.url, Date.now(), id, attempt],
      ),
    );
    const purchase = await this.purchases.findOneByOrFail({ id });
    // Another process has begun an attempt of its own meanwhile; this request may be sent again.
    if (purchase.sessionId === null) throw new ApiError('PAYMENT_PROVIDER_ERROR');
    return { purchase, stored: met === 1 };
  }

  /** Gives the purchase a new key, time and terms, unless somebody else has. */
  private async beginAttempt({ id, attempt, ...purchase }: Purchase): Promise<Purchase> {
    await this.transactions.run((tx) =>
      tx.manager.update(
        Purchase,
        { id, attempt, sessionId: IsNull() },
        {
          attempt: attempt + 1,
          status: 'open',
          checkoutTerms: this.terms({ id, ...purchase }),
          expiresAt: expiryFrom(Date.now()),
          updatedAt: Date.now(),
          version: () => 'version + 1',
        },
      ),
    );
    return this.purchases.findOneByOrFail({ id });
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
    const id = newPurchaseId();
    const returnToken = randomBytes(32).toString('base64url');
    const purchase: Partial<Purchase> = {
      id,
      account,
      kind,
      idempotencyKey: key ?? null,
      requestHash: hash,
      ...item,
      returnToken,
      checkoutTerms: this.terms({ id, kind, returnToken, ...item }),
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

  private terms(purchase: Pick<Purchase, 'id' | 'kind' | 'name' | 'amount' | 'returnToken'>): CheckoutTerms {
    const { checkoutSuccessUrl, checkoutCancelUrl, payments } = this.config;
    return {
      name: purchase.name,
      description: inWords(purchase),
      successUrl: this.returnUrl(checkoutSuccessUrl, `return/${purchase.id}?token=${purchase.returnToken}`, purchase.id),
      cancelUrl: this.returnUrl(checkoutCancelUrl, `cancel/${purchase.id}`, purchase.id),
      automaticTax: payments.automaticTax,
      promotionCodes: payments.promotionCodes,
    };
  }

  /** The buyer comes back to the operator's page, which is told the purchase, or to ours. */
  private returnUrl(configured: string | undefined, page: string, id: string): string {
    if (!configured) return `${this.config.publicUrl}/checkout/${page}`;
    const [address, fragment] = configured.split('#', 2);
    return `${address}${address?.includes('?') ? '&' : '?'}purchase_id=${id}${fragment === undefined ? '' : `#${fragment}`}`;
  }
}

function expiryFrom(now: number): number {
  return Math.floor((now + LIFETIME_MS) / 1000) * 1000;
}

function cents(price: number): number {
  return Math.round(price * 100);
}

function notConfigured(): ApiError {
  return new ApiError('PAYMENTS_NOT_CONFIGURED', undefined, { retryAfterSeconds: 60 });
}
