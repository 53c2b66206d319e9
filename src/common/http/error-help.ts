import type { ErrorCode } from './errors.js';

/** What a developer should know of an error, in plain text with `code`. */
export interface ErrorHelp {
  readonly cause: string;
  readonly fix: string;
  readonly retry: string;
}

const NEVER = 'No. The same request gets the same answer.';
const SAME_KEY = 'Yes, after the seconds in `Retry-After`, with the same `Idempotency-Key`.';

/** The help for every error; a code without one does not compile. */
export const ERROR_HELP: Record<ErrorCode, ErrorHelp> = {
  VALIDATION_ERROR: {
    cause: 'A field of the body or query is missing, unknown, `null` or out of its range. Nothing was recorded.',
    fix: 'Correct the fields that `details` names. `details` lists at most twenty of them, of a rate card all.',
    retry: NEVER,
  },
  WEBHOOK_SIGNATURE_INVALID: {
    cause: 'The signature of a webhook is missing or wrong, or older than five minutes.',
    fix: 'Compare `STRIPE_WEBHOOK_SECRET` with the signing secret of the endpoint, check the server’s clock, and make sure that no proxy changes the body.',
    retry: 'The provider sends the event again by itself.',
  },
  UNAUTHORIZED: {
    cause: 'The request carries no token, or one that has expired or does not verify.',
    fix: 'Get a new token and send it as `Authorization: Bearer …`.',
    retry: 'Yes, with a valid token.',
  },
  INSUFFICIENT_CREDITS: {
    cause: 'The available balance is less than the amount. Open holds keep a part of the balance back.',
    fix: 'Buy at least `details.shortfall` dollars of credits, release holds that are no longer needed, or ask for less.',
    retry: 'Yes, after the purchase, with a new `Idempotency-Key`: the old key repeats the refusal.',
  },
  INSUFFICIENT_TOKENS: {
    cause: 'The available tokens are fewer than the amount. Open holds keep a part of them back.',
    fix: 'Buy at least `details.shortfall` tokens, release holds that are no longer needed, or ask for fewer.',
    retry: 'Yes, after the purchase, with a new `Idempotency-Key`: the old key repeats the refusal.',
  },
  FORBIDDEN: {
    cause: 'The route is for administrators, or `account` names an account that is not the caller’s own.',
    fix: 'Leave `account` out to work on your own account, or use a token with the right role. A write with the cookie must come from the same origin.',
    retry: NEVER,
  },
  ACCOUNT_FROZEN: {
    cause:
      'An administrator has frozen the account: it debits nothing and opens no hold. `details.reason` says why. Holds that were open before can still be captured and released.',
    fix: 'Ask support to end the freeze.',
    retry: 'Yes, after the freeze has ended, with the same `Idempotency-Key`: this refusal is not remembered.',
  },
  NOT_FOUND: {
    cause:
      'There is no such address, or the account has nothing with this id. Ids of transactions and grants count within an account.',
    fix: 'Check the path, the id and the account.',
    retry: NEVER,
  },
  REQUEST_TIMEOUT: {
    cause: 'The request did not arrive whole in time.',
    fix: 'Send the body without pauses, and look at the network between client and server.',
    retry: 'Yes, with the same `Idempotency-Key`.',
  },
  CONFLICT: {
    cause:
      'The present state does not allow the request: a hold that is closed, a purchase that is not paid, a grant of which nothing remains.',
    fix: 'Read the object that `message` speaks of, and decide anew. `details` has the facts.',
    retry: 'Not as it is. After the state has changed, with a new `Idempotency-Key`.',
  },
  PAYLOAD_TOO_LARGE: {
    cause: 'The body is larger than the route accepts.',
    fix: 'Send a smaller one, for example a batch with fewer items.',
    retry: NEVER,
  },
  UNSUPPORTED_MEDIA_TYPE: {
    cause: 'The body is not JSON.',
    fix: 'Send JSON, with `Content-Type: application/json`.',
    retry: NEVER,
  },
  EXPECTATION_FAILED: {
    cause: 'The request has an `Expect` header other than `100-continue`.',
    fix: 'Leave the header out.',
    retry: NEVER,
  },
  IDEMPOTENCY_KEY_REUSED: {
    cause: 'The `Idempotency-Key` was used before, for a request with another content.',
    fix: 'Make one key for each operation and keep it for its retries. A retry must send exactly the first request.',
    retry: 'Not with this key. Another operation needs a key of its own.',
  },
  UNPRICED: {
    cause:
      'The rate card in force has no price for the usage: it does not know `details.model` or `details.meter`, or has no price for `details.pool` or no factor for `details.service_tier`. Nothing is ever charged at 0 by mistake. `details.nearest` has the known ids that are most like the one sent.',
    fix: 'Correct the id, or ask an administrator to make a rate card that has the price.',
    retry:
      'Yes, after a rate card with the price is in force, with the same `Idempotency-Key`: this refusal is not remembered.',
  },
  RATE_LIMITED: {
    cause: 'The caller sent more requests in this minute than the limit in `X-RateLimit-Limit`.',
    fix: 'Spread the requests, or put many debits into one batch.',
    retry: SAME_KEY,
  },
  HEADERS_TOO_LARGE: {
    cause: 'The headers of the request are larger than 16 kB.',
    fix: 'Send fewer or shorter headers. Cookies of other applications on the same domain are a frequent cause.',
    retry: NEVER,
  },
  INTERNAL_ERROR: {
    cause: 'The server met a fault that nobody foresaw. The log has the details under the trace id.',
    fix: 'Report the `trace_id` to support.',
    retry: 'Yes, a few times with growing pauses and the same `Idempotency-Key`: it never charges twice.',
  },
  PAYMENT_PROVIDER_ERROR: {
    cause: 'The payment provider refused the call, could not be reached, or its answer was lost.',
    fix: 'Look at the provider’s status page if it lasts.',
    retry: 'Yes, with the same `Idempotency-Key`: the purchase or refund is not made twice.',
  },
  OVERLOADED: {
    cause: 'The server has more work than it accepts, is stopping, or its database is not available.',
    fix: 'Wait. An operator finds the reason in the log.',
    retry: SAME_KEY,
  },
  PAYMENTS_NOT_CONFIGURED: {
    cause: 'No payment provider is configured on this server.',
    fix: 'Ask the operator to set `STRIPE_SECRET_KEY`, or `PAYMENTS_PROVIDER=sandbox` outside production.',
    retry: 'Only after the configuration has changed.',
  },
};
