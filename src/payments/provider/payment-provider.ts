import { ApiError } from '../../common/http/index.js';

/** The terms of a purchase's checkout sessions, stored with the purchase. */
export interface CheckoutTerms {
  /** The name that the buyer reads, such as "Pro package". */
  readonly name: string;
  /** The goods, such as "$100.00 of credits". */
  readonly description: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  /** Tax comes on top of the price. */
  readonly automaticTax: boolean;
  /** The buyer may enter a promotion code, and then pays less than the price. */
  readonly promotionCodes: boolean;
}

/** The order for a checkout session. Every retry of an attempt sends exactly the same order. */
export interface CheckoutOrder extends CheckoutTerms {
  readonly purchaseId: string;
  /** The provider's id of the account's customer. */
  readonly customer: string;
  /** The provider returns the same session for the same key. */
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
  /** The address where the buyer pays; null when the session can no longer be paid. */
  readonly url: string | null;
  readonly mode: string;
  readonly status: 'open' | 'complete' | 'expired';
  readonly paymentStatus: 'paid' | 'unpaid' | 'no_payment_required';
  /** Cents of the currency, before discounts and tax. */
  readonly subtotal: number | null;
  /** Cents of the currency, after discounts and tax. */
  readonly total: number | null;
  /** ISO 4217, upper case. */
  readonly currency: string | null;
  readonly livemode: boolean;
  /** The purchase that it is for; null when it is not one of ours. */
  readonly purchaseId: string | null;
  readonly paymentIntent: string | null;
  /** Whether a payment in progress has finally failed. */
  readonly paymentFailed: boolean;
  /** Cents received; null in a list of sessions, or without a payment. */
  readonly received: number | null;
  readonly receiptUrl: string | null;
}

/** Whether the session is fully paid. The verdict checks whether it is the right session. */
export function isPaid({ status, paymentStatus }: Pick<CheckoutSession, 'status' | 'paymentStatus'>): boolean {
  return paymentStatus === 'paid' || (status === 'complete' && paymentStatus === 'no_payment_required');
}

/** The reasons for a refund. */
export const REFUND_REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'] as const;
export type RefundReason = (typeof REFUND_REASONS)[number];

/** The states of a refund. */
export const REFUND_STATUSES = ['pending', 'requires_action', 'succeeded', 'failed', 'canceled'] as const;
export type RefundStatus = (typeof REFUND_STATUSES)[number];

/** The order for a refund. Every retry of an attempt sends exactly the same order. */
export interface RefundOrder {
  readonly paymentIntent: string;
  readonly purchaseId: string;
  /** Our own id of the refund. It identifies the refund when the provider's answer was lost. */
  readonly requestId: string;
  /** The provider returns the same refund for the same key. */
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

/** The refunds and disputes of a payment, as the provider has them at this moment. */
export interface Reversals {
  readonly refunds: readonly Refund[];
  /** The disputes that have withdrawn money. Cents of the currency. */
  readonly withdrawn: readonly { readonly id: string; readonly amount: number }[];
}

/** A verified event of the provider, reduced to the objects to look at. */
export interface ProviderEvent {
  readonly id: string;
  readonly type: string;
  readonly sessionId: string | null;
  readonly paymentIntent: string | null;
  /** The purchase that the event's object names, if it names one. */
  readonly purchaseId: string | null;
}

/** The events that concern a purchase. Each only says "look again". */
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
 * The provider has stored a failure under the key, or knows the key from another request. A retry under this key is
 * useless.
 */
export class AttemptSpent extends ApiError {
  constructor() {
    super('PAYMENT_PROVIDER_ERROR');
  }
}

/** The provider no longer knows the customer; it created nothing. */
export class CustomerGone extends ApiError {
  constructor() {
    super('PAYMENT_PROVIDER_ERROR');
  }
}

/**
 * The payment provider. Never called inside a database transaction, because its answer can take seconds. A refusal or
 * an unknown outcome is an ApiError PAYMENT_PROVIDER_ERROR.
 */
export interface PaymentProvider {
  readonly name: 'stripe' | 'sandbox';
  /** Whether real money moves. */
  readonly livemode: boolean;
  /** Whether its events can be verified, so that the webhook exists. */
  readonly signsEvents: boolean;
  /** @throws AttemptSpent */
  createCustomer(account: string, idempotencyKey: string): Promise<string>;
  /** @throws AttemptSpent, CustomerGone */
  createSession(order: CheckoutOrder): Promise<CheckoutSession>;
  fetchSession(id: string): Promise<CheckoutSession>;
  /** The sessions of a purchase, from all its attempts. `since` is earlier than the first of them. */
  findSessions(purchaseId: string, customer: string, since: number): Promise<readonly CheckoutSession[]>;
  fetchReversals(paymentIntent: string): Promise<Reversals>;
  /** The purchase that a payment is for; null when it is not one of ours. */
  purchaseOf(paymentIntent: string): Promise<string | null>;
  /** @throws AttemptSpent, and ApiError CONFLICT when the payment can't be refunded by this amount */
  refund(order: RefundOrder): Promise<Refund>;
  /**
   * Verifies an event's signature, and reads the event.
   * @param payload the body's raw bytes
   * @param signature the header with the signature
   * @returns undefined for a type of event that is not used
   * @throws ApiError WEBHOOK_SIGNATURE_INVALID when the signature is missing, wrong or older than five minutes,
   *   VALIDATION_ERROR when the signed body is not an event
   */
  readEvent(payload: Buffer | undefined, signature: string | undefined): ProviderEvent | undefined;
  /** The events of the used types, the newest first. `since` is in milliseconds. */
  listEvents(since: number): AsyncIterable<ProviderEvent>;
  listSessions(since: number): AsyncIterable<CheckoutSession>;
  /** The payments with a refund or dispute; one payment can come several times. */
  listReversed(since: number): AsyncIterable<string>;
}

/** The injection token of the payment provider; null when payments are off. */
export const PAYMENT_PROVIDER = Symbol('payment provider');
