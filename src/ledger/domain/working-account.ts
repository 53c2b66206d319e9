import type { Account, Entry, Hold } from './account.js';
import type { HoldName } from './action.js';
import type { PurchaseState, Reversible, ReversedEntry, State } from './change.js';
import type { Grant } from './grant.js';
import { isKeyed, keyOf, type Needs, type Operation, type Replay } from './operation.js';
import type { WorkingGrants } from './working-grants.js';

/** An account and all that the operations of a batch need to know of it. The write checks that it still is so. */
export interface Known {
  readonly account: Account;
  /** All of which something remains, in burning order. */
  readonly open: readonly Grant[];
  /** These, and the others that the operations, their holds and the expired holds name, by id. */
  readonly grants: ReadonlyMap<number, Grant>;
  /** Those that the operations name, by number. */
  readonly holds: ReadonlyMap<number, Hold>;
  /** The entries that the operations reverse, by number. */
  readonly reversed: ReadonlyMap<number, ReversedEntry>;
  /** The purchases that they take back or give back, by id. */
  readonly purchases: ReadonlyMap<string, PurchaseState>;
  /** The outcomes that are known under the operations' keys, by `keyOf`. */
  readonly replays: ReadonlyMap<string, Replay>;
  /** Open holds whose time has passed, the oldest first … */
  readonly expired: readonly Hold[];
  /** … and when the first of the other open holds expires; a time that has passed means that there are more of them. */
  readonly nextExpiry: number | null;
}

/** An account as the operations of a batch change it. */
export interface WorkingAccount {
  readonly known: Known;
  account: Account;
  readonly grants: WorkingGrants;
  /** The holds that the batch changed or opened. */
  holds?: Map<number, Hold>;
  /** What the batch reversed of entries, by number. */
  reversed?: Map<number, number>;
  /** The purchases as the batch has left them. */
  purchases?: Map<string, PurchaseState>;
  /** The outcomes that the batch came to, by `keyOf`. */
  replays?: Map<string, Replay>;
}

/** The state in which an operation finds an account. */
export function stateOf(working: WorkingAccount, { hold, entry, purchaseId }: Needs, entries: readonly Entry[]): State {
  const { account, grants } = working;
  return {
    account,
    grants,
    hold: hold && holdOf(working, hold),
    reversed: entry === undefined ? undefined : reversedOf(working, entry, entries),
    purchase: purchaseId === undefined ? undefined : purchaseOf(working, purchaseId),
  };
}

function holdOf({ known, account, holds }: WorkingAccount, { accountId, number }: HoldName): Hold | undefined {
  return accountId === account.id ? (holds?.get(number) ?? known.holds.get(number)) : undefined;
}

/** An entry that is to be reversed; the batch itself may have made it, or its repricings. */
function reversedOf(
  { known, account, reversed }: WorkingAccount,
  entry: number,
  entries: readonly Entry[],
): ReversedEntry | undefined {
  const ofAccount = entries.filter(({ accountId }) => accountId === account.id);
  const made = ofAccount.find(({ sequence }) => sequence === entry);
  const found = known.reversed.get(entry) ?? (made && { entry: made, amount: 0, repricings: [] });
  if (!found) return undefined;
  const now = (each: Reversible) => ({ ...each, amount: each.amount + (reversed?.get(each.entry.sequence) ?? 0) });
  const raised = ofAccount.filter(isRepricingOf(entry)).map((each) => ({ entry: each, amount: 0 }));
  return { ...now(found), repricings: [...found.repricings, ...raised].map(now) };
}

/** Tells the spendings that raised an entry's price. */
function isRepricingOf(repriced: number): (entry: Entry) => boolean {
  return ({ reprices, reverses }) => reprices === repriced && reverses === null;
}

function purchaseOf({ known, purchases }: WorkingAccount, id: string): PurchaseState {
  return purchases?.get(id) ?? known.purchases.get(id) ?? { grants: [], refunds: [] };
}

// What later operations of the batch need to know of a reversal, a refund, and a grant that belongs to a purchase.

export function recordReversal(working: WorkingAccount, reversed: number, { amount }: Entry): void {
  const before = working.reversed?.get(reversed) ?? 0;
  (working.reversed ??= new Map()).set(reversed, before + Math.abs(amount));
}

export function recordRefund(working: WorkingAccount, id: string, { amount, slices }: Entry): void {
  const { grants, refunds } = purchaseOf(working, id);
  (working.purchases ??= new Map()).set(id, { grants, refunds: [...refunds, { amount, slices }] });
}

export function recordGrant(working: WorkingAccount, id: string, grant: Grant): void {
  const { grants, refunds } = purchaseOf(working, id);
  (working.purchases ??= new Map()).set(id, { grants: [...grants, grant.id], refunds });
}

export function replayOf({ known, replays }: WorkingAccount, operation: Operation): Replay | undefined {
  if (!isKeyed(operation)) return undefined;
  const id = keyOf(operation);
  return replays?.get(id) ?? known.replays.get(id);
}
