import type { Slice } from './grant.js';
import { minus, negate, type Stored, type Unit, ZERO } from './unit.js';

/** Names an account: the unit, then the owner (`user:42`, `org:7`). */
export type AccountName = `${Unit} ${string}`;

/**
 * Why an entry was made. Deposit and debit are the words of credits; purchase, grant and consume are those of tokens.
 */
export type EntryType =
  'deposit' | 'debit' | 'purchase' | 'grant' | 'consume' | 'refund' | 'expire' | 'void' | 'reversal';

/** The state of one account: an owner's balance in one unit. */
export interface Account {
  readonly id: number;
  /**
   * Drawn anew by every batch that changes the row: the same version is the same row, also after a failover that lost
   * commits.
   */
  readonly version: number;
  /** `user:<id>` or `org:<id>`. */
  readonly owner: string;
  readonly unit: Unit;
  /** The sum of all entries. Below zero only after a clawback. */
  readonly balance: Stored;
  /** The amount that open holds keep back; available = balance − held. */
  readonly held: Stored;
  /** Micro-dollars that were paid back for the units of the debt; 0 when there is none. */
  readonly debtPrice: number;
  /** The number of the last entry: 1, 2, 3 … without a gap. */
  readonly sequence: number;
  /** Number and sum of the entries of each type. */
  readonly types: Readonly<Partial<Record<EntryType, TypeTotal>>>;
  /** The number of the last hold: 1, 2, 3 … without a gap. */
  readonly holds: number;
  /** How often a hold was opened, or was closed by other than a capture: it numbers what has no entry. */
  readonly holdEvents: number;
  /** How many holds are open, at most `MAX_OPEN_HOLDS`; one that has expired counts until it is settled. */
  readonly openHolds: number;
  /** How many operations are remembered under a key; none is ever forgotten. */
  readonly operations: number;
  /** No open hold and no open grant expires before this; null: none does. It may be too early, never too late. */
  readonly nextExpiry: number | null;
  /**
   * When the last entry was made. The times of entries never run backwards within an account, whatever the clocks of
   * the writers say; holds go by the clock.
   */
  readonly lastAt: number;
  /** Why nothing may be spent or kept back; null: it may. */
  readonly frozen: string | null;
  /** What administrators noted. */
  readonly note: string | null;
}

/** Number and sum of the entries of one type. */
export interface TypeTotal {
  /** How many there are, which is also the last `typeSequence`. */
  readonly count: number;
  /** The sum of their amounts. It only grows with the history, beyond what a double holds exactly. */
  readonly total: bigint;
}

/** The actor of everything that no request asks for: settlement, expiry, schedules. */
export const SYSTEM = 'system';

/** Where an entry comes from. */
export interface Origin {
  /** `user:<sub>`, `admin:<sub>` for an administrator on another account than their own, or `system`. */
  readonly actor: string;
  /** The trace id of the request; null when no request asked for it. */
  readonly traceId: string | null;
  /** The idempotency key as the client sent it: a batch item's own, else its batch's. */
  readonly idempotencyKey: string | null;
}

/** The origin of entries that no request asks for. */
export const SYSTEM_ORIGIN: Origin = { actor: SYSTEM, traceId: null, idempotencyKey: null };

/** What an amount is spent for. */
export interface Dimensions {
  /** The agent that spends it … */
  readonly agent: string | null;
  /** … in which run … */
  readonly runId: string | null;
  /** … and the language model whose usage it is. */
  readonly model: string | null;
}

/** One movement of a balance, never changed once written. */
export interface Entry extends Origin, Dimensions {
  readonly accountId: number;
  readonly sequence: number;
  readonly type: EntryType;
  /** Its number among the account's entries of the same type. */
  readonly typeSequence: number;
  /**
   * The sum of the account's entries of the same type up to this one. So the sum of any period is the difference of two
   * entries.
   */
  readonly typeTotal: bigint;
  /** Signed. */
  readonly amount: Stored;
  readonly balanceAfter: Stored;
  readonly description: string | null;
  /** JSON text as the client sent it. */
  readonly metadata: string | null;
  readonly purchaseId: string | null;
  /** The number of the hold that it captured. */
  readonly hold: number | null;
  /** The grants that it took from or gave to, in that order; null: none. The one that it made is not among them. */
  readonly slices: readonly Slice[] | null;
  /** The entry that it reverses. */
  readonly reverses: number | null;
  /** JSON text: what was used, whose amount or number it is. */
  readonly usage: string | null;
  /** How the amount follows from the usage, in the words of who priced it. */
  readonly pricing: string | null;
  /** The entry whose price it corrects. */
  readonly reprices: number | null;
  /** When the grant that it ends expired. */
  readonly expiredAt: number | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** An open hold that is past its time counts as expired, whether or not its row says so yet. */
export type HoldStatus = 'open' | 'captured' | 'released' | 'expired';

/** An amount kept back for something that will cost at most as much. */
export interface Hold extends Dimensions {
  readonly accountId: number;
  /** Counts 1, 2, 3 … within the account. */
  readonly number: number;
  readonly status: HoldStatus;
  readonly amount: Stored;
  readonly captured: Stored;
  readonly description: string | null;
  readonly metadata: string | null;
  /** Who opened it. */
  readonly actor: string;
  readonly expiresAt: number;
  readonly createdAt: number;
  /**
   * The account's last entry when it was opened; with `closedAfter` the verifier knows between which entries it was
   * open.
   */
  readonly openedAfter: number;
  /** The account's last entry when it was closed, a final capture's own included; null while it is open. */
  readonly closedAfter: number | null;
  /** The number of its opening among the openings and closings of the account's holds … */
  readonly openedEvent: number;
  /** … and of its closing; null while it is open, and when a capture closed it. */
  readonly closedEvent: number | null;
  /** The parts of grants that it took. Captures spend them in this order. */
  readonly slices: readonly Slice[];
  /** The version of the prices that its captures use; null: those in force. */
  readonly rateCard: number | null;
}

/** More open holds than this would make their expiry more than a few batches can settle. */
export const MAX_OPEN_HOLDS = 10_000;

/** An account before its first entry. */
export function emptyAccount(id: number, version: number, name: AccountName): Account {
  return {
    id,
    version,
    ...ownerAndUnit(name),
    balance: ZERO,
    held: ZERO,
    debtPrice: 0,
    sequence: 0,
    types: {},
    holds: 0,
    holdEvents: 0,
    openHolds: 0,
    operations: 0,
    nextExpiry: null,
    lastAt: 0,
    frozen: null,
    note: null,
  };
}

export function accountName({ owner, unit }: Pick<Account, 'owner' | 'unit'>): AccountName {
  return `${unit} ${owner}`;
}

export function ownerAndUnit(name: AccountName): Pick<Account, 'owner' | 'unit'> {
  const space = name.indexOf(' ');
  return { owner: name.slice(space + 1), unit: name.slice(0, space) as Unit };
}

/** The amount that may be spent. */
export function available({ balance, held }: Pick<Account, 'balance' | 'held'>): Stored {
  return minus(balance, held);
}

/** The amount that an open hold still keeps back. */
export function remaining({ amount, captured }: Pick<Hold, 'amount' | 'captured'>): Stored {
  return minus(amount, captured);
}

/** A hold's status at a time. An open one past its time counts as expired, although its row still says open. */
export function statusAt({ status, expiresAt }: Pick<Hold, 'status' | 'expiresAt'>, now: number): HoldStatus {
  return status === 'open' && expiresAt <= now ? 'expired' : status;
}

/** The debt of an account, which is nobody's grant. While there is one, nothing remains of any grant. */
export function debtOf(account: Pick<Account, 'balance' | 'held'>): Stored {
  return Math.max(0, negate(available(account))) as Stored;
}

/** Whether holds or grants of the account may have expired by a time. */
export function hasExpired({ nextExpiry }: Pick<Account, 'nextExpiry'>, now: number): boolean {
  return nextExpiry !== null && nextExpiry <= now;
}
