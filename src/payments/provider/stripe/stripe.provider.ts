import { Logger } from '@nestjs/common';
import Stripe from 'stripe';
import type { Config } from '../../../common/config/index.js';
import { ApiError } from '../../../common/http/index.js';
import {
  AttemptSpent,
  type CheckoutOrder,
  type CheckoutSession,
  CustomerGone,
  type PaymentProvider,
  type ProviderEvent,
  type Refund,
  type RefundOrder,
  type Reversals,
  USED_EVENTS,
} from '../payment-provider.js';
import {
  readEvent,
  readId,
  readPaymentIntent,
  readPurchaseId,
  readRefund,
  readSession,
  readWithdrawn,
  WrongShape,
} from './stripe.objects.js';
import { verifiedEvent } from './stripe.signature.js';

/** The version of the SDK's types. The account's default version can be any. */
const API_VERSION = '2026-10-28.endive';
const TIMEOUT_MS = 12_000;
const NETWORK_RETRIES = 2;
const PAGE = 100;
/** More payments, refunds or disputes than this can't belong to a checkout of ours. */
const MOST = 1_000;

/** Stripe Checkout through Stripe's own SDK. */
export class StripeProvider implements PaymentProvider {
  readonly name = 'stripe';
  readonly livemode: boolean;
  readonly signsEvents: boolean;
  private readonly stripe: Stripe;
  private readonly logger = new Logger(StripeProvider.name);

  constructor(
    key: string,
    private readonly webhookSecrets: readonly string[],
    apiBase: Config['payments']['stripeApiBase'],
  ) {
    this.signsEvents = webhookSecrets.length > 0;
    this.livemode = /^[a-z]+_live_/.test(key);
    this.stripe = new Stripe(key, {
      apiVersion: API_VERSION,
      timeout: TIMEOUT_MS,
      maxNetworkRetries: NETWORK_RETRIES,
      telemetry: false,
      ...(apiBase && {
        host: apiBase.hostname,
        port: apiBase.port || (apiBase.protocol === 'http:' ? 80 : 443),
        protocol: apiBase.protocol === 'http:' ? ('http' as const) : ('https' as const),
      }),
    });
  }

  createCustomer(account: string, idempotencyKey: string): Promise<string> {
    return this.ask('create a customer', async () =>
      readId(await this.stripe.customers.create({ description: account, metadata: { account } }, { idempotencyKey })),
    );
  }

  createSession(order: CheckoutOrder): Promise<CheckoutSession> {
    // Refunds and disputes name only the payment intent, so its metadata needs the purchase's id too.
    const metadata = { purchase_id: order.purchaseId };
    const params: Stripe.Checkout.SessionCreateParams = {
      mode: 'payment',
      ui_mode: 'hosted_page',
      client_reference_id: order.purchaseId,
      customer: order.customer,
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: order.currency.toLowerCase(),
            unit_amount: order.price,
            product_data: { name: order.name, description: order.description },
            ...(order.automaticTax && { tax_behavior: 'exclusive' }),
          },
        },
      ],
      allowed_payment_method_types: ['card', 'link'],
      metadata,
      payment_intent_data: { metadata },
      expires_at: order.expiresAt / 1000,
      success_url: order.successUrl,
      cancel_url: order.cancelUrl,
      // The tax depends on the buyer's address: Checkout asks for it, and the customer keeps it.
      ...(order.automaticTax && { automatic_tax: { enabled: true }, customer_update: { address: 'auto' } }),
      ...(order.promotionCodes && { allow_promotion_codes: true }),
    };
    return this.ask('create a checkout session', async () =>
      readSession(await this.stripe.checkout.sessions.create(params, { idempotencyKey: order.idempotencyKey })),
    );
  }

  fetchSession(id: string): Promise<CheckoutSession> {
    return this.ask('retrieve a checkout session', async () =>
      readSession(await this.stripe.checkout.sessions.retrieve(id, { expand: ['payment_intent.latest_charge'] })),
    );
  }

  findSessions(purchaseId: string, customer: string, since: number): Promise<readonly CheckoutSession[]> {
    return this.ask('list the checkout sessions of a customer', async () => {
      const sessions = await this.stripe.checkout.sessions
        .list({ customer, created: { gte: seconds(since) }, limit: PAGE })
        .autoPagingToArray({ limit: MOST });
      return sessions.map(readSession).filter((session) => session.purchaseId === purchaseId);
    });
  }

  fetchReversals(paymentIntent: string): Promise<Reversals> {
    return this.ask('list the refunds and disputes of a payment', async () => {
      const query = { payment_intent: paymentIntent, limit: PAGE };
      const [refunds, disputes] = await Promise.all([
        this.stripe.refunds.list(query).autoPagingToArray({ limit: MOST }),
        this.stripe.disputes.list(query).autoPagingToArray({ limit: MOST }),
      ]);
      return { refunds: refunds.map(readRefund), withdrawn: readWithdrawn(disputes) };
    });
  }

  purchaseOf(paymentIntent: string): Promise<string | null> {
    return this.ask('retrieve a payment', async () =>
      readPurchaseId(await this.stripe.paymentIntents.retrieve(paymentIntent)),
    );
  }

  refund({ paymentIntent, purchaseId, requestId, amount, reason, idempotencyKey }: RefundOrder): Promise<Refund> {
    const params: Stripe.RefundCreateParams = {
      payment_intent: paymentIntent,
      amount,
      metadata: { purchase_id: purchaseId, request_id: requestId },
      ...(reason && { reason }),
    };
    return this.ask('refund a payment', async () => {
      try {
        return readRefund(await this.stripe.refunds.create(params, { idempotencyKey }));
      } catch (error) {
        if (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 400)
          throw new ApiError('CONFLICT', `The payment provider refused the refund: ${error.message}`);
        throw error;
      }
    });
  }

  readEvent(payload: Buffer | undefined, signature: string | undefined): ProviderEvent | undefined {
    return verifiedEvent(payload, signature, this.webhookSecrets);
  }

  listEvents(since: number): AsyncIterable<ProviderEvent> {
    const query = { created: { gte: seconds(since) }, types: [...USED_EVENTS], limit: PAGE };
    return this.pages('list events', this.stripe.events.list(query), readEvent);
  }

  listSessions(since: number): AsyncIterable<CheckoutSession> {
    const query = { created: { gte: seconds(since) }, limit: PAGE };
    return this.pages('list checkout sessions', this.stripe.checkout.sessions.list(query), readSession);
  }

  async *listReversed(since: number): AsyncIterable<string> {
    const query = { created: { gte: seconds(since) }, limit: PAGE };
    yield* this.pages('list refunds', this.stripe.refunds.list(query), readPaymentIntent);
    yield* this.pages('list disputes', this.stripe.disputes.list(query), readPaymentIntent);
  }

  /** The items of a list that concern us. One unreadable item must not hide the others. */
  private async *pages<T>(
    what: string,
    list: AsyncIterable<unknown>,
    read: (item: unknown) => T | null | undefined,
  ): AsyncIterable<T> {
    const iterator = list[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.ask(what, () => iterator.next());
      if (next.done) return;
      try {
        const item = read(next.value);
        if (item !== null && item !== undefined) yield item;
      } catch (error) {
        if (!(error instanceof WrongShape)) throw error;
        this.logger.error(`Stripe returned an unreadable object when asked to ${what}: ${error.message}`);
      }
    }
  }

  private async ask<T>(what: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.logger.warn(`Stripe did not ${what}: ${describe(error)}`);
      if (error instanceof ApiError) throw error;
      if (error instanceof Stripe.errors.StripeError) {
        const { rawType, statusCode, code, param } = error;
        const stored = statusCode === 500 && rawType === 'api_error';
        if (stored || (statusCode === 400 && rawType === 'idempotency_error')) throw new AttemptSpent();
        if (code === 'resource_missing' && param === 'customer') throw new CustomerGone();
      }
      throw new ApiError('PAYMENT_PROVIDER_ERROR');
    }
  }
}

function seconds(time: number): number {
  return Math.floor(time / 1000);
}

/** Stripe's message can repeat a part of a refused key. */
function describe(error: unknown): string {
  if (!(error instanceof Stripe.errors.StripeError)) return (error as Error).message;
  const { type, code, param, statusCode, requestId, message } = error;
  const words = error instanceof Stripe.errors.StripeAuthenticationError ? 'the key was refused' : message;
  return JSON.stringify({ type, code, param, statusCode, requestId, message: words });
}
