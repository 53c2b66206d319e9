/** What a checkout session is to be made of. Everything in it must be the same on every retry of an attempt. */
export interface CheckoutOrder {
  readonly purchaseId: string;
  /** Repeating it gives the same session again. */
  readonly idempotencyKey: string;
  /** What the buyer reads, such as "Pro package". */
  readonly name: string;
  /** What it brings, such as "$100.00 of credits". */
  readonly description: string;
  /** Cents of the currency. */
  readonly price: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Milliseconds since 1970, a whole second. */
  readonly expiresAt: number;
  readonly successUrl: string;
  readonly cancelUrl: string;
}

/** A checkout session as the provider has it at this moment. */
export interface CheckoutSession {
  readonly id: string;
  /** Where the buyer pays; null once that is no longer possible. */
  readonly url: string | null;
  readonly mode: string;
  readonly status: 'open' | 'complete' | 'expired';
  readonly paymentStatus: 'paid' | 'unpaid' | 'no_payment_required';
  /** Cents of the currency. */
  readonly amount: number | null;
  /** ISO 4217, upper case. */
  readonly currency: string | null;
  readonly livemode: boolean;
  readonly purchaseId: string | null;
  readonly paymentIntent: string | null;
}

/** What an event of the provider says, once its signature was found good. */
export interface ProviderEvent {
  readonly id: string;
  readonly type: string;
  /** The object that it is about. */
  readonly objectId: string;
  /** The purchase that the object refers to, when it does. */
  readonly purchaseId: string | null;
}

/** Whoever takes the money. It is asked outside of any database transaction, since its answer can take seconds. */
export interface PaymentProvider {
  readonly name: 'stripe' | 'sandbox';
  /** Whether real money moves. */
  readonly livemode: boolean;
  /** What the events are signed with: none, and there is no webhook; several while one replaces another. */
  readonly webhookSecrets: readonly string[];
  /** @throws ApiError PAYMENT_PROVIDER_ERROR when it refused, or when it is not known what came of it */
  createSession(order: CheckoutOrder): Promise<CheckoutSession>;
  /** @throws ApiError PAYMENT_PROVIDER_ERROR */
  fetchSession(id: string): Promise<CheckoutSession>;
}

/** The injection token of the process's provider; null when payments are off. */
export const PAYMENT_PROVIDER = Symbol('payment provider');
