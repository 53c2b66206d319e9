import type { Tx } from '../common/database/index.js';
import type { GrantCategory, HoldName, Stored } from '../ledger/index.js';
import type { UsageBody } from '../pricing/index.js';

/** What a body says of an amount: the number itself, or the usage that it follows from. */
export interface ChargeBody {
  /** In the unit, more than 0. */
  readonly amount?: number;
  readonly usage?: UsageBody;
  readonly quote_id?: string;
  readonly model?: string;
}

/** An amount that is put into an account or spent, as a body says it. */
export interface MovementBody extends ChargeBody {
  readonly account?: string;
  readonly description?: string;
  readonly agent?: string;
  readonly run_id?: string;
  readonly metadata?: object;
}

/** An amount that is put into an account, and the terms of its grant. */
export interface DepositBody extends Omit<MovementBody, keyof ChargeBody> {
  /** In the unit, more than 0. */
  readonly amount: number;
  readonly category?: GrantCategory;
  readonly priority?: number;
  /** ISO-8601. */
  readonly expires_at?: string;
  /** Days of 24 hours. */
  readonly expires_in_days?: number;
  /** Whether the account must have moved before. */
  readonly existing?: boolean;
}

/** Spending for many events in one request. */
export interface SpendBatchBody {
  readonly account?: string;
  readonly items: readonly (MovementBody & { readonly idempotency_key?: string })[];
  /** `atomic`: one refusal refuses all. */
  readonly mode: 'independent' | 'atomic';
}

/** A hold to open. */
export interface OpenHoldBody extends MovementBody {
  /** Seconds. */
  readonly expires_in?: number;
}

/** What to spend from a hold. */
export interface CaptureBody extends Omit<MovementBody, 'agent' | 'run_id' | 'metadata'> {
  /** Whether the rest is released, which is so when absent. */
  readonly final?: boolean;
}

/** A hold as a path names it, and the account that it must belong to. */
export interface HoldPath {
  readonly id: string;
  readonly account?: string;
}

/** A hold that was found by its id; `number` is 0, which no hold has, when the id names none of the owner's. */
export interface FoundHold extends HoldPath {
  readonly owner: string;
  readonly name: HoldName;
}

/** A movement that a purchase makes. */
interface PurchaseMovement {
  readonly purchaseId: string;
  /** The account: `user:<id>` or `org:<id>`. */
  readonly account: string;
  readonly amount: Stored;
  readonly description: string;
  /** Runs in the transaction that writes the entry, a replay included; the error that it throws undoes the whole. */
  readonly attach: (tx: Tx) => Promise<void>;
}

/** What a paid purchase brings. */
export interface PurchaseGrant extends PurchaseMovement {
  /** Micro-dollars. */
  readonly price: number;
  /** Days of 24 hours from now; absent: it never expires. */
  readonly expiresInDays?: number;
  /** Promotional; absent: none. */
  readonly bonus?: { readonly amount: Stored; readonly expiresInDays?: number; readonly priority?: number };
}

/** An amount that a refund or dispute of a purchase takes back or, when it was won or failed, gives back; signed. */
export interface PurchaseRefund extends PurchaseMovement {
  /** Tells this movement from the others of the same purchase; the same key moves nothing twice. */
  readonly key: string;
}
