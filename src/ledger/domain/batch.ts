import { apply } from './apply.js';
import type { Account, Answer, Entry, EntryType, Operation, Outcome, Recorded } from './types.js';

/** An account as it was read under its lock. */
export interface LockedAccount {
  readonly id: number;
  /** Counts the rewrites of the row; the write checks it again. */
  readonly version: number;
  readonly account: Account;
}

/** An operation and the account that it works on. */
export interface Addressed {
  readonly accountId: number;
  readonly operation: Operation;
  /** Whether a client chose the key. A refusal without one need not be remembered: nobody can ask for it again. */
  readonly keyed: boolean;
}

/** What a batch comes to: the answers in order, and every row that has to be written before they may be given. */
export interface Plan {
  readonly answers: Answer[];
  readonly entries: { accountId: number; entry: Entry }[];
  readonly operations: { accountId: number; operation: Operation; outcome: Outcome }[];
  /** Changes of the daily totals. */
  readonly totals: DailyTotal[];
  /** The accounts that changed, with the version that was read. */
  readonly accounts: LockedAccount[];
}

/** Sum and number of an account's entries of one type on one UTC day. */
interface DailyTotal {
  readonly accountId: number;
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly type: EntryType;
  amount: number;
  count: number;
}

const DAY_MS = 86_400_000;

/** The UTC day of a time. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}

/** The first millisecond of a UTC day. */
export function startOfDay(day: number): number {
  return day * DAY_MS;
}

/** What makes an operation the same one again. */
export function identity(accountId: number, operation: Pick<Operation, 'name' | 'key'>): string {
  return `${accountId} ${operation.name} ${operation.key}`;
}

/**
 * Applies the operations in order of arrival. A key that comes twice in one batch is decided once.
 * @param recorded what the database knows of the batch's keys, by `identity`; it is added to
 */
export function decide(locked: readonly LockedAccount[], batch: readonly Addressed[], recorded: Map<string, Recorded>, now: number): Plan {
  const current = new Map(locked.map((row) => [row.id, row.account]));
  const totals = new Map<string, DailyTotal>();
  const plan = { answers: [] as Answer[], entries: [] as Plan['entries'], operations: [] as Plan['operations'] };
  for (const { accountId, operation, keyed } of batch) {
    const id = identity(accountId, operation);
    const { account, answer } = apply(current.get(accountId)!, operation, now, recorded.get(id));
    plan.answers.push(answer);
    if (answer.outcome === 'key-reused' || answer.replayed) continue;
    const { outcome } = answer;
    if (outcome.status === 'refused' && (!keyed || outcome.rejection.reason === 'malformed')) continue;
    recorded.set(id, { hash: operation.hash, outcome });
    plan.operations.push({ accountId, operation, outcome });
    if (outcome.status === 'refused') continue;
    current.set(accountId, account);
    plan.entries.push({ accountId, entry: outcome.entry });
    addTotal(totals, accountId, outcome.entry);
  }
  const accounts = locked.map((row) => ({ ...row, account: current.get(row.id)! })).filter((row, i) => row.account !== locked[i]!.account);
  return { ...plan, totals: [...totals.values()], accounts };
}

function addTotal(totals: Map<string, DailyTotal>, accountId: number, { type, amount, createdAt }: Entry): void {
  const day = dayOf(createdAt);
  const key = `${accountId} ${day} ${type}`;
  const total = totals.get(key);
  if (total) {
    total.amount += amount;
    total.count += 1;
  } else {
    totals.set(key, { accountId, day, type, amount, count: 1 });
  }
}
