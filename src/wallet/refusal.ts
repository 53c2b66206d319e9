import { ApiError, invalidField } from '../common/http/index.js';
import {
  type Answer,
  fromStored,
  MAX_OPEN_HOLDS,
  minus,
  type Outcome,
  type Rejection,
  type Unit,
} from '../ledger/index.js';

/**
 * The outcome that a client is told.
 * @param unpriced why there is no amount, if there is none
 * @throws ApiError for the refusal that it came to
 */
export function accepted(unit: Unit, answer: Answer, unpriced?: ApiError): Exclude<Outcome, { status: 'refused' }> {
  if (answer.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
  const { outcome, replayed } = answer;
  if (isUnpriced(answer)) throw unpriced ?? new ApiError('UNPRICED');
  // What no request asked for has an empty trace id.
  if (outcome.status === 'refused') throw refusal(unit, outcome.rejection, (replayed && outcome.traceId) || undefined);
  return outcome;
}

/** Whether there is no amount, and nothing is remembered under the key. */
export function isUnpriced({ outcome }: Answer): boolean {
  return outcome !== 'key-reused' && outcome.status === 'refused' && outcome.rejection.reason === 'unpriced';
}

type Reason = Rejection['reason'];
type Because<R extends Reason> = Extract<Rejection, { reason: R }>;

/** What is not there. */
const NOT_FOUND: { readonly [R in Reason]?: string } = {
  'no-account': 'This account has never moved; check its name.',
  'no-entry': 'This account has no such transaction.',
  'no-grant': 'This account has no such grant.',
  'no-hold': 'There is no such hold.',
};

/** What can't be done in the present state, and the details with amounts in the unit. */
const CONFLICTS: {
  readonly [R in Reason]?: (because: Because<R>, unit: Unit) => readonly [message: string, details?: object];
} = {
  limit: () => ['The balance would leave the range that the ledger holds exactly.'],
  'hold-settled': ({ status }) => [`The hold is ${status}.`, { status }],
  'too-many-holds': () => [
    `This account has ${MAX_OPEN_HOLDS} open holds, the most it may have. Capture or release some first.`,
  ],
  'hold-exceeded': ({ required, remaining }, unit) => [
    'Less than that remains of the hold.',
    { required: fromStored(unit, required), remaining: fromStored(unit, remaining) },
  ],
  'nothing-remains': () => ['Nothing remains of the grant.', { remaining: 0 }],
  'never-expires': () => ['The grant never expires, so it can not be extended.'],
  'not-later': ({ expiresAt }) => [
    'The grant does not expire before that. Name a later time.',
    { expires_at: new Date(expiresAt).toISOString() },
  ],
  irreversible: ({ type }) => [`A transaction of type ${type} can not be reversed.`, { type }],
  reversed: ({ remaining }, unit) => ['Less than that is left to reverse.', { remaining: fromStored(unit, remaining) }],
  // The claim of the group stands before its items.
  group: ({ index }) => [`Nothing was posted, because item ${index - 1} was refused.`, { item: index - 1 }],
};

function refusal(unit: Unit, rejection: Rejection, replayedFrom: string | undefined): ApiError {
  if (rejection.reason === 'insufficient') return insufficient(unit, rejection, replayedFrom);
  if (rejection.reason === 'frozen')
    return new ApiError('ACCOUNT_FROZEN', undefined, { details: { reason: rejection.why } });
  const { reason } = rejection;
  const notFound = NOT_FOUND[reason];
  if (notFound) return new ApiError('NOT_FOUND', notFound, { replayedFrom });
  const conflict = CONFLICTS[reason] as ((because: Rejection, unit: Unit) => [string, object?]) | undefined;
  if (!conflict) {
    return reason === 'past'
      ? invalidField('expires_at', 'must be in the future')
      : invalidField('amount', 'is not an amount of this ledger');
  }
  const [message, details] = conflict(rejection, unit);
  return new ApiError('CONFLICT', message, { details, replayedFrom });
}

function insufficient(
  unit: Unit,
  { required, available }: Because<'insufficient'>,
  replayedFrom: string | undefined,
): ApiError {
  const details = {
    required: fromStored(unit, required),
    available: fromStored(unit, available),
    shortfall: fromStored(unit, minus(required, available)),
  };
  return new ApiError(unit === 'USD' ? 'INSUFFICIENT_CREDITS' : 'INSUFFICIENT_TOKENS', undefined, {
    details,
    replayedFrom,
  });
}
