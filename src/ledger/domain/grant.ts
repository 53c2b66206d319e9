import { minus, plus, type Stored, ZERO } from './unit.js';

/** Where a grant came from. */
export type GrantSource = 'deposit' | 'grant' | 'purchase' | 'bonus' | 'return' | 'extension';

/** Whether money was paid for it. */
export type GrantCategory = 'paid' | 'promotional';

/** The terms of a grant. */
export interface Terms {
  readonly source: GrantSource;
  readonly category: GrantCategory;
  /** 0–100, the lowest burns first. */
  readonly priority: number;
  /** Milliseconds since 1970; null: never. */
  readonly expiresAt: number | null;
  /** Micro-dollars that were paid for the whole. */
  readonly price: number;
  readonly purchaseId: string | null;
  /** The grant that it extends. */
  readonly extends: number | null;
}

/** What can have become of the units of a grant; with what remains they are its amount. */
export type Share = 'used' | 'held' | 'expired' | 'voided' | 'takenBack';

/** Units that came into an account together. */
export interface Grant extends Terms {
  readonly accountId: number;
  /** The number of the entry that made it. */
  readonly id: number;
  /** The sum of its shares and of what remains. */
  readonly amount: Stored;
  /** Spent, or gone into a debt. */
  readonly used: Stored;
  /** Kept by open holds. */
  readonly held: Stored;
  readonly expired: Stored;
  /** Forfeited, or moved into the grant that extends it. */
  readonly voided: Stored;
  /** Taken by refunds, disputes and reversals. */
  readonly takenBack: Stored;
  readonly remaining: Stored;
  /** 1 while anything remains, else 0. Indexed, so that reading open grants skips the rest. */
  readonly open: number;
  /** Micro-dollars of the price that came over from the grant that it extends since it was made. */
  readonly carried: number;
  /** The grant that extends it. */
  readonly extendedBy: number | null;
  readonly createdAt: number;
}

/** A part of a grant. */
export interface Slice {
  /** The grant's id. */
  readonly grant: number;
  /** More than zero. */
  readonly amount: Stored;
}

/** The grants of an account that are known. */
export interface Grants {
  /** All of which something remains, in burning order. */
  readonly open: readonly Grant[];
  /** A grant by its id, open or not. */
  find(id: number): Grant | undefined;
}

export const DEFAULT_PRIORITY = 50;

/** How long a grant lasts that returns parts of expired ones. */
export const RETURN_MS = 30 * 86_400_000;

/** Priority, expiry with none last, promotional before paid, age. Ids count up, so the lower one is the older. */
export function inBurningOrder(a: Grant, b: Grant): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.expiresAt !== b.expiresAt) return (a.expiresAt ?? Infinity) < (b.expiresAt ?? Infinity) ? -1 : 1;
  if (a.category !== b.category) return a.category === 'promotional' ? -1 : 1;
  return a.id - b.id;
}

/** Puts a grant where it burns, in the place of its earlier state, or takes it out when nothing remains of it. */
export function place(open: Grant[], grant: Grant): void {
  let [low, high] = [0, open.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (inBurningOrder(open[middle]!, grant) < 0) low = middle + 1;
    else high = middle;
  }
  const isThere = open[low]?.id === grant.id;
  if (grant.remaining > 0) open.splice(low, isThere ? 1 : 0, grant);
  else if (isThere) open.splice(low, 1);
}

/** A grant of which some has moved from one share to another, or from or to what remains. */
export function moved(grant: Grant, amount: Stored, from: Share | 'remaining', to: Share | 'remaining'): Grant {
  const after = { ...grant };
  after[from] = minus(after[from], amount);
  after[to] = plus(after[to], amount);
  after.open = after.remaining > 0 ? 1 : 0;
  return after;
}

/** A grant of which nothing has been used. */
export function newGrant(accountId: number, id: number, amount: Stored, terms: Terms, createdAt: number): Grant {
  return {
    ...terms,
    accountId,
    id,
    amount,
    used: ZERO,
    held: ZERO,
    expired: ZERO,
    voided: ZERO,
    takenBack: ZERO,
    remaining: amount,
    open: 1,
    carried: 0,
    extendedBy: null,
    createdAt,
  };
}

/**
 * Micro-dollars of the price that fall to what remains or is held: a part costs floor(price × part / amount), and the
 * last part the rest.
 */
function priceLeft({ price, amount, remaining, held }: Grant): number {
  return price - shareOf(price, amount - remaining - held, amount);
}

/** Deferred revenue in micro-dollars: the price of what remains or is held of a paid grant. */
export function deferredOf(grant: Grant): number {
  return grant.category === 'paid' ? priceLeft(grant) : 0;
}

/**
 * Micro-dollars of the price that go with a part that leaves a share for another grant. Together such parts never cost
 * more than the whole.
 */
export function priceOfPart(grant: Grant, part: Stored, from: Share | 'remaining'): number {
  if (from === 'remaining' || from === 'held') return priceLeft(grant) - priceLeft(moved(grant, part, from, 'voided'));
  return shareOf(grant.price, part, grant.amount);
}

/** floor(price × part / whole) */
export function shareOf(price: number, part: number, whole: number): number {
  // A deposit costs what it is: each debit asks for it.
  if (price === whole) return part;
  return Number((BigInt(price) * BigInt(part)) / BigInt(whole));
}

/** Adds a part to a record, which names each grant once, where it first came. */
export function addSlice(slices: Slice[], grant: number, amount: Stored): void {
  if (amount === 0) return;
  const at = slices.findIndex((slice) => slice.grant === grant);
  if (at < 0) slices.push({ grant, amount });
  else slices[at] = { grant, amount: plus(slices[at]!.amount, amount) };
}

/** Whether its time has passed. */
export function isPast({ expiresAt }: Pick<Grant, 'expiresAt'>, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

/** Whether it was voided: what comes back to it is forfeited. */
export function isVoid({ voided, extendedBy }: Grant): boolean {
  return voided > 0 && extendedBy === null;
}

/** The grants that a record's slices name. */
export function grantIds({ slices }: { readonly slices: readonly Slice[] | null }): number[] {
  return (slices ?? []).map(({ grant }) => grant);
}

/** The unknown ones among these grants and their extensions. */
export function unknownGrants(known: ReadonlyMap<number, Pick<Grant, 'extendedBy'>>, ids: Iterable<number>): number[] {
  const unknown = new Set<number>();
  for (const first of ids) {
    let id: number | null = first;
    while (id !== null && known.has(id)) id = known.get(id)!.extendedBy;
    if (id !== null) unknown.add(id);
  }
  return [...unknown];
}

/** Whether something of it is left to anybody. */
export type GrantStatus = 'active' | 'voided' | 'expired' | 'used';

export function statusOf({ remaining, held, voided, expired }: Grant): GrantStatus {
  if (remaining > 0 || held > 0) return 'active';
  if (voided > 0) return 'voided';
  return expired > 0 ? 'expired' : 'used';
}
