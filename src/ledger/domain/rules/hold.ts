import { available, type Hold, MAX_OPEN_HOLDS, remaining, statusAt, SYSTEM_ORIGIN } from '../account.js';
import type { State } from '../change.js';
import { Draft, type Ruling } from '../draft.js';
import type { Movement } from '../enter.js';
import type { Slice } from '../grant.js';
import type { Capture, Open } from '../action.js';
import type { Rejection } from '../operation.js';
import { minus, negate, plus, type Stored, ZERO } from '../unit.js';

/** Opens a hold that the available balance covers. It takes its amount out of the grants. */
export function open(state: State, action: Open, now: number): Ruling {
  const { account, origin = SYSTEM_ORIGIN } = state;
  const { amount, description, metadata, agent, runId, model, expiresIn, rateCard = null } = action;
  if (amount === null) return { reason: 'unpriced' };
  if (amount > available(account)) return { reason: 'insufficient', required: amount, available: available(account) };
  if (account.openHolds >= MAX_OPEN_HOLDS) return { reason: 'too-many-holds' };
  const draft = new Draft(state, now);
  const hold: Hold = {
    accountId: account.id,
    number: account.holds + 1,
    status: 'open',
    amount,
    captured: ZERO,
    description,
    metadata,
    actor: origin.actor,
    agent,
    runId,
    model,
    expiresAt: now + expiresIn,
    createdAt: now,
    openedAfter: account.sequence,
    closedAfter: null,
    openedEvent: account.holdEvents + 1,
    closedEvent: null,
    slices: draft.burn(amount, 'held'),
    rateCard,
  };
  draft.hold = hold;
  draft.account = {
    ...account,
    held: plus(account.held, amount),
    holds: hold.number,
    holdEvents: hold.openedEvent,
    openHolds: account.openHolds + 1,
    nextExpiry: Math.min(hold.expiresAt, account.nextExpiry ?? Infinity),
  };
  return draft.done({ status: 'held', hold });
}

/** Spends from an open hold, its slices in their order. The rest of them goes back with the last capture. */
export function capture(state: State, action: Capture, now: number): Ruling {
  const { account, hold } = state;
  const { amount, final } = action;
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  if (amount === null) return { reason: 'unpriced' };
  const rest = remaining(hold);
  if (amount > rest) return { reason: 'hold-exceeded', required: amount, remaining: rest };
  const captured = plus(hold.captured, amount);
  const closes = final || captured === hold.amount;
  const draft = new Draft(state, now);
  const spent = between(hold.slices, hold.captured, captured);
  for (const slice of spent) draft.spendHeld(slice);
  if (closes) giveBack(draft, between(hold.slices, captured, hold.amount));
  draft.account = {
    ...draft.account,
    held: minus(account.held, closes ? rest : amount),
    openHolds: account.openHolds - (closes ? 1 : 0),
  };
  const entry = draft.enter({ ...spending(hold, action), amount: negate(amount), slices: spent });
  draft.hold = { ...hold, captured, ...(closes ? { status: 'captured', closedAfter: entry.sequence } : {}) };
  return draft.done({ status: 'posted', entry });
}

/** A capture bears what its hold says, unless it says otherwise itself. */
function spending(hold: Hold, { type, description, model, usage, pricing }: Capture): Omit<Movement, 'amount'> {
  return {
    type,
    description: description ?? hold.description,
    metadata: hold.metadata,
    agent: hold.agent,
    runId: hold.runId,
    model: model ?? hold.model,
    hold: hold.number,
    usage,
    pricing,
  };
}

/** Gives back what remains of an open hold. */
export function release(state: State, now: number): Ruling {
  const { hold } = state;
  const refusal = notOpen(hold, now);
  if (refusal || !hold) return refusal ?? { reason: 'no-hold' };
  const draft = new Draft(state, now);
  const released = close(draft, hold, 'released');
  return draft.done({ status: 'held', hold: released });
}

/** Closes a hold, and gives back what remains of it. */
export function close(draft: Draft, hold: Hold, status: 'released' | 'expired'): Hold {
  giveBack(draft, between(hold.slices, hold.captured, hold.amount));
  const { account } = draft;
  draft.account = {
    ...account,
    held: minus(account.held, remaining(hold)),
    openHolds: account.openHolds - 1,
    holdEvents: account.holdEvents + 1,
  };
  draft.hold = { ...hold, status, closedAfter: account.sequence, closedEvent: account.holdEvents + 1 };
  return draft.hold;
}

/** In reverse, so that what was taken last comes back first. */
function giveBack(draft: Draft, slices: readonly Slice[]): void {
  for (const slice of slices.toReversed()) draft.giveBack(slice, 'held');
}

/** The parts of slices that lie between two amounts, counted from their beginning. */
export function between(slices: readonly Slice[], from: Stored, to: Stored): Slice[] {
  const parts: Slice[] = [];
  let start = 0;
  for (const { grant, amount } of slices) {
    const part = Math.min(start + amount, to) - Math.max(start, from);
    if (part > 0) parts.push({ grant, amount: part as Stored });
    start += amount;
  }
  return parts;
}

function notOpen(hold: Hold | undefined, now: number): Rejection | undefined {
  if (!hold) return { reason: 'no-hold' };
  const status = statusAt(hold, now);
  return status === 'open' ? undefined : { reason: 'hold-settled', status };
}
