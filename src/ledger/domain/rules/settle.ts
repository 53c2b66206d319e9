import type { Hold } from '../account.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import { isPast } from '../grant.js';
import type { Expire } from '../action.js';
import { close } from './hold.js';

/** Holds that have expired, and when the first of the others does; a time that has passed means that there are more. */
export interface Due {
  readonly holds: readonly Hold[];
  readonly nextExpiry: number | null;
}

/**
 * Closes holds and ends grants whose time has passed.
 * @param limit how many grants at most
 */
export function settle(state: State, due: Due, now: number, limit: number): { draft: Draft; holds: Hold[] } {
  const draft = new Draft(state, now);
  const holds = due.holds.map((hold) => close(draft, hold, 'expired'));
  draft.retire();
  const past = draft.open().filter((grant) => isPast(grant, now));
  for (const grant of past.slice(0, limit)) draft.expire(grant);
  const nextExpiry = draft
    .open()
    .reduce((first, { expiresAt }) => Math.min(first, expiresAt ?? Infinity), due.nextExpiry ?? Infinity);
  draft.account = { ...draft.account, nextExpiry: nextExpiry === Infinity ? null : nextExpiry };
  return { draft, holds };
}

/** Ends what remains of a grant whose time has passed. */
export function expireGrant(state: State, { grant: id }: Expire, now: number): Ruling {
  const grant = state.grants.find(id);
  if (!grant) return { reason: 'no-grant' };
  if (grant.remaining === 0) return { reason: 'nothing-remains' };
  if (!isPast(grant, now)) return { reason: 'not-due' };
  const draft = new Draft(state, now);
  return draft.done({ status: 'posted', entry: draft.expire(grant) });
}
