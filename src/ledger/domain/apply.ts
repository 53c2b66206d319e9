import type { Account, Answer, Entry, Operation, Recorded, Rejection } from './types.js';
import { type Unit, UNITS } from './unit.js';

/** An account before its first entry. */
export function emptyAccount(unit: Unit): Account {
  return { unit, balance: 0, held: 0, sequence: 0, counts: {}, lastAt: 0 };
}

/** What may be spent. */
export function available(account: Account): number {
  return account.balance - account.held;
}

/**
 * Decides one operation: no clock, no I/O, and the same result for the same arguments. The guards stand in one order: malformed, already done,
 * funds, limit; a refused operation leaves the account as it was.
 * @param now milliseconds since 1970
 * @param recorded what the same key came to before
 */
export function apply(account: Account, operation: Operation, now: number, recorded?: Recorded): { account: Account; answer: Answer } {
  const { posting } = operation;
  const { limit } = UNITS[account.unit];
  const refuse = (rejection: Rejection) => ({ account, answer: { outcome: { status: 'refused', rejection, traceId: operation.traceId } as const, replayed: false } });

  if (!Number.isSafeInteger(posting.amount) || posting.amount === 0 || Math.abs(posting.amount) > limit) return refuse({ reason: 'malformed' });
  if (recorded) return { account, answer: recorded.hash === operation.hash ? { outcome: recorded.outcome, replayed: true } : { outcome: 'key-reused' } };
  if (posting.amount < 0 && !posting.overdraw && -posting.amount > available(account)) {
    return refuse({ reason: 'insufficient', required: -posting.amount, available: available(account) });
  }
  if (Math.abs(account.balance + posting.amount) > limit) return refuse({ reason: 'limit' });

  const entry = nextEntry(account, posting, now);
  return {
    account: {
      ...account,
      balance: entry.balanceAfter,
      sequence: entry.sequence,
      counts: { ...account.counts, [entry.type]: entry.typeSequence },
      lastAt: entry.createdAt,
    },
    answer: { outcome: { status: 'posted', entry }, replayed: false },
  };
}

function nextEntry(account: Account, posting: Operation['posting'], now: number): Entry {
  const { overdraw: _, ...rest } = posting;
  return {
    ...rest,
    sequence: account.sequence + 1,
    typeSequence: (account.counts[posting.type] ?? 0) + 1,
    balanceAfter: account.balance + posting.amount,
    createdAt: Math.max(now, account.lastAt),
  };
}
