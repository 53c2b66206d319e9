/**
 * Every error that this API answers with: its HTTP status and what it means, for the documents as well as for the wire.
 */
export const ERRORS = {
  VALIDATION_ERROR: { status: 400, message: 'The request has bad fields; nothing was recorded.' },
  WEBHOOK_SIGNATURE_INVALID: { status: 400, message: 'The signature does not match the body, or it is too old.' },
  UNAUTHORIZED: { status: 401, message: 'A valid bearer token is required.' },
  INSUFFICIENT_CREDITS: { status: 402, message: 'The available credits are less than the amount.' },
  INSUFFICIENT_TOKENS: { status: 402, message: 'The available tokens are less than the amount.' },
  FORBIDDEN: { status: 403, message: 'This needs the administrator role, or concerns an account that is not yours.' },
  NOT_FOUND: { status: 404, message: 'There is no such thing here.' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  CONFLICT: { status: 409, message: 'The present state forbids this.' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The body is larger than this route accepts.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, message: 'The body must be application/json.' },
  EXPECTATION_FAILED: {
    status: 417,
    message: 'The only expectation that this server knows is `Expect: 100-continue`.',
  },
  IDEMPOTENCY_KEY_REUSED: { status: 422, message: 'This Idempotency-Key was used with another request.' },
  RATE_LIMITED: { status: 429, message: 'Too many requests; see Retry-After.' },
  HEADERS_TOO_LARGE: { status: 431, message: 'The headers of the request are larger than 16 kB.' },
  INTERNAL_ERROR: { status: 500, message: 'Something went wrong here; the trace id finds it in the log.' },
  PAYMENT_PROVIDER_ERROR: {
    status: 502,
    message: 'The payment provider could not be reached or refused; the same request may be sent again.',
  },
  OVERLOADED: { status: 503, message: 'The server can not take this now; see Retry-After.' },
  PAYMENTS_NOT_CONFIGURED: { status: 503, message: 'No payment provider is configured.' },
} as const;

/** The stable code of an error. */
export type ErrorCode = keyof typeof ERRORS;

/** A field that was refused, by its path in the body or query. */
export interface FieldProblem {
  field: string;
  message: string;
}

/**
 * An error that a client is told. Anything else that is thrown becomes INTERNAL_ERROR. `replayedFrom` is the trace id
 * of the first answer when this one repeats it.
 */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message?: string,
    readonly options: { details?: unknown; retryAfterSeconds?: number; replayedFrom?: string } = {},
  ) {
    super(message ?? ERRORS[code].message);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** An error names this many fields. */
export const MOST_PROBLEMS = 20;
const LONGEST_FIELD = 100;
const LONGEST_MESSAGE = 500;

/** The body of an error. Where it repeats what a client sent, it repeats little of it. */
export function envelope({ code, message, options: { details = null } }: ApiError, traceId: string): object {
  return {
    error: {
      code,
      message: shorten(message, LONGEST_MESSAGE),
      details:
        code === 'VALIDATION_ERROR' && Array.isArray(details)
          ? (details as FieldProblem[]).slice(0, MOST_PROBLEMS).map(brief)
          : details,
      trace_id: traceId,
    },
  };
}

const brief = ({ field, message }: FieldProblem): FieldProblem => ({
  field: shorten(field, LONGEST_FIELD),
  message: shorten(message, LONGEST_MESSAGE),
});

const shorten = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 1)}…` : text;

/** A 400 that names one field. */
export function invalidField(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', `${field} ${message}`, {
    details: [{ field, message }] satisfies FieldProblem[],
  });
}
