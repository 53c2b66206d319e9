/** Every error of this API: its HTTP status and its default message, for the OpenAPI document and for the answers. */
export const ERRORS = {
  VALIDATION_ERROR: {
    status: 400,
    message:
      'Some fields are invalid, so nothing was recorded. Correct the fields in `details` and send the request again.',
  },
  WEBHOOK_SIGNATURE_INVALID: {
    status: 400,
    message: 'The signature does not match the body, or is too old. Check the signing secret and the clock.',
  },
  UNAUTHORIZED: { status: 401, message: 'A valid token is required. Send one as `Authorization: Bearer …`.' },
  INSUFFICIENT_CREDITS: { status: 402, message: 'The available credits are less than the amount.' },
  INSUFFICIENT_TOKENS: { status: 402, message: 'The available tokens are less than the amount.' },
  FORBIDDEN: {
    status: 403,
    message: 'This needs the administrator role, or the account is not yours. Use a token with the right to do it.',
  },
  ACCOUNT_FROZEN: {
    status: 403,
    message: 'The account is frozen: it debits nothing and opens no hold. Ask support why; `details.reason` says it.',
  },
  NOT_FOUND: { status: 404, message: 'Nothing was found at this address. Check the id and the account.' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time. Send it again.' },
  CONFLICT: { status: 409, message: 'The current state does not allow this. Read it before you try again.' },
  PAYLOAD_TOO_LARGE: { status: 413, message: 'The body is larger than this route accepts. Send a smaller one.' },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    message: 'The body must be JSON. Send it as `Content-Type: application/json`.',
  },
  EXPECTATION_FAILED: {
    status: 417,
    message: 'This server supports only `Expect: 100-continue`. Leave the header out.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    message: 'This Idempotency-Key was used with another request. Use a new key.',
  },
  UNPRICED: {
    status: 422,
    message: 'Nothing prices this usage, so nothing was charged. `details` says of which model or meter, and why.',
  },
  RATE_LIMITED: { status: 429, message: 'There were too many requests. Try again after the seconds in `Retry-After`.' },
  HEADERS_TOO_LARGE: {
    status: 431,
    message: 'The headers of the request are larger than 16 kB. Send fewer or shorter ones.',
  },
  INTERNAL_ERROR: { status: 500, message: 'The server failed unexpectedly. Report the trace id to support.' },
  PAYMENT_PROVIDER_ERROR: {
    status: 502,
    message: 'The payment provider refused, or could not be reached. Send the same request again.',
  },
  OVERLOADED: {
    status: 503,
    message: 'The server cannot accept the request now. Send it again after the seconds in `Retry-After`.',
  },
  PAYMENTS_NOT_CONFIGURED: {
    status: 503,
    message: 'Payments are turned off on this server. Ask its operator to configure a payment provider.',
  },
} as const;

/** The stable code of an error. */
export type ErrorCode = keyof typeof ERRORS;

/** The page that explains every error. */
export const ERRORS_PATH = '/api/docs/errors';

let origin = '';

/** Says under which address clients reach this server; errors link to its page. */
export function linkErrorsTo(publicUrl: string): void {
  origin = publicUrl;
}

/** The address that explains an error. */
export function docsUrl(code: ErrorCode): string {
  return `${origin}${ERRORS_PATH}#${code}`;
}

/** A field that was refused, by its path in the body or query. */
export interface FieldProblem {
  field: string;
  message: string;
}

/**
 * An error for the client. Anything else that is thrown becomes INTERNAL_ERROR. `replayedFrom` is the trace id of the
 * first answer, when this one repeats it.
 */
export class ApiError extends Error {
  constructor(
    readonly code: ErrorCode,
    message?: string,
    readonly options: {
      details?: unknown;
      /** The most refused fields that the body names; without it, twenty. */
      mostProblems?: number;
      retryAfterSeconds?: number;
      replayedFrom?: string;
    } = {},
  ) {
    super(message ?? ERRORS[code].message);
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The most fields that an error names. */
export const MOST_PROBLEMS = 20;
const LONGEST_FIELD = 100;
const LONGEST_MESSAGE = 500;

/** The body of an error. It repeats little of a client's own text. */
export function envelope({ code, message, options }: ApiError, traceId: string): object {
  const { details = null, mostProblems = MOST_PROBLEMS } = options;
  return {
    error: {
      code,
      message: shorten(message, LONGEST_MESSAGE),
      details:
        code === 'VALIDATION_ERROR' && Array.isArray(details)
          ? (details as FieldProblem[]).slice(0, mostProblems).map(brief)
          : details,
      docs_url: docsUrl(code),
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
