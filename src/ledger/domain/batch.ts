import { type Account, type AccountName, type Entry, hasExpired, type Hold } from './account.js';
import type { HoldName } from './action.js';
import { apply } from './apply.js';
import type { Change, PurchaseState, ReversedEntry, State } from './change.js';
import { type Booked, booksOf } from './books.js';
import { dayOf, type Effects, type GrantChanges, isMarked, recordsOf, totalsOf } from './effects.js';
import type { Grant } from './grant.js';
import {
  type Answer,
  isKeyed,
  keyOf,
  needs,
  type Needs,
  type Operation,
  type Outcome,
  remember,
  type Remembered,
  type Replay,
} from './operation.js';
import { settle } from './rules/settle.js';
import type { Stored } from './unit.js';
import { WorkingGrants } from './working-grants.js';

/** An account and all that the operations of a batch need to know of it. The write checks that it still is so. */
export interface Known {
  readonly account: Account;
  /** All of which something remains, in burning order. */
  readonly open: readonly Grant[];
  /** These, and the others that the operations, their holds and the expired holds name, by id. */
  readonly grants: ReadonlyMap<number, Grant>;
  /** Those that the operations name, by number. */
  readonly holds: ReadonlyMap<number, Hold>;
  /** The entries that the operations reverse, by number. */
  readonly reversed: ReadonlyMap<number, ReversedEntry>;
  /** The purchases that they take back or give back, by id. */
  readonly purchases: ReadonlyMap<string, PurchaseState>;
  /** The outcomes that are known under the operations' keys, by `keyOf`. */
  readonly replays: ReadonlyMap<string, Replay>;
  /** Open holds whose time has passed, the oldest first … */
  readonly expired: readonly Hold[];
  /** … and when the first of the other open holds expires; a time that has passed means that there are more of them. */
  readonly nextExpiry: number | null;
}

/** Operations that are done together or not at all; most often one. Of several, the first is the claim of them all. */
export type Group = readonly Operation[];

/** What a batch comes to. */
export interface Decision {
  /**
   * For each group, an answer for each of its operations; absent when there is more to expire than one batch settles.
   */
  readonly answers: readonly (readonly Answer[])[] | undefined;
  readonly effects: Effects;
}

/**
 * Decides groups in order of arrival. A key that comes twice in one batch is decided once. A group of which one
 * operation is refused leaves everything as it was, but for the refusal itself. No operation is decided while expired
 * holds of an account are still open.
 * @param known every account that an operation names
 * @param now milliseconds since 1970
 */
export function decide(known: ReadonlyMap<AccountName, Known>, groups: readonly Group[], now: number): Decision {
  const batch = new Batch(known, now);
  const answers = batch.isSettled
    ? groups.map((group) => (group.length === 1 ? [batch.run(group[0]!)] : batch.runAll(group)))
    : undefined;
  return { answers, effects: batch.effects() };
}

/** How many expired grants of an account one batch ends; the next one goes on. */
const GRANTS = 500;

/** An account in the course of a batch. */
interface Course {
  readonly known: Known;
  account: Account;
  readonly grants: WorkingGrants;
  /** The holds that the batch changed or opened. */
  holds?: Map<number, Hold>;
  /** What the batch reversed of entries, by number. */
  reversed?: Map<number, number>;
  /** The purchases as the batch has left them. */
  purchases?: Map<string, PurchaseState>;
  /** The outcomes that the batch came to, by `keyOf`. */
  replays?: Map<string, Replay>;
}

/** The accounts of a batch as its operations change them, in memory. */
class Batch {
  readonly isSettled: boolean;
  private readonly courses = new Map<AccountName, Course>();
  private readonly entries: Entry[] = [];
  private readonly operations: Remembered[] = [];
  private readonly booked: Booked[] = [];
  private readonly audit: object[] = [];

  constructor(
    known: ReadonlyMap<AccountName, Known>,
    private readonly now: number,
  ) {
    let settled = true;
    for (const [name, each] of known) {
      const course: Course = { known: each, account: each.account, grants: new WorkingGrants(each) };
      this.courses.set(name, course);
      if (hasExpired(each.account, now)) this.settle(course, each);
      settled &&= !hasExpired(course.account, now);
    }
    this.isSettled = settled;
  }

  run(operation: Operation): Answer {
    const course = this.courses.get(operation.account)!;
    const { answer, change } = apply(
      stateOf(course, needs(operation), this.entries),
      operation,
      this.now,
      replayOf(course, operation),
    );
    if (!change) return answer;
    if (operation.audit) this.audit.push(...recordsOf(operation.audit, change, course.account));
    this.take(course, change);
    if (isKeyed(operation)) this.remember(course, operation, change.outcome);
    return answer;
  }

  runAll(group: Group): Answer[] {
    const before = this.save(group);
    const answers: Answer[] = [];
    for (const [index, operation] of group.entries()) {
      const answer = this.run(operation);
      answers.push(answer);
      if (answer.outcome !== 'key-reused' && answer.outcome.status !== 'refused') continue;
      if (answer.outcome === 'key-reused' || index > 0) this.restore(before);
      if (answer.outcome !== 'key-reused' && index > 0) this.rememberRefusal(group, index, answer.outcome);
      return refuseAll(group, answers, index);
    }
    return answers;
  }

  effects(): Effects {
    const courses = [...this.courses.values()];
    return {
      accounts: courses.flatMap(({ known, account }) => (account === known.account ? [] : account)),
      entries: this.entries,
      operations: this.operations,
      holds: courses.flatMap(({ holds }) => (holds ? [...holds.values()] : [])),
      grants: grantChanges(courses),
      reversals: courses.flatMap(({ account, reversed }) =>
        [...(reversed ?? [])].map(([sequence, amount]) => ({
          accountId: account.id,
          sequence,
          amount: amount as Stored,
        })),
      ),
      totals: totalsOf(this.entries),
      books: booksOf(this.booked),
      marked: courses.flatMap(({ known, account }) => (isMarked(known.account, account) ? account : [])),
      audit: this.audit,
    };
  }

  private settle(course: Course, { account, expired, nextExpiry }: Known): void {
    const { draft, holds } = settle(
      { account, grants: course.grants },
      { holds: expired, nextExpiry },
      this.now,
      GRANTS,
    );
    this.take(course, draft.change());
    for (const hold of holds) (course.holds ??= new Map()).set(hold.number, hold);
  }

  /** Takes in what an operation changed. */
  private take(course: Course, { account, entries, hold, grants, books }: Change): void {
    course.account = account;
    if (books.length > 0)
      this.booked.push({ unit: account.unit, day: dayOf(Math.max(this.now, account.lastAt)), books });
    for (const entry of entries) {
      this.entries.push(entry);
      if (entry.reverses !== null) recordReversal(course, entry.reverses, entry);
      if (entry.type === 'refund' && entry.purchaseId !== null) recordRefund(course, entry.purchaseId, entry);
    }
    if (hold) (course.holds ??= new Map()).set(hold.number, hold);
    for (const grant of grants) {
      if (grant.purchaseId !== null && !course.grants.find(grant.id)) recordGrant(course, grant.purchaseId, grant);
      course.grants.put(grant);
    }
  }

  /** The account counts what is remembered for it, so that a key that was lost is seen. */
  private remember(course: Course, operation: Operation & { readonly key: string }, outcome: Outcome): void {
    (course.replays ??= new Map()).set(keyOf(operation), { hash: operation.hash, outcome });
    course.account = { ...course.account, operations: course.account.operations + 1 };
    this.operations.push(remember(course.account.id, operation, outcome, this.now));
  }

  private rememberRefusal(group: Group, index: number, refused: Extract<Outcome, { status: 'refused' }>): void {
    const claim = group[0]!;
    if (!isKeyed(claim) || refused.rejection.reason === 'frozen') return;
    const rejection = { reason: 'group', index, because: refused.rejection } as const;
    this.remember(this.courses.get(claim.account)!, claim, { status: 'refused', rejection, traceId: claim.traceId });
  }

  /** Rows are never changed in place, so a copy of the references is a copy of the state. */
  private save(group: Group) {
    const names = [...new Set(group.map(({ account }) => account))];
    const copy = ({ grants, holds, reversed, purchases, replays, ...course }: Course): Course => ({
      ...course,
      grants: grants.copy(),
      holds: holds && new Map(holds),
      reversed: reversed && new Map(reversed),
      purchases: purchases && new Map(purchases),
      replays: replays && new Map(replays),
    });
    return {
      courses: names.map((name) => [name, copy(this.courses.get(name)!)] as const),
      entries: this.entries.length,
      operations: this.operations.length,
      booked: this.booked.length,
      audit: this.audit.length,
    };
  }

  private restore({ courses, entries, operations, booked, audit }: ReturnType<Batch['save']>): void {
    for (const [name, course] of courses) this.courses.set(name, course);
    this.entries.length = entries;
    this.operations.length = operations;
    this.booked.length = booked;
    this.audit.length = audit;
  }
}

function grantChanges(courses: readonly Course[]): GrantChanges {
  const changes = { made: [], moved: [], changed: [] };
  for (const { grants } of courses) grants.addTo(changes);
  return changes;
}

/** What an operation needs of an account in the course of a batch. */
function stateOf(course: Course, { hold, entry, purchaseId }: Needs, entries: readonly Entry[]): State {
  const { account, grants } = course;
  return {
    account,
    grants,
    hold: hold && holdOf(course, hold),
    reversed: entry === undefined ? undefined : reversedOf(course, entry, entries),
    purchase: purchaseId === undefined ? undefined : purchaseOf(course, purchaseId),
  };
}

function holdOf({ known, account, holds }: Course, { accountId, number }: HoldName): Hold | undefined {
  return accountId === account.id ? (holds?.get(number) ?? known.holds.get(number)) : undefined;
}

/** An entry that is to be reversed; the batch itself may have made it. */
function reversedOf(
  { known, account, reversed }: Course,
  entry: number,
  entries: readonly Entry[],
): ReversedEntry | undefined {
  const made = entries.find(({ accountId, sequence }) => accountId === account.id && sequence === entry);
  const found = known.reversed.get(entry) ?? (made && { entry: made, amount: 0 });
  return found && { ...found, amount: found.amount + (reversed?.get(entry) ?? 0) };
}

function purchaseOf({ known, purchases }: Course, id: string): PurchaseState {
  return purchases?.get(id) ?? known.purchases.get(id) ?? { grants: [], refunds: [] };
}

// What later operations of the batch need to know of a reversal, a refund, and a grant that belongs to a purchase.

function recordReversal(course: Course, reversed: number, { amount }: Entry): void {
  const before = course.reversed?.get(reversed) ?? 0;
  (course.reversed ??= new Map()).set(reversed, before + Math.abs(amount));
}

function recordRefund(course: Course, id: string, { amount, slices }: Entry): void {
  const { grants, refunds } = purchaseOf(course, id);
  (course.purchases ??= new Map()).set(id, { grants, refunds: [...refunds, { amount, slices }] });
}

function recordGrant(course: Course, id: string, grant: Grant): void {
  const { grants, refunds } = purchaseOf(course, id);
  (course.purchases ??= new Map()).set(id, { grants: [...grants, grant.id], refunds });
}

function replayOf({ known, replays }: Course, operation: Operation): Replay | undefined {
  if (!isKeyed(operation)) return undefined;
  const id = keyOf(operation);
  return replays?.get(id) ?? known.replays.get(id);
}

/**
 * The operation at `index` has its own answer; the others are refused because of it, anew unless the claim of the whole
 * was decided before.
 */
function refuseAll(group: Group, answers: readonly Answer[], index: number): Answer[] {
  const decisive = answers[index]!;
  if (decisive.outcome === 'key-reused' || decisive.outcome.status !== 'refused') return group.map(() => decisive);
  const { rejection } = decisive.outcome;
  const replayed = 'replayed' in answers[0]! && answers[0].replayed;
  // The claim's recorded refusal names the place in the group that was refused the first time, and why.
  const whole = rejection.reason === 'group' ? rejection : ({ reason: 'group', index, because: rejection } as const);
  return group.map(({ traceId }, i) =>
    i === index
      ? decisive
      : { outcome: { status: 'refused', rejection: i === whole.index ? whole.because : whole, traceId }, replayed },
  );
}
