import { apply, expire, namesHold } from './apply.js';
import type { Account, Answer, Entry, EntryType, Hold, Operation, Outcome, Recorded } from './types.js';

/** An account as it was read under its lock, or was left by the batch before; the write checks that it still is. */
export interface LockedAccount {
  /** No two states of the row have the same. */
  readonly version: number;
  readonly account: Account;
}

/** Open holds of an account whose time has passed. */
export interface Expired {
  readonly accountId: number;
  readonly holds: readonly Pick<Hold, 'number' | 'amount' | 'captured'>[];
  /** When the first of the holds that stay open expires; a time that has passed means that there are more. */
  readonly nextExpiry: number | null;
}

/** What can change of a hold once it is open. */
type ChangedHold = Pick<Hold, 'accountId' | 'number' | 'status' | 'captured'>;

/** An operation and the account that it works on. */
export interface Addressed {
  readonly accountId: number;
  readonly operation: Operation;
}

/** An operation that a client gave a key. */
export interface Keyed extends Addressed {
  readonly operation: Operation & { readonly key: string };
}

/** What is remembered of an operation under its key. */
interface Remembered extends Keyed {
  readonly outcome: Outcome;
}

/** Operations that are done together or not at all; most often one. */
export type Group = readonly Addressed[];

/** What is known for a batch. */
export interface Loaded {
  readonly locked: readonly LockedAccount[];
  readonly expired: readonly Expired[];
  /** The holds that the batch names, by `holdIdentity`. */
  readonly holds: ReadonlyMap<string, Hold>;
  /** What is known of the batch's keys, by `identity`. */
  readonly recorded: ReadonlyMap<string, Recorded>;
}

/** What a batch comes to: the answers in order, and every row that has to be written before they may be given. */
export interface Plan {
  /** For each group, an answer for each of its operations. */
  readonly answers: readonly (readonly Answer[])[];
  readonly entries: readonly Entry[];
  /** What has to be remembered under a client's key, refusals included. */
  readonly operations: readonly Remembered[];
  /** Changes of the daily totals. */
  readonly totals: readonly DailyTotal[];
  readonly newHolds: readonly Hold[];
  /** Those that captures and releases changed, and those that have expired. */
  readonly changedHolds: readonly ChangedHold[];
  /** The accounts that changed, with the version that was read. */
  readonly accounts: readonly LockedAccount[];
}

/** Sum and number of an account's entries of one type on one UTC day. */
export interface DailyTotal {
  readonly accountId: number;
  /** Days since 1970-01-01. */
  readonly day: number;
  readonly type: EntryType;
  amount: bigint;
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
export function identity(accountId: number, { name, key }: { readonly name: string; readonly key: string }): string {
  return `${accountId} ${name} ${key}`;
}

/** Whether a client can ask for the operation again. */
export function isKeyed(addressed: Addressed): addressed is Keyed {
  return addressed.operation.key !== undefined;
}

/** What makes a hold the same one again. */
export function holdIdentity(accountId: number, number: number): string {
  return `${accountId} ${number}`;
}

/**
 * Applies the groups in order of arrival. A key that comes twice in one batch is decided once. A group of which one operation is refused leaves
 * everything as it was, but for the refusal itself.
 * @param now milliseconds since 1970
 */
export function decide(loaded: Loaded, groups: readonly Group[], now: number): Plan {
  const ledger = new Ledger(loaded);
  const answers = groups.map((group) => (group.length === 1 ? [ledger.run(group[0]!, now)] : ledger.runAll(group, now)));
  return { answers, ...ledger.changes(loaded.locked) };
}

/** The rows of a batch as its operations change them, in memory. */
class Ledger {
  private readonly accounts: Map<number, Account>;
  private readonly holds: Map<string, Hold>;
  private readonly recorded: Map<string, Recorded>;
  private readonly entries: Entry[] = [];
  private readonly operations: Remembered[] = [];
  /** Which holds the batch touched, and whether it made them. */
  private readonly touchedHolds = new Map<string, { isNew: boolean }>();
  private readonly expiredHolds: ChangedHold[];

  constructor(loaded: Loaded) {
    this.accounts = new Map(loaded.locked.map(({ account }) => [account.id, account]));
    this.holds = new Map(loaded.holds);
    this.recorded = new Map(loaded.recorded);
    for (const { accountId, holds, nextExpiry } of loaded.expired)
      this.accounts.set(accountId, expire(this.accounts.get(accountId)!, holds, nextExpiry));
    // No operation changes them any more: one that names them finds them past their time.
    this.expiredHolds = loaded.expired.flatMap(({ accountId, holds }) =>
      holds.map(({ number, captured }) => ({ accountId, number, status: 'expired', captured })),
    );
  }

  run(addressed: Addressed, now: number): Answer {
    const { accountId, operation } = addressed;
    const { action } = operation;
    const account = this.accounts.get(accountId)!;
    const hold = namesHold(action) ? this.holds.get(holdIdentity(accountId, action.hold)) : undefined;
    const recorded = isKeyed(addressed) ? this.recorded.get(identity(accountId, addressed.operation)) : undefined;
    const { state, answer } = apply({ account, hold }, operation, now, recorded);
    if (answer.outcome === 'key-reused' || answer.replayed) return answer;
    const { outcome } = answer;
    if (outcome.status === 'refused' && outcome.rejection.reason === 'malformed') return answer;
    this.accounts.set(accountId, state.account);
    if (isKeyed(addressed)) this.remember(addressed, outcome);
    if (state.hold && state.hold !== hold) {
      const holdId = holdIdentity(accountId, state.hold.number);
      this.holds.set(holdId, state.hold);
      if (!this.touchedHolds.has(holdId)) this.touchedHolds.set(holdId, { isNew: hold === undefined });
    }
    if (outcome.status === 'posted') this.entries.push(outcome.entry);
    return answer;
  }

  /** Tries a group on a copy, so that a refusal has nothing to undo. Its first operation is the claim of the whole, which remembers the refusal. */
  runAll(group: Group, now: number): Answer[] {
    const trial = this.copy(group);
    const answers: Answer[] = [];
    for (const [index, addressed] of group.entries()) {
      const answer = trial.run(addressed, now);
      answers.push(answer);
      if (answer.outcome === 'key-reused') return refuseAll(group, answers, index);
      if (answer.outcome.status === 'refused') {
        if (index > 0) this.rememberRefusal(group, index, answer.outcome);
        return refuseAll(group, answers, index);
      }
    }
    this.take(trial);
    return answers;
  }

  changes(locked: readonly LockedAccount[]): Omit<Plan, 'answers'> {
    const totals = new Map<string, DailyTotal>();
    for (const entry of this.entries) addTotal(totals, entry);
    const touched = (isNew: boolean) =>
      [...this.touchedHolds].filter(([, hold]) => hold.isNew === isNew).map(([id]) => this.holds.get(id)!);
    return {
      entries: this.entries,
      operations: this.operations,
      totals: [...totals.values()],
      newHolds: touched(true),
      changedHolds: [...this.expiredHolds, ...touched(false)],
      accounts: locked
        .map((row) => ({ ...row, account: this.accounts.get(row.account.id)! }))
        .filter(({ account }, i) => account !== locked[i]!.account),
    };
  }

  private rememberRefusal([claim]: Group, index: number, refused: Extract<Outcome, { status: 'refused' }>): void {
    if (!claim || !isKeyed(claim)) return;
    const { traceId } = claim.operation;
    this.remember(claim, { status: 'refused', rejection: { reason: 'group', index, because: refused.rejection }, traceId });
  }

  /** The account counts what is remembered for it, so that a key that was lost is seen. */
  private remember({ accountId, operation }: Keyed, outcome: Outcome): void {
    this.recorded.set(identity(accountId, operation), { hash: operation.hash, outcome });
    this.operations.push({ accountId, operation, outcome });
    const account = this.accounts.get(accountId)!;
    this.accounts.set(accountId, { ...account, operations: account.operations + 1 });
  }

  private copy(group: Group): Ledger {
    const accounts = [...new Set(group.map(({ accountId }) => accountId))].map((id) => ({ version: 0, account: this.accounts.get(id)! }));
    return new Ledger({ locked: accounts, expired: [], holds: this.holds, recorded: this.recorded });
  }

  private take(trial: Ledger): void {
    for (const [id, account] of trial.accounts) this.accounts.set(id, account);
    for (const [id, hold] of trial.holds) this.holds.set(id, hold);
    for (const [id, recorded] of trial.recorded) this.recorded.set(id, recorded);
    for (const [id, touched] of trial.touchedHolds) if (!this.touchedHolds.has(id)) this.touchedHolds.set(id, touched);
    this.entries.push(...trial.entries);
    this.operations.push(...trial.operations);
  }
}

/** The operation at `index` has its own answer; the others are refused because of it, anew unless the claim of the whole was decided before. */
function refuseAll(group: Group, answers: readonly Answer[], index: number): Answer[] {
  const decisive = answers[index]!;
  if (decisive.outcome === 'key-reused' || decisive.outcome.status !== 'refused') return group.map(() => decisive);
  const { rejection } = decisive.outcome;
  const replayed = 'replayed' in answers[0]! && answers[0].replayed;
  // The claim's recorded refusal names the place in the group that was refused the first time, and what for.
  const whole = rejection.reason === 'group' ? rejection : ({ reason: 'group', index, because: rejection } as const);
  return group.map(({ operation: { traceId } }, i) =>
    i === index ? decisive : { outcome: { status: 'refused', rejection: i === whole.index ? whole.because : whole, traceId }, replayed },
  );
}

function addTotal(totals: Map<string, DailyTotal>, { accountId, type, amount, createdAt }: Entry): void {
  const day = dayOf(createdAt);
  const key = `${accountId} ${day} ${type}`;
  const total = totals.get(key);
  if (total) {
    total.amount += BigInt(amount);
    total.count += 1;
  } else {
    totals.set(key, { accountId, day, type, amount: BigInt(amount), count: 1 });
  }
}
