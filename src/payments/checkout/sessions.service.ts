import { Inject, Injectable } from '@nestjs/common';
import { Config } from '../../common/config/index.js';
import { ApiError } from '../../common/http/index.js';
import {
  AttemptSpent,
  type CheckoutSession,
  CustomerGone,
  isPaid,
  PAYMENT_PROVIDER,
  type PaymentProvider,
} from '../provider/index.js';
import { CustomersService } from './customers.service.js';
import type { Purchase } from './purchase.entity.js';
import { type Changed, PurchaseWriter } from './purchase.writer.js';
import { expiryFrom, termsOf } from './terms.js';

/** Stripe accepts no session that ends in less than half an hour. */
const SHORTEST_MS = 31 * 60_000;
const CLOCKS_DIFFER_MS = 10 * 60_000;
const TRIES = 3;

/** Gives each purchase one session at the provider, even when answers of the provider are lost. */
@Injectable()
export class SessionsService {
  constructor(
    @Inject(PAYMENT_PROVIDER) private readonly provider: PaymentProvider | null,
    private readonly writer: PurchaseWriter,
    private readonly customers: CustomersService,
    private readonly config: Config,
  ) {}

  /**
   * Makes sure that the purchase has a session. A retry under the same key gets the first session, even when its answer
   * was lost. A useless key is replaced only when the provider shows that it made no session under it.
   * @returns the purchase with its session, and whether this call stored the session
   * @throws ApiError CONFLICT, PAYMENTS_NOT_CONFIGURED, PAYMENT_PROVIDER_ERROR
   */
  async ensure(purchase: Purchase): Promise<Changed> {
    if (purchase.sessionId !== null) return { purchase, written: false };
    requireProvider(purchase, this.provider);
    let current = purchase;
    for (let tries = 1; ; tries++) {
      const customer = await this.customers.idOf(current.account);
      try {
        return await this.store(current, await this.create(current, customer));
      } catch (error) {
        if (tries === TRIES || !(error instanceof AttemptSpent || error instanceof CustomerGone)) throw error;
        if (error instanceof CustomerGone) await this.customers.forget('customer_id', customer);
        const lost = error instanceof AttemptSpent ? await this.findLost(current, customer) : undefined;
        if (lost) return this.store(current, lost);
        current = await this.beginAttempt(current);
        if (current.sessionId !== null) return { purchase: current, written: false };
      }
    }
  }

  /**
   * Finds the session of a purchase that has none, or makes one. When it is too late for a new one, it only looks for a
   * session whose answer was lost.
   */
  async recover(purchase: Purchase): Promise<void> {
    if (!isLate(purchase)) {
      await this.ensure(purchase);
      return;
    }
    const lost = await this.findLost(purchase, await this.customers.idOf(purchase.account));
    if (lost) await this.store(purchase, lost);
    else if (Date.now() > purchase.expiresAt)
      await this.writer.change(purchase, ({ version }) => version === purchase.version, { status: 'expired' });
  }

  /** @throws AttemptSpent, CustomerGone */
  private async create(purchase: Purchase, customer: string): Promise<CheckoutSession> {
    // The provider would refuse such a late session, and has forgotten the key.
    if (isLate(purchase)) throw new AttemptSpent();
    const { id: purchaseId, attempt, price, currency, expiresAt, checkoutTerms } = purchase;
    const idempotencyKey = `checkout:${purchaseId}:${attempt}`;
    return this.provider!.createSession({
      ...checkoutTerms,
      purchaseId,
      customer,
      idempotencyKey,
      price,
      currency,
      expiresAt,
    });
  }

  /** The most advanced session, if there are several. A later payment of another one goes to a person for review. */
  private async findLost({ id, createdAt }: Purchase, customer: string): Promise<CheckoutSession | undefined> {
    const sessions = await this.provider!.findSessions(id, customer, createdAt - CLOCKS_DIFFER_MS);
    return (
      sessions.find(isPaid) ??
      sessions.find(({ status }) => status === 'complete') ??
      sessions.find(({ status }) => status === 'open')
    );
  }

  private async store(purchase: Purchase, session: CheckoutSession): Promise<Changed> {
    const stored = await this.writer.change(purchase, isStill(purchase), {
      sessionId: session.id,
      checkoutUrl: session.url,
    });
    // Another process has begun its own attempt meanwhile; the client may send the request again.
    if (stored.purchase.sessionId === null) throw new ApiError('PAYMENT_PROVIDER_ERROR');
    return stored;
  }

  /** Gives the purchase a new key, time and terms, unless another process has. */
  private async beginAttempt(purchase: Purchase): Promise<Purchase> {
    const begun = await this.writer.change(purchase, isStill(purchase), {
      attempt: purchase.attempt + 1,
      status: 'open',
      checkoutTerms: termsOf(purchase, this.config),
      expiresAt: expiryFrom(Date.now()),
    });
    return begun.purchase;
  }
}

/** Payments are off; the client may send the request again when they are on. */
export function notConfigured(): ApiError {
  return new ApiError('PAYMENTS_NOT_CONFIGURED', undefined, { retryAfterSeconds: 60 });
}

/**
 * Checks that a purchase belongs to the provider of this process.
 * @throws ApiError PAYMENTS_NOT_CONFIGURED when there is no provider, CONFLICT when it is another one
 */
export function requireProvider(purchase: Purchase, provider: PaymentProvider | null): void {
  if (!provider) throw notConfigured();
  if (purchase.provider !== provider.name)
    throw new ApiError(
      'CONFLICT',
      `This purchase belongs to the payment provider ${purchase.provider}, which this server no longer uses. Handle it there, or start a new purchase.`,
    );
}

function isLate({ expiresAt }: Purchase): boolean {
  return Date.now() > expiresAt - SHORTEST_MS;
}

/** Whether the purchase is in the same attempt and has no session yet. */
function isStill({ attempt }: Purchase): (current: Purchase) => boolean {
  return (current) => current.attempt === attempt && current.sessionId === null;
}
