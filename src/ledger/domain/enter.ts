import type { Account, Dimensions, Entry, Origin, TypeTotal } from './account.js';
import { plus } from './unit.js';

/** The fields of an entry that do not follow from the account. */
export type Movement = Pick<Entry, 'type' | 'amount' | 'description'> &
  Partial<
    Dimensions &
      Pick<
        Entry,
        'metadata' | 'purchaseId' | 'hold' | 'slices' | 'reverses' | 'expiredAt' | 'usage' | 'pricing' | 'reprices'
      >
  >;

/** The next entry of an account, and the account after it. */
export function enter(
  account: Account,
  movement: Movement,
  origin: Origin,
  now: number,
): { after: Account; entry: Entry } {
  const { id, version, owner, unit, held, debtPrice, types, holds } = account;
  const { holdEvents, openHolds, operations, nextExpiry, frozen, note } = account;
  const entry = entryOf(account, movement, origin, Math.max(now, account.lastAt));
  const ofType: TypeTotal = { count: entry.typeSequence, total: entry.typeTotal };
  // Written out: to spread an account took longer than all else that an entry costs here.
  const after: Account = {
    id,
    version,
    owner,
    unit,
    balance: entry.balanceAfter,
    held,
    debtPrice,
    sequence: entry.sequence,
    types: { ...types, [entry.type]: ofType },
    holds,
    holdEvents,
    openHolds,
    operations,
    nextExpiry,
    lastAt: entry.createdAt,
    frozen,
    note,
  };
  return { after, entry };
}

function entryOf(
  { id, balance, sequence, types }: Account,
  movement: Movement,
  { actor, traceId, idempotencyKey }: Origin,
  createdAt: number,
): Entry {
  const { type, amount, slices } = movement;
  const { count, total } = types[type] ?? NONE;
  return {
    accountId: id,
    sequence: sequence + 1,
    type,
    typeSequence: count + 1,
    typeTotal: total + BigInt(amount),
    amount,
    balanceAfter: plus(balance, amount),
    description: movement.description,
    metadata: orNull(movement.metadata),
    actor,
    agent: orNull(movement.agent),
    runId: orNull(movement.runId),
    model: orNull(movement.model),
    traceId,
    idempotencyKey,
    purchaseId: orNull(movement.purchaseId),
    hold: orNull(movement.hold),
    slices: slices?.length ? slices : null,
    reverses: orNull(movement.reverses),
    expiredAt: orNull(movement.expiredAt),
    usage: orNull(movement.usage),
    pricing: orNull(movement.pricing),
    reprices: orNull(movement.reprices),
    createdAt,
  };
}

function orNull<T>(value: T | null | undefined): T | null {
  return value ?? null;
}

const NONE: TypeTotal = { count: 0, total: 0n };
