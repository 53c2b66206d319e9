import type { Mark } from '../action.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';

/** Freezes an account or ends the freeze, and notes something. What is so already changes nothing. */
export function mark(state: State, { frozen, note }: Mark, now: number): Ruling {
  const { account } = state;
  const draft = new Draft(state, now);
  const marked = {
    frozen: frozen === undefined ? account.frozen : frozen,
    note: note === undefined ? account.note : note,
  };
  if (marked.frozen !== account.frozen || marked.note !== account.note) draft.account = { ...account, ...marked };
  return draft.done({ status: 'marked', account: draft.account });
}
