import type { Dimensions, EntryType, Hold } from './account.js';
import type { Terms } from './grant.js';
import type { Stored } from './unit.js';

/** A hold as a client names it: of the account, or of none. */
export type HoldName = Pick<Hold, 'accountId' | 'number'>;

/** Adds an amount, which makes a grant. */
export interface Fund {
  readonly kind: 'fund';
  readonly type: EntryType;
  /** More than zero. */
  readonly amount: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  readonly terms: FundTerms;
  /** What a purchase brings besides: an entry and a grant of its own. */
  readonly bonus?: { readonly amount: Stored; readonly description: string; readonly terms: FundTerms };
  /** Whether the account must have an entry or a hold. */
  readonly existing: boolean;
}

/** The terms of a grant that is to be made. */
export interface FundTerms extends Omit<Terms, 'extends' | 'expiresAt'>, Partial<Pick<Terms, 'extends'>> {
  /** Milliseconds since 1970, later than now; null: never, unless `expiresIn` says otherwise. */
  readonly expiresAt: number | null;
  /** Milliseconds from now. */
  readonly expiresIn?: number;
}

/** The amount of what was used, and the texts that its entry keeps of it. */
export interface Charge {
  /** More than zero; null: nothing prices the usage, so that only what is remembered under the key can be answered. */
  readonly amount: Stored | null;
  /** Absent: the client said the amount itself. */
  readonly usage?: string | null;
  readonly pricing?: string | null;
}

/** Spends an amount that is available. */
export interface Spend extends Charge, Dimensions {
  readonly kind: 'spend';
  /** Whether usage that nothing prices is parked, if anything is available: refused for good under its key. */
  readonly parks?: boolean;
  readonly type: EntryType;
  readonly description: string | null;
  readonly metadata: string | null;
}

/** Takes back part of a purchase, whether or not it is still there, or gives it back. */
export interface Refund {
  readonly kind: 'refund';
  /** Signed, not zero: below zero it takes back. */
  readonly amount: Stored;
  readonly purchaseId: string | null;
  readonly description: string | null;
}

/** Forfeits what remains of a grant. */
export interface Void {
  readonly kind: 'void';
  readonly grant: number;
  readonly description: string;
}

/**
 * Ends what remains of a grant whose time has passed. Only the verifier asks for it: a batch ends grants with `settle`.
 */
export interface Expire {
  readonly kind: 'expire';
  readonly grant: number;
}

/** Moves what remains of a grant into a new one that expires later. */
export interface Extend {
  readonly kind: 'extend';
  readonly grant: number;
  /** The type of the new grant's entry. */
  readonly type: EntryType;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly description: string;
}

/** Gives back what an entry spent, or takes back what remains of the grant that it made. */
export interface Reverse {
  readonly kind: 'reverse';
  /** The entry's number. */
  readonly entry: number;
  /** More than zero; null: all that is left. */
  readonly amount: Stored | null;
  readonly description: string;
}

/** Opens a hold. */
export interface Open extends Pick<Charge, 'amount'>, Dimensions {
  readonly kind: 'open';
  /** Whether the amount follows from prices, so that it may be another when the request comes again. */
  readonly priced?: boolean;
  /** The version of the prices that its captures use; absent: those in force. */
  readonly rateCard?: number | null;
  readonly description: string | null;
  readonly metadata: string | null;
  /** Milliseconds from now. */
  readonly expiresIn: number;
}

/** Spends from a hold, at most what remains of it. */
export interface Capture extends Charge {
  readonly kind: 'capture';
  readonly hold: HoldName;
  readonly type: EntryType;
  /** Whether the rest is released. */
  readonly final: boolean;
  /** Absent: the hold's own. */
  readonly description: string | null;
  /** Absent: the hold's own. */
  readonly model: string | null;
}

/** Gives back what remains of a hold. */
export interface Release {
  readonly kind: 'release';
  readonly hold: HoldName;
}

/** Freezes an account or ends the freeze, and notes something; it makes no entry. */
export interface Mark {
  readonly kind: 'mark';
  /** Why it is frozen; null: it is not; absent: as it was. */
  readonly frozen?: string | null;
  /** Null: none; absent: as it was. */
  readonly note?: string | null;
}

/** Changes nothing but remembers its key: it stands for several operations together. */
interface Claim {
  readonly kind: 'claim';
}

/** What can be done to an account. */
export type Action = Fund | Spend | Refund | Void | Expire | Extend | Reverse | Open | Capture | Release | Mark | Claim;
