import type { Line } from '../books.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import { newGrant, priceOfPart, type Terms } from '../grant.js';
import type { Extend, Fund, FundTerms } from '../action.js';
import { plus, type Stored, UNITS } from '../unit.js';

/** Adds an amount, and with a purchase its bonus. Each makes an entry and a grant of its own. */
export function fund(state: State, action: Fund, now: number): Ruling {
  const { account } = state;
  const { type, amount, description, metadata, terms, bonus, existing } = action;
  if (existing && account.sequence === 0 && account.holds === 0) return { reason: 'no-account' };
  if (plus(account.balance, plus(amount, bonus?.amount ?? (0 as Stored))) > UNITS[account.unit].limit)
    return { reason: 'limit' };
  const draft = new Draft(state, now);
  const { purchaseId } = terms;
  const entry = draft.enter({ type, amount, description, metadata, purchaseId });
  grantOf(draft, amount, termsAt(terms, now), lineOf(terms));
  if (bonus) {
    draft.enter({ type, amount: bonus.amount, description: bonus.description, purchaseId });
    grantOf(draft, bonus.amount, termsAt(bonus.terms, now), lineOf(bonus.terms));
  }
  return draft.done({ status: 'posted', entry });
}

/** Voids what remains of a grant, and makes another of as much that expires later. */
export function extend(state: State, { grant: id, type, expiresAt, description }: Extend, now: number): Ruling {
  const grant = state.grants.find(id);
  if (!grant) return { reason: 'no-grant' };
  if (grant.remaining === 0) return { reason: 'nothing-remains' };
  if (grant.expiresAt === null) return { reason: 'never-expires' };
  if (expiresAt <= grant.expiresAt || expiresAt <= now) return { reason: 'not-later', expiresAt: grant.expiresAt };
  const draft = new Draft(state, now);
  const { remaining: amount, category, priority, purchaseId } = grant;
  const price = priceOfPart(grant, amount, 'remaining');
  draft.forfeit(grant, description);
  const entry = draft.enter({ type, amount, description });
  const terms = { source: 'extension', category, priority, purchaseId, expiresAt, price, extends: id } as const;
  grantOf(draft, amount, terms, 'extended');
  return draft.done({ status: 'posted', entry });
}

/** The grant that the last entry makes; debt is paid from it first. */
export function grantOf(draft: Draft, amount: Stored, terms: Terms, line: Line): void {
  const { id, sequence, lastAt } = draft.account;
  draft.put(newGrant(id, sequence, amount, terms, lastAt), line);
  draft.pay(sequence, amount, 'remaining');
  if (terms.extends !== null) draft.put({ ...draft.grant(terms.extends), extendedBy: sequence }, line);
}

function lineOf({ category, source }: Pick<Terms, 'category' | 'source'>): Line {
  if (source === 'extension') return 'extended';
  return category === 'paid' ? 'sold' : 'granted';
}

function termsAt({ expiresIn, ...terms }: FundTerms, now: number): Terms {
  return {
    ...terms,
    expiresAt: expiresIn === undefined ? terms.expiresAt : now + expiresIn,
    extends: terms.extends ?? null,
  };
}
