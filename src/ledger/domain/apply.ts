import type {
  Account,
  Action,
  Answer,
  Capture,
  Entry,
  Hold,
  HoldStatus,
  Opening,
  Operation,
  Outcome,
  Posting,
  Recorded,
  Rejection,
  TypeTotal,
} from './types.js';
import { type Unit, UNITS } from './unit.js';

/** An account, what the batch has changed of it so far, and the hold that an operation names. */
export interface State {
  readonly account: Account;
  readonly hold?: Hold;
}

/** More open holds than this would make their expiry more than a batch or two can settle. */
export const MAX_OPEN_HOLDS = 10_000;

/** An account before its first entry. */
export function emptyAccount(id: number, unit: Unit): Account {
  return { id, unit, balance: 0, held: 0, sequence: 0, types: {}, holds: 0, openHolds: 0, operations: 0, nextExpiry: null, lastAt: 0 };
}

/** What may be spent. */
export function available(account: Pick<Account, 'balance' | 'held'>): number {
  return account.balance - account.held;
}

/** What an open hold still keeps back. */
export function remaining(hold: Pick<Hold, 'amount' | 'captured'>): number {
  return hold.amount - hold.captured;
}

/** A hold's status at a time; a row that no sweep has reached yet does not lie. */
export function statusAt(hold: Pick<Hold, 'status' | 'expiresAt'>, now: number): HoldStatus {
  return hold.status === 'open' && hold.expiresAt <= now ? 'expired' : hold.status;
}

/** Whether holds of the account may have expired by a time. */
export function hasExpired({ nextExpiry }: Pick<Account, 'nextExpiry'>, now: number): boolean {
  return nextExpiry !== null && nextExpiry <= now;
}

/** Whether the hold that an action names must be known to decide it. */
export function namesHold(action: Action): action is Extract<Action, { hold: number }> {
  return action.kind === 'capture' || action.kind === 'release';
}

/**
 * The account after open holds gave back what they kept, because their time has passed.
 * @param nextExpiry when the first of the others expires
 */
export function expire(account: Account, expired: readonly Pick<Hold, 'amount' | 'captured'>[], nextExpiry: number | null): Account {
  const givenBack = expired.reduce((sum, hold) => sum + remaining(hold), 0);
  return { ...account, held: account.held - givenBack, openHolds: account.openHolds - expired.length, nextExpiry };
}

/**
 * Decides one operation: no clock, no I/O, and the same result for the same arguments. The guards stand in one order: malformed, already done,
 * missing, wrong state, funds, limit; a refused operation leaves the state as it was. Holds that have expired by `now` must have been given back.
 * @param now milliseconds since 1970
 * @param recorded what the same key came to before
 */
export function apply(state: State, operation: Operation, now: number, recorded?: Recorded): { state: State; answer: Answer } {
  const { action } = operation;
  const refused = (rejection: Rejection) => ({
    state,
    answer: { outcome: { status: 'refused', rejection, traceId: operation.traceId } as const, replayed: false },
  });

  if (!isWellFormed(operation, state.account.unit)) return refused({ reason: 'malformed' });
  if (recorded)
    return { state, answer: recorded.hash === operation.hash ? { outcome: recorded.outcome, replayed: true } : { outcome: 'key-reused' } };
  const result =
    action.kind === 'post'
      ? post(state, action, now)
      : action.kind === 'hold'
        ? open(state, action, now)
        : action.kind === 'capture'
          ? capture(state, action, now)
          : action.kind === 'release'
            ? release(state, now)
            : { state, outcome: { status: 'claimed' } as const };
  return 'reason' in result ? refused(result) : { state: result.state, answer: { outcome: result.outcome, replayed: false } };
}

/** Whether what is remembered can be the action's own outcome. Of a row that is missing, amount and number are zero. */
export function isMadeBy(action: Action, outcome: Outcome): boolean {
  if (outcome.status === 'held')
    return action.kind === 'hold'
      ? outcome.hold.amount === action.amount
      : action.kind === 'release' && outcome.hold.number === action.hold;
  if (outcome.status !== 'posted') return true;
  const { type, amount, hold, purchaseId } = outcome.entry;
  if (action.kind === 'post') return type === action.type && amount === action.amount && purchaseId === action.purchaseId;
  return action.kind === 'capture' && type === action.type && amount === -action.amount && hold === action.hold;
}

type Result = { state: State; outcome: Outcome } | Rejection;

function isWellFormed({ action }: Operation, unit: Unit): boolean {
  if (action.kind === 'release' || action.kind === 'claim') return true;
  const { amount } = action;
  const inRange = Number.isSafeInteger(amount) && amount !== 0 && Math.abs(amount) <= UNITS[unit].limit;
  return (
    inRange &&
    (action.kind === 'post' || amount > 0) &&
    (action.kind !== 'hold' || (Number.isSafeInteger(action.expiresIn) && action.expiresIn > 0))
  );
}

function post(state: State, posting: Posting, now: number): Result {
  const { account } = state;
  if (posting.amount < 0 && !posting.overdraw && -posting.amount > available(account)) {
    return { reason: 'insufficient', required: -posting.amount, available: available(account) };
  }
  if (Math.abs(account.balance + posting.amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const { type, amount, description, metadata, model, purchaseId } = posting;
  return enter(state, { type, amount, description, metadata, model, purchaseId, hold: null }, now);
}

function open({ account }: State, { amount, description, metadata, expiresIn }: Opening, now: number): Result {
  if (amount > available(account)) return { reason: 'insufficient', required: amount, available: available(account) };
  if (account.openHolds >= MAX_OPEN_HOLDS) return { reason: 'too-many-holds' };
  const hold: Hold = {
    accountId: account.id,
    number: account.holds + 1,
    status: 'open',
    amount,
    captured: 0,
    description,
    metadata,
    expiresAt: now + expiresIn,
    createdAt: now,
  };
  const nextExpiry = Math.min(hold.expiresAt, account.nextExpiry ?? Infinity);
  return {
    state: {
      account: { ...account, held: account.held + amount, holds: hold.number, openHolds: account.openHolds + 1, nextExpiry },
      hold,
    },
    outcome: { status: 'held', hold },
  };
}

function capture(state: State, { type, amount, final, description }: Capture, now: number): Result {
  const { account, hold } = state;
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  const rest = remaining(hold);
  if (amount > rest) return { reason: 'hold-exceeded', required: amount, remaining: rest };
  // A clawback can have taken what the hold kept; what isn't there is not spent.
  if (amount > account.balance) return { reason: 'insufficient', required: amount, available: Math.max(0, account.balance) };
  const captured = hold.captured + amount;
  const settled = final || captured === hold.amount;
  const after: Hold = { ...hold, captured, status: settled ? 'captured' : 'open' };
  const entry = {
    type,
    amount: -amount,
    description: description ?? hold.description,
    metadata: hold.metadata,
    model: null,
    purchaseId: null,
    hold: hold.number,
  };
  const openHolds = account.openHolds - (settled ? 1 : 0);
  return enter({ account: { ...account, held: account.held - (settled ? rest : amount), openHolds }, hold: after }, entry, now);
}

function release({ account, hold }: State, now: number): Result {
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  const released: Hold = { ...hold, status: 'released' };
  return {
    state: { account: { ...account, held: account.held - remaining(hold), openHolds: account.openHolds - 1 }, hold: released },
    outcome: { status: 'held', hold: released },
  };
}

function notOpen(hold: Hold | undefined, now: number): Rejection | undefined {
  if (!hold) return { reason: 'no-hold' };
  const status = statusAt(hold, now);
  return status === 'open' ? undefined : { reason: 'hold-settled', status };
}

function enter(
  { account, hold }: State,
  movement: Pick<Entry, 'type' | 'amount' | 'description' | 'metadata' | 'model' | 'purchaseId' | 'hold'>,
  now: number,
): Result {
  const { type, amount, description, metadata, model, purchaseId, hold: captured } = movement;
  const { id, unit, held, types, holds, openHolds, operations, nextExpiry } = account;
  const before = types[type];
  const ofType: TypeTotal = { count: (before?.count ?? 0) + 1, total: (before?.total ?? 0n) + BigInt(amount) };
  const entry: Entry = {
    accountId: id,
    sequence: account.sequence + 1,
    type,
    typeSequence: ofType.count,
    typeTotal: ofType.total,
    amount,
    balanceAfter: account.balance + amount,
    description,
    metadata,
    model,
    purchaseId,
    hold: captured,
    createdAt: Math.max(now, account.lastAt),
  };
  // Written out: to spread an account took longer than all else that an entry costs here.
  const after: Account = {
    id,
    unit,
    balance: entry.balanceAfter,
    held,
    sequence: entry.sequence,
    types: { ...types, [type]: ofType },
    holds,
    openHolds,
    operations,
    nextExpiry,
    lastAt: entry.createdAt,
  };
  return { state: { account: after, hold }, outcome: { status: 'posted', entry } };
}
