import { ApiError } from '../../common/http/index.js';

/** What a purchase's checkout sessions are made of, as it is kept with the purchase. */
export interface CheckoutTerms {
  /** What the buyer reads, such as "Pro package". */
  readonly name: string;
  /** What it brings, such as "$100.00 of credits". */
  readonly description: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  /** Tax comes on top of the price. */
  readonly automaticTax: boolean;
  /** The buyer may enter a promotion code, and then pays less than the price. */
  readonly promotionCodes: boolean;
}

/** What a checkout session is to be made of. Everything in it must be the same on every retry of an attempt. */
export interface CheckoutOrder extends CheckoutTerms {
  readonly purchaseId: string;
  /** The provider's id of the account's customer. */
  readonly customer: string;
  /** Repeating it gives the same session again. */
  readonly idempotencyKey: string;
  /** Cents of the currency. */
  readonly price: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Milliseconds since 1970, a whole second. */
  readonly expiresAt: number;
}

/** A checkout session as the provider has it at this moment. */
export interface CheckoutSession {
  readonly id: string;
  /** Where the buyer pays; null once that is no longer possible. */
  readonly url: string | null;
  readonly mode: string;
  readonly status: 'open' | 'complete' | 'expired';
  readonly paymentStatus: 'paid' | 'unpaid' | 'no_payment_required';
  /** Cents of the currency: what is sold, before discounts and tax. */
  readonly subtotal: number | null;
  /** Cents of the currency: what is to be paid. */
  readonly total: number | null;
  /** ISO 4217, upper case. */
  readonly currency: string | null;
  readonly livemode: boolean;
  /** The purchase that it is for; null when that is none of ours. */
  readonly purchaseId: string | null;
  readonly paymentIntent: string | null;
  /** Whether a payment that was under way has failed for good. */
  readonly paymentFailed: boolean;
  /** Cents that have come in; null where the session was listed and not fetched, or has no payment. */
  readonly received: number | null;
  readonly receiptUrl: string | null;
}

/** Whether nothing more is to be paid on a session, which is not yet to say that it is the right one. */
export function isPaid({ status, paymentStatus }: Pick<CheckoutSession, 'status' | 'paymentStatus'>): boolean {
  return paymentStatus === 'paid' || (status === 'complete' && paymentStatus === 'no_payment_required');
}

/** The reasons that a refund may be given. */
export const REFUND_REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;
export type RefundReason = (typeof REFUND_REASONS)[number];

/** How far a refund is. */
export const REFUND_STATUSES = ['pending', 'requires_action', 'succeeded', 'failed', 'canceled'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/** A refund to be made. Everything in it must be the same on every retry of an attempt. */
export interface RefundOrder {
  readonly paymentIntent: string;
  readonly purchaseId: string;
  /** Our own id of it, by which it is recognised when its answer was lost. */
  readonly requestId: string;
  /** Repeating it gives the same refund again. */
  readonly idempotencyKey: string;
  /** Cents of the currency. */
  readonly amount: number;
  readonly reason: RefundReason | null;
}

/** A refund as the provider has it at this moment. */
export interface Refund {
  readonly id: string;
  /** Cents of the currency. */
  readonly amount: number;
  readonly status: RefundStatus;
  readonly requestId: string | null;
}

/** What has been taken back of a payment, as the provider has it at this moment. */
export interface Reversals {
  readonly refunds: readonly Refund[];
  /** Only those that have withdrawn money. Cents of the currency. */
  readonly withdrawn: readonly { readonly id: string; readonly amount: number }[];
}

/** What an event of the provider says, once its signature was found good: nothing but where to look. */
export interface ProviderEvent {
  readonly id: string;
  readonly type: string;
  readonly sessionId: string | null;
  readonly paymentIntent: string | null;
  /** The purchase that the object refers to, when it does. */
  readonly purchaseId: string | null;
}

/** The events that say something about a purchase; all of them only say "look again". */
export const USED_EVENTS = [
  'checkout.session.completed',
  'checkout.session.async_payment_succeeded',
  'checkout.session.async_payment_failed',
  'checkout.session.expired',
  'payment_intent.succeeded',
  'refund.created',
  'refund.updated',
  'refund.failed',
  'charge.refunded',
  'charge.dispute.created',
  'charge.dispute.updated',
  'charge.dispute.funds_withdrawn',
  'charge.dispute.funds_reinstated',
  'charge.dispute.closed',
] as const;

/**
 * The provider keeps a failure under the key, or has met the key with another request: asking again under it is of no
 * use.
 */
export class AttemptSpent extends ApiError {
  constructor() {
    super('PAYMENT_PROVIDER_ERROR');
  }
}

/** The provider no longer knows the customer, and has made nothing. */
export class CustomerGone extends ApiError {
  constructor() {
    super('PAYMENT_PROVIDER_ERROR');
  }
}

/**
 * Whoever takes the money. It is asked outside of any database transaction, since its answer can take seconds. What it
 * refused, or of which it is not known what came of it, is an ApiError PAYMENT_PROVIDER_ERROR.
 */
export interface PaymentProvider {
  readonly name: 'stripe' | 'sandbox';
  /** Whether real money moves. */
  readonly livemode: boolean;
  /** Whether its events can be checked, and so have a webhook. */
  readonly signsEvents: boolean;
  /** @throws AttemptSpent */
  createCustomer(account: string, idempotencyKey: string): Promise<string>;
  /** @throws AttemptSpent, CustomerGone */
  createSession(order: CheckoutOrder): Promise<CheckoutSession>;
  fetchSession(id: string): Promise<CheckoutSession>;
  /** The sessions of a purchase, whatever attempt made them. `since` is before the first of them. */
  findSessions(purchaseId: string, customer: string, since: number): Promise<readonly CheckoutSession[]>;
  fetchReversals(paymentIntent: string): Promise<Reversals>;
  /** The purchase that a payment is for; null when it isn't one of ours. */
  purchaseOf(paymentIntent: string): Promise<string | null>;
  /** @throws AttemptSpent, and ApiError CONFLICT when the payment can't be refunded so */
  refund(order: RefundOrder): Promise<Refund>;
  /**
   * Reads an event that was sent, after finding its signature good.
   * @param payload the body's bytes as they came
   * @param signature the header that came with them
   * @returns undefined when it is of a kind that is not used
   * @throws ApiError WEBHOOK_SIGNATURE_INVALID when it is not to be trusted (no or another signature, older than five
   *   minutes), VALIDATION_ERROR when it is signed and no event
   */
  readEvent(payload: Buffer | undefined, signature: string | undefined): ProviderEvent | undefined;
  /** Events of the kinds that are used, the newest first. `since` is in milliseconds. */
  listEvents(since: number): AsyncIterable<ProviderEvent>;
  listSessions(since: number): AsyncIterable<CheckoutSession>;
  /** The payments that were refunded or disputed; one can come several times. */
  listReversed(since: number): AsyncIterable<string>;
}

/** The injection token of the process's provider; null when payments are off. */
export const PAYMENT_PROVIDER = Symbol('payment provider');
