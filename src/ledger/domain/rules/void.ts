import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import type { Void } from '../action.js';

/** Forfeits what remains of a grant. */
export function voidGrant(state: State, { grant: id, description }: Void, now: number): Ruling {
  const grant = state.grants.find(id);
  if (!grant) return { reason: 'no-grant' };
  if (grant.remaining === 0) return { reason: 'nothing-remains' };
  const draft = new Draft(state, now);
  return draft.done({ status: 'posted', entry: draft.forfeit(grant, description) });
}
