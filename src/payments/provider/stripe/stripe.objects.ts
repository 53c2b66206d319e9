import {
  type CheckoutSession,
  type ProviderEvent,
  type Refund,
  type Reversals,
  USED_EVENTS,
} from '../payment-provider.js';
import { isPurchaseId } from '../purchase-id.js';

/**
 * An object of Stripe does not have the shape that Stripe's API documents. A database driver could do anything with
 * such a value, so it never gets there.
 */
export class WrongShape extends Error {
  constructor(
    /** The field's path, such as `data.object.id`. */
    readonly field: string,
    readonly problem: string,
  ) {
    super(`${field} ${problem}`);
  }
}

/** Stripe's ids have no spaces, which MySQL and MariaDB would ignore at the end. */
const ID = /^[\x21-\x7e]{1,255}$/;
/** Fits a `text` column in any script. */
const MOST_TEXT = 16_000;

/**
 * An inquiry, or a dispute that was won or prevented, withdraws no money. Every other state does, including states that
 * Stripe adds later.
 */
const HARMLESS_DISPUTES = /^(warning_\w+|won|prevented)$/;

/**
 * Reads an event.
 * @returns undefined for a type of event that is not used
 * @throws WrongShape
 */
export function readEvent(value: unknown): ProviderEvent | undefined {
  const event = new StripeObject(value, '');
  const [id, type] = [event.id('id'), event.text('type')];
  if (!(USED_EVENTS as readonly string[]).includes(type)) return undefined;
  const about = event.object('data').object('object');
  const kind = about.textOrNull('object');
  return {
    id,
    type,
    sessionId: kind === 'checkout.session' ? about.id('id') : null,
    paymentIntent: kind === 'payment_intent' ? about.id('id') : about.reference('payment_intent'),
    purchaseId: readPurchaseId(about),
  };
}

/** @throws WrongShape */
export function readSession(value: unknown): CheckoutSession {
  const session = new StripeObject(value, '');
  const payment = session.expanded('payment_intent');
  const status = session.textOrNull('status');
  return {
    id: session.id('id'),
    url: session.textOrNull('url'),
    mode: session.text('mode'),
    status: status as CheckoutSession['status'],
    paymentStatus: session.text('payment_status') as CheckoutSession['paymentStatus'],
    subtotal: session.amountOrNull('amount_subtotal'),
    total: session.amountOrNull('amount_total'),
    currency: session.textOrNull('currency')?.toUpperCase() ?? null,
    livemode: session.flag('livemode'),
    purchaseId: ours(session.textOrNull('client_reference_id')),
    paymentIntent: session.reference('payment_intent'),
    paymentFailed: status === 'complete' && /^(requires_payment_method|canceled)$/.test(payment?.text('status') ?? ''),
    received: payment?.amountOrNull('amount_received') ?? null,
    receiptUrl: payment?.expanded('latest_charge')?.textOrNull('receipt_url') ?? null,
  };
}

/** @throws WrongShape */
export function readRefund(value: unknown): Refund {
  const refund = new StripeObject(value, '');
  return {
    id: refund.id('id'),
    amount: refund.amount('amount'),
    // Stripe gives no state for payment methods that have none.
    status: (refund.textOrNull('status', 20) ?? 'pending') as Refund['status'],
    requestId: refund.objectOrNull('metadata')?.textOrNull('request_id') ?? null,
  };
}

/**
 * The money that disputes have withdrawn.
 * @throws WrongShape
 */
export function readWithdrawn(disputes: readonly unknown[]): Reversals['withdrawn'] {
  return disputes
    .map((value) => new StripeObject(value, ''))
    .filter((dispute) => !HARMLESS_DISPUTES.test(dispute.text('status')))
    .map((dispute) => ({ id: dispute.id('id'), amount: dispute.amount('amount') }));
}

/**
 * The id of a customer or the like.
 * @throws WrongShape
 */
export function readId(value: unknown): string {
  return new StripeObject(value, '').id('id');
}

/**
 * The payment of a refund or dispute.
 * @throws WrongShape
 */
export function readPaymentIntent(value: unknown): string | null {
  return new StripeObject(value, '').reference('payment_intent');
}

/**
 * The purchase that an object names; null when it is not one of ours.
 * @throws WrongShape
 */
export function readPurchaseId(value: unknown): string | null {
  const object = value instanceof StripeObject ? value : new StripeObject(value, '');
  return ours(object.objectOrNull('metadata')?.textOrNull('purchase_id') ?? object.textOrNull('client_reference_id'));
}

function ours(reference: string | null): string | null {
  return reference !== null && isPurchaseId(reference) ? reference : null;
}

/** An object of Stripe. It checks each field on reading; an absent field counts as null. */
class StripeObject {
  private readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    value: unknown,
    private readonly path: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new WrongShape(path || 'body', 'must be an object');
    this.fields = value as Record<string, unknown>;
  }

  id(name: string): string {
    const value = this.fields[name];
    return typeof value === 'string' && ID.test(value)
      ? value
      : this.refuse(name, 'must be 1 to 255 visible ASCII characters');
  }

  text(name: string): string {
    return this.textOrNull(name) ?? this.refuse(name, 'must be text');
  }

  textOrNull(name: string, longest = MOST_TEXT): string | null {
    const value = this.fields[name] ?? null;
    const fits = value === null || (typeof value === 'string' && value.length <= longest);
    return fits ? value : this.refuse(name, `must be text of at most ${longest} characters`);
  }

  /** Cents. */
  amount(name: string): number {
    return this.amountOrNull(name) ?? this.refuse(name, 'must be a whole number of cents');
  }

  amountOrNull(name: string): number | null {
    const value = this.fields[name] ?? null;
    const fits = value === null || (Number.isSafeInteger(value) && (value as number) >= 0);
    return fits ? (value as number | null) : this.refuse(name, 'must be a whole number of cents');
  }

  flag(name: string): boolean {
    const value = this.fields[name];
    return typeof value === 'boolean' ? value : this.refuse(name, 'must be true or false');
  }

  object(name: string): StripeObject {
    return new StripeObject(this.fields[name], this.pathOf(name));
  }

  objectOrNull(name: string): StripeObject | null {
    return (this.fields[name] ?? null) === null ? null : this.object(name);
  }

  /** The object that Stripe was asked to put in the place of its id. */
  expanded(name: string): StripeObject | null {
    return typeof this.fields[name] === 'string' ? null : this.objectOrNull(name);
  }

  /** The id of another object, whether or not the object stands in its place. */
  reference(name: string): string | null {
    return typeof this.fields[name] === 'string' ? this.id(name) : (this.objectOrNull(name)?.id('id') ?? null);
  }

  private refuse(name: string, problem: string): never {
    throw new WrongShape(this.pathOf(name), problem);
  }

  private pathOf(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}
