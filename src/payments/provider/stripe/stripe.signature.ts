import Stripe from 'stripe';
import { ApiError, invalidField } from '../../../common/http/index.js';
import type { ProviderEvent } from '../payment-provider.js';
import { readEvent, WrongShape } from './stripe.objects.js';

const TOLERANCE_SECONDS = 300;

/**
 * Verifies and reads an event, see `PaymentProvider.readEvent`.
 * @param secrets one of them must have signed it; there are several while a new one replaces an old one
 */
export function verifiedEvent(
  payload: Buffer | undefined,
  signature: string | undefined,
  secrets: readonly string[],
): ProviderEvent | undefined {
  if (!payload?.length || !signature || !secrets.some((secret) => isSigned(payload, signature, secret)))
    throw new ApiError('WEBHOOK_SIGNATURE_INVALID');
  try {
    return readEvent(JSON.parse(payload.toString('utf8')));
  } catch (error) {
    if (error instanceof WrongShape) throw invalidField(error.field, error.problem);
    if (error instanceof SyntaxError) throw invalidField('body', 'must be JSON');
    throw error;
  }
}

function isSigned(payload: Buffer, signature: string, secret: string): boolean {
  try {
    return Stripe.webhooks.signature!.verifyHeader(payload, signature, secret, TOLERANCE_SECONDS);
  } catch {
    return false;
  }
}

/** Signs a body like Stripe, so that the sandbox's events pass the same check. */
export function signEvent(payload: string, secret: string): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret });
}
