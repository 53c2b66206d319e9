import { Logger } from '@nestjs/common';
import Stripe from 'stripe';
import type { Config } from '../common/config/index.js';
import { ApiError } from '../common/http/index.js';
import type { CheckoutOrder, CheckoutSession, PaymentProvider, ProviderEvent } from './provider.js';

/** The version that the SDK's types describe; an account's own default could be any. */
const API_VERSION = '2026-10-28.endive';
const TIMEOUT_MS = 12_000;
const NETWORK_RETRIES = 2;
const TOLERANCE_SECONDS = 300;
const PURCHASE_ID = /^pur_[0-9a-f]{32}$/;

/** Stripe Checkout through Stripe's own SDK. */
export class StripeProvider implements PaymentProvider {
  readonly name = 'stripe';
  readonly livemode: boolean;
  private readonly stripe: Stripe;
  private readonly logger = new Logger(StripeProvider.name);

  constructor(
    key: string,
    readonly webhookSecrets: readonly string[],
    apiBase: Config['payments']['stripeApiBase'],
  ) {
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

  createSession(order: CheckoutOrder): Promise<CheckoutSession> {
    // Refunds and disputes name only the payment intent, so the purchase's id has to be in its metadata too.
    const metadata = { purchase_id: order.purchaseId };
    const params: Stripe.Checkout.SessionCreateParams = {
      mode: 'payment',
      ui_mode: 'hosted_page',
      client_reference_id: order.purchaseId,
      line_items: [
        {
          quantity: 1,
          price_data: {
            currency: order.currency.toLowerCase(),
            unit_amount: order.price,
            product_data: { name: order.name, description: order.description },
          },
        },
      ],
      allowed_payment_method_types: ['card', 'link'],
      metadata,
      payment_intent_data: { metadata },
      expires_at: order.expiresAt / 1000,
      success_url: order.successUrl,
      cancel_url: order.cancelUrl,
    };
    return this.ask('create a checkout session', () =>
      this.stripe.checkout.sessions.create(params, { idempotencyKey: order.idempotencyKey }),
    );
  }

  fetchSession(id: string): Promise<CheckoutSession> {
    return this.ask('retrieve a checkout session', () => this.stripe.checkout.sessions.retrieve(id));
  }

  private async ask(what: string, call: () => Promise<Stripe.Checkout.Session>): Promise<CheckoutSession> {
    try {
      return toSession(await call());
    } catch (error) {
      this.logger.warn(`Stripe did not ${what}: ${describe(error)}`);
      throw new ApiError('PAYMENT_PROVIDER_ERROR');
    }
  }
}

/**
 * Reads an event after finding its signature good.
 * @param payload the body's bytes as they came
 * @param secrets one of them must have signed it
 * @returns undefined when it is not to be trusted: no or another signature, older than five minutes, no event
 */
export function verifiedEvent(payload: Buffer, signature: string, secrets: readonly string[]): ProviderEvent | undefined {
  for (const secret of secrets) {
    try {
      const { id, type, data } = Stripe.webhooks.constructEvent(payload, signature, secret, TOLERANCE_SECONDS);
      const object = data.object as { id?: string; client_reference_id?: string | null; metadata?: Record<string, string> | null };
      const reference = object.metadata?.['purchase_id'] ?? object.client_reference_id;
      return { id, type, objectId: object.id ?? '', purchaseId: reference && PURCHASE_ID.test(reference) ? reference : null };
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Signs a body the way Stripe does; the sandbox's events go through the same check as Stripe's. */
export function signEvent(payload: string, secret: string): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret });
}

function toSession(session: Stripe.Checkout.Session): CheckoutSession {
  const { id, url, mode, status, payment_status, amount_total, currency, livemode, client_reference_id, payment_intent } = session;
  return {
    id,
    url,
    mode,
    status: status as CheckoutSession['status'],
    paymentStatus: payment_status as CheckoutSession['paymentStatus'],
    amount: amount_total,
    currency: currency && currency.toUpperCase(),
    livemode,
    purchaseId: client_reference_id,
    paymentIntent: typeof payment_intent === 'string' ? payment_intent : (payment_intent?.id ?? null),
  };
}

/** Stripe's words can repeat a part of the key when the key is what it refuses. */
function describe(error: unknown): string {
  if (!(error instanceof Stripe.errors.StripeError)) return (error as Error).message;
  const { type, code, param, statusCode, requestId, message } = error;
  const words = error instanceof Stripe.errors.StripeAuthenticationError ? 'the key was refused' : message;
  return JSON.stringify({ type, code, param, statusCode, requestId, message: words });
}
