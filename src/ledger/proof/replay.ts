import {
  type Account,
  accountName,
  type Action,
  type Answer,
  apply,
  type Applied,
  emptyAccount,
  type Entry,
  type EntryType,
  type Hold,
  negate,
  type State,
  SYSTEM,
} from '../domain/index.js';

const SPENDING: ReadonlySet<EntryType> = new Set<EntryType>(['debit', 'consume']);
const COMPARED = ['typeSequence', 'balanceAfter', 'typeTotal', 'createdAt'] as const;

/** The first thing that is not as it must be. */
export class Divergence extends Error {}

/** An open hold in the course of the replay: its row, which tells its end, and as it was then. */
interface Course {
  readonly row: Hold;
  hold: Hold;
}

/**
 * Decides an account's history again, entry by entry and hold by hold, with the rules that decided it the first time.
 * Holds that were opened or given back between the same two entries have no order among themselves, so they are taken
 * in the one that leaves most to spend.
 */
export class Replay {
  account: Account;
  private readonly open = new Map<number, Course>();
  /** Open holds by the entry after which their rows say that they were given back. */
  private readonly ends = new Map<number, number[]>();

  constructor(
    row: Account,
    private readonly fail: (what: string) => never,
  ) {
    this.account = emptyAccount(row.id, row.version, accountName(row));
  }

  /** Replays the holds that were given back, and then those that were opened, after the last entry. */
  holds(opened: readonly Hold[]): void {
    const { sequence } = this.account;
    const ended = this.ends.get(sequence) ?? [];
    if (ended.length === 0 && opened.length === 0) return;
    for (const number of ended) this.giveBack(this.open.get(number)!);
    this.ends.delete(sequence);
    const isBrief = (row: Hold) => wasGivenBack(row) && row.closedAfter === sequence;
    for (const row of opened.filter(isBrief)) this.giveBack(this.opened(row));
    for (const row of opened.filter((each) => !isBrief(each))) {
      this.open.set(row.number, this.opened(row));
      if (wasGivenBack(row)) this.awaitEnd(row, sequence);
    }
    this.account = { ...this.account, holds: Math.max(this.account.holds, ...opened.map(({ number }) => number)) };
  }

  entry(row: Entry): void {
    const next = this.account.sequence + 1;
    if (row.sequence !== next) this.fail(`entry ${row.sequence}: sequence is ${row.sequence}, must be ${next}`);
    const course = row.hold === null ? undefined : this.open.get(row.hold);
    if (row.hold !== null && !course)
      this.fail(`entry ${row.sequence} captures hold ${row.hold}, which is not open then`);
    const { answer, change } = this.decide(actionOf(row, course), row.createdAt, course?.hold);
    const { outcome } = answer;
    if (outcome === 'key-reused' || outcome.status !== 'posted')
      return this.fail(`entry ${row.sequence} ${whyNot(outcome)}`);
    for (const field of COMPARED)
      if (row[field] !== outcome.entry[field])
        this.fail(`entry ${row.sequence}: ${field} is ${row[field]}, must be ${outcome.entry[field]}`);
    this.account = change!.account;
    if (!course) return;
    course.hold = change!.hold!;
    if (course.hold.status === 'open') return;
    this.compare(course);
    this.open.delete(course.row.number);
  }

  /** The holds that are open in the end are as their rows say. */
  end(): void {
    for (const [end, [number]] of this.ends)
      this.fail(`hold ${number} was given back after entry ${end}, which is not there`);
    for (const course of this.open.values()) this.compare(course);
  }

  private awaitEnd({ number, closedAfter }: Hold, openedAfter: number): void {
    if (closedAfter === null || closedAfter < openedAfter)
      return this.fail(`hold ${number}: closedAfter is ${closedAfter}, must be ${openedAfter} or more`);
    this.ends.set(closedAfter, [...(this.ends.get(closedAfter) ?? []), number]);
  }

  private opened(row: Hold): Course {
    const action: Action = { ...row, kind: 'open', expiresIn: row.expiresAt - row.createdAt };
    this.account = { ...this.account, holds: row.number - 1 };
    const { answer, change } = this.decide(action, row.createdAt);
    if (!change?.hold) return this.fail(`hold ${row.number} ${whyNot(answer.outcome)}`);
    this.account = change.account;
    // Its time was judged by a clock, and the times of entries are none.
    return { row, hold: { ...change.hold, expiresAt: Infinity } };
  }

  private giveBack(course: Course): void {
    const { change } = this.decide({ kind: 'release', hold: course.hold }, 0, course.hold);
    this.account = change!.account;
    course.hold = { ...change!.hold!, status: course.row.status };
    this.compare(course);
    this.open.delete(course.row.number);
  }

  private compare({ row, hold }: Course): void {
    for (const field of ['status', 'captured', 'closedAfter'] as const)
      if (row[field] !== hold[field])
        this.fail(`hold ${row.number}: ${field} is ${row[field]}, its history makes ${hold[field]}`);
  }

  private decide(action: Action, now: number, hold?: Hold): Applied {
    const state: State = { account: this.account, hold };
    const account = accountName(this.account);
    return apply(state, { account, scope: 'verify', hash: '', traceId: '', actor: SYSTEM, action }, now);
  }
}

/** The action that an entry is the outcome of. */
function actionOf(entry: Entry, course: Course | undefined): Action {
  const { sequence, type, amount, description, model } = entry;
  if (!course) return { ...entry, kind: 'post', overdraw: !SPENDING.has(type) };
  const final = course.row.status === 'captured' && course.row.closedAfter === sequence;
  return { kind: 'capture', hold: course.hold, type, amount: negate(amount), final, description, model };
}

/** Whether a hold's row says that no capture closed it. */
function wasGivenBack({ status }: Hold): boolean {
  return status === 'released' || status === 'expired';
}

function whyNot(outcome: Answer['outcome']): string {
  return `can not follow: ${outcome !== 'key-reused' && outcome.status === 'refused' ? outcome.rejection.reason : 'it is no posting'}`;
}
