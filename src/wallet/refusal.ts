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
 * @throws ApiError for the refusal that it came to
 */
export function accepted(unit: Unit, answer: Answer): Exclude<Outcome, { status: 'refused' }> {
  if (answer.outcome === 'key-reused') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
  const { outcome, replayed } = answer;
  if (outcome.status === 'refused') throw refusal(unit, outcome.rejection, replayed ? outcome.traceId : undefined);
  return outcome;
}

function refusal(unit: Unit, rejection: Rejection, replayedFrom: string | undefined): ApiError {
  const conflict = (message: string, details?: object) => new ApiError('CONFLICT', message, { details, replayedFrom });
  switch (rejection.reason) {
    case 'insufficient': {
      const { required, available } = rejection;
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
    case 'limit':
      return conflict('The balance would leave the range that the ledger holds exactly.');
    case 'no-hold':
      return new ApiError('NOT_FOUND', 'There is no such hold.', { replayedFrom });
    case 'hold-settled':
      return conflict(`The hold is ${rejection.status}.`, { status: rejection.status });
    case 'too-many-holds':
      return conflict(
        `This account has ${MAX_OPEN_HOLDS} open holds, the most it may have. Capture or release some first.`,
      );
    case 'hold-exceeded':
      return conflict('Less than that remains of the hold.', {
        required: fromStored(unit, rejection.required),
        remaining: fromStored(unit, rejection.remaining),
      });
    case 'no-account':
      return new ApiError('NOT_FOUND', 'This account has never moved; check its name.', { replayedFrom });
    case 'no-grant':
      return new ApiError('NOT_FOUND', 'This account has no such grant.', { replayedFrom });
    case 'no-entry':
      return new ApiError('NOT_FOUND', 'This account has no such transaction.', { replayedFrom });
    case 'nothing-remains':
      return conflict('Nothing remains of the grant.', { remaining: 0 });
    case 'never-expires':
      return conflict('The grant never expires, so it can not be extended.');
    case 'not-later':
      return conflict('The grant expires later than that. Name a later time.', {
        expires_at: new Date(rejection.expiresAt).toISOString(),
      });
    case 'irreversible':
      return conflict(`A transaction of type ${rejection.type} can not be reversed.`, { type: rejection.type });
    case 'reversed':
      return conflict('Less than that is left to reverse.', { remaining: fromStored(unit, rejection.remaining) });
    case 'group':
      // The claim of the group stands before its items.
      return conflict(`Nothing was posted, because item ${rejection.index - 1} was refused.`, {
        item: rejection.index - 1,
      });
    case 'past':
      return invalidField('expires_at', 'must be in the future');
    case 'not-due':
    case 'malformed':
      return invalidField('amount', 'is not an amount of this ledger');
  }
}
