import { type Account, available, type Entry, type Origin, type TypeTotal } from '../account.js';
import type { Ruling } from '../change.js';
import type { Post } from '../operation.js';
import { negate, plus, UNITS } from '../unit.js';

/** The fields of an entry that do not follow from the account. */
export type Movement = Omit<
  Entry,
  'accountId' | 'sequence' | 'typeSequence' | 'typeTotal' | 'balanceAfter' | 'createdAt'
>;

/** Posts an entry that the available balance covers, or that may overdraw it. */
export function post(account: Account, action: Post, origin: Origin, now: number): Ruling {
  const { type, amount, description, metadata, agent, runId, model, purchaseId, overdraw } = action;
  if (amount < 0 && !overdraw && negate(amount) > available(account)) {
    return { reason: 'insufficient', required: negate(amount), available: available(account) };
  }
  if (Math.abs(account.balance + amount) > UNITS[account.unit].limit) return { reason: 'limit' };
  const movement = { type, amount, description, metadata, agent, runId, model, purchaseId, hold: null, ...origin };
  const { after, entry } = enter(account, movement, now);
  return { account: after, entry, outcome: { status: 'posted', entry } };
}

/** The next entry of an account, and the account after it. */
export function enter(account: Account, movement: Movement, now: number): { after: Account; entry: Entry } {
  const { type, amount } = movement;
  const { id, version, owner, unit, held, types, holds, openHolds, operations, nextExpiry } = account;
  const before = types[type];
  const ofType: TypeTotal = { count: (before?.count ?? 0) + 1, total: (before?.total ?? 0n) + BigInt(amount) };
  const entry: Entry = {
    accountId: id,
    sequence: account.sequence + 1,
    type,
    typeSequence: ofType.count,
    typeTotal: ofType.total,
    amount,
    balanceAfter: plus(account.balance, amount),
    description: movement.description,
    metadata: movement.metadata,
    actor: movement.actor,
    agent: movement.agent,
    runId: movement.runId,
    model: movement.model,
    traceId: movement.traceId,
    idempotencyKey: movement.idempotencyKey,
    purchaseId: movement.purchaseId,
    hold: movement.hold,
    createdAt: Math.max(now, account.lastAt),
  };
  // Written out: to spread an account took longer than all else that an entry costs here.
  const after: Account = {
    id,
    version,
    owner,
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
  return { after, entry };
}
