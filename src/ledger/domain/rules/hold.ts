import { type Account, available, type Hold, MAX_OPEN_HOLDS, type Origin, remaining, statusAt } from '../account.js';
import type { Ruling, State } from '../change.js';
import type { Capture, Open, Rejection } from '../operation.js';
import { minus, negate, plus, type Stored, ZERO } from '../unit.js';
import { enter } from './post.js';

/** Opens a hold that the available balance covers. */
export function open(account: Account, action: Open, actor: string, now: number): Ruling {
  const { amount, description, metadata, agent, runId, model, expiresIn } = action;
  if (amount > available(account)) return { reason: 'insufficient', required: amount, available: available(account) };
  if (account.openHolds >= MAX_OPEN_HOLDS) return { reason: 'too-many-holds' };
  const hold: Hold = {
    accountId: account.id,
    number: account.holds + 1,
    status: 'open',
    amount,
    captured: ZERO,
    description,
    metadata,
    actor,
    agent,
    runId,
    model,
    expiresAt: now + expiresIn,
    createdAt: now,
    openedAfter: account.sequence,
    closedAfter: null,
  };
  const after: Account = {
    ...account,
    held: plus(account.held, amount),
    holds: hold.number,
    openHolds: account.openHolds + 1,
    nextExpiry: Math.min(hold.expiresAt, account.nextExpiry ?? Infinity),
  };
  return { account: after, hold, outcome: { status: 'held', hold } };
}

/** Spends from an open hold. */
export function capture({ account, hold }: State, action: Capture, origin: Origin, now: number): Ruling {
  const { type, amount, final, description, model } = action;
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  const rest = remaining(hold);
  if (amount > rest) return { reason: 'hold-exceeded', required: amount, remaining: rest };
  // A clawback can have taken the amount that the hold kept, and an amount that is not there is not spent.
  if (amount > account.balance)
    return { reason: 'insufficient', required: amount, available: Math.max(0, account.balance) as Stored };
  const captured = plus(hold.captured, amount);
  const closes = final || captured === hold.amount;
  const { after, entry } = enter(
    { ...account, held: minus(account.held, closes ? rest : amount), openHolds: account.openHolds - (closes ? 1 : 0) },
    {
      type,
      amount: negate(amount),
      description: description ?? hold.description,
      metadata: hold.metadata,
      agent: hold.agent,
      runId: hold.runId,
      model: model ?? hold.model,
      purchaseId: null,
      hold: hold.number,
      ...origin,
    },
    now,
  );
  const settled: Hold = { ...hold, captured, ...(closes ? { status: 'captured', closedAfter: after.sequence } : {}) };
  return { account: after, entry, hold: settled, outcome: { status: 'posted', entry } };
}

/** Gives back what remains of an open hold. */
export function release({ account, hold }: State, now: number): Ruling {
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  const released: Hold = { ...hold, status: 'released', closedAfter: account.sequence };
  return { account: close(account, hold), hold: released, outcome: { status: 'held', hold: released } };
}

/**
 * Closes open holds whose time has passed.
 * @param nextExpiry when the first of the others expires
 */
export function expire(
  account: Account,
  expired: readonly Hold[],
  nextExpiry: number | null,
): { account: Account; holds: Hold[] } {
  return {
    account: { ...expired.reduce(close, account), nextExpiry },
    holds: expired.map((hold) => ({ ...hold, status: 'expired', closedAfter: account.sequence })),
  };
}

function close(account: Account, hold: Hold): Account {
  return { ...account, held: minus(account.held, remaining(hold)), openHolds: account.openHolds - 1 };
}

function notOpen(hold: Hold | undefined, now: number): Rejection | undefined {
  if (!hold) return { reason: 'no-hold' };
  const status = statusAt(hold, now);
  return status === 'open' ? undefined : { reason: 'hold-settled', status };
}
