import { type AccountName, type Entry, hasExpired } from './account.js';
import { apply } from './apply.js';
import { type Booked, booksOf } from './books.js';
import type { Change } from './change.js';
import { dayOf, type Effects, type GrantChanges, isMarked, recordsOf, totalsOf } from './effects.js';
import {
  type Answer,
  isKeyed,
  keyOf,
  mayPass,
  needs,
  type Operation,
  type Outcome,
  remember,
  type Remembered,
} from './operation.js';
import { settle } from './rules/settle.js';
import type { Stored } from './unit.js';
import {
  type Known,
  recordGrant,
  recordRefund,
  recordReversal,
  replayOf,
  stateOf,
  type WorkingAccount,
} from './working-account.js';
import { WorkingGrants } from './working-grants.js';

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

/** The accounts of a batch as its operations change them, in memory. */
class Batch {
  readonly isSettled: boolean;
  private readonly accounts = new Map<AccountName, WorkingAccount>();
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
      const working: WorkingAccount = { known: each, account: each.account, grants: new WorkingGrants(each) };
      this.accounts.set(name, working);
      if (hasExpired(each.account, now)) this.settle(working, each);
      settled &&= !hasExpired(working.account, now);
    }
    this.isSettled = settled;
  }

  run(operation: Operation): Answer {
    const working = this.accounts.get(operation.account)!;
    const { answer, change } = apply(
      stateOf(working, needs(operation), this.entries),
      operation,
      this.now,
      replayOf(working, operation),
    );
    if (!change) return answer;
    if (operation.audit) this.audit.push(...recordsOf(operation.audit, change, working.account));
    this.take(working, change);
    if (isKeyed(operation)) this.remember(working, operation, change.outcome);
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
    const accounts = [...this.accounts.values()];
    return {
      accounts: accounts.flatMap(({ known, account }) => (account === known.account ? [] : account)),
      entries: this.entries,
      operations: this.operations,
      holds: accounts.flatMap(({ holds }) => (holds ? [...holds.values()] : [])),
      grants: grantChanges(accounts),
      reversals: accounts.flatMap(({ account, reversed }) =>
        [...(reversed ?? [])].map(([sequence, amount]) => ({
          accountId: account.id,
          sequence,
          amount: amount as Stored,
        })),
      ),
      totals: totalsOf(this.entries),
      books: booksOf(this.booked),
      marked: accounts.flatMap(({ known, account }) => (isMarked(known.account, account) ? account : [])),
      audit: this.audit,
    };
  }

  private settle(working: WorkingAccount, { account, expired, nextExpiry }: Known): void {
    const { draft, holds } = settle(
      { account, grants: working.grants },
      { holds: expired, nextExpiry },
      this.now,
      GRANTS,
    );
    this.take(working, draft.change());
    for (const hold of holds) (working.holds ??= new Map()).set(hold.number, hold);
  }

  /** Takes in what an operation changed. */
  private take(working: WorkingAccount, { account, entries, hold, grants, books }: Change): void {
    working.account = account;
    if (books.length > 0)
      this.booked.push({ unit: account.unit, day: dayOf(Math.max(this.now, account.lastAt)), books });
    for (const entry of entries) {
      this.entries.push(entry);
      if (entry.reverses !== null) recordReversal(working, entry.reverses, entry);
      if (entry.type === 'refund' && entry.purchaseId !== null) recordRefund(working, entry.purchaseId, entry);
    }
    if (hold) (working.holds ??= new Map()).set(hold.number, hold);
    for (const grant of grants) {
      if (grant.purchaseId !== null && !working.grants.find(grant.id)) recordGrant(working, grant.purchaseId, grant);
      working.grants.put(grant);
    }
  }

  /** The account counts what is remembered for it, so that a key that was lost is seen. */
  private remember(working: WorkingAccount, operation: Operation & { readonly key: string }, outcome: Outcome): void {
    (working.replays ??= new Map()).set(keyOf(operation), { hash: operation.hash, outcome });
    working.account = { ...working.account, operations: working.account.operations + 1 };
    this.operations.push(remember(working.account.id, operation, outcome, this.now));
  }

  private rememberRefusal(group: Group, index: number, refused: Extract<Outcome, { status: 'refused' }>): void {
    const claim = group[0]!;
    if (!isKeyed(claim) || mayPass(refused.rejection)) return;
    const rejection = { reason: 'group', index, because: refused.rejection } as const;
    this.remember(this.accounts.get(claim.account)!, claim, { status: 'refused', rejection, traceId: claim.traceId });
  }

  /** Rows are never changed in place, so a copy of the references is a copy of the state. */
  private save(group: Group) {
    const names = [...new Set(group.map(({ account }) => account))];
    const copy = ({ grants, holds, reversed, purchases, replays, ...working }: WorkingAccount): WorkingAccount => ({
      ...working,
      grants: grants.copy(),
      holds: holds && new Map(holds),
      reversed: reversed && new Map(reversed),
      purchases: purchases && new Map(purchases),
      replays: replays && new Map(replays),
    });
    return {
      accounts: names.map((name) => [name, copy(this.accounts.get(name)!)] as const),
      entries: this.entries.length,
      operations: this.operations.length,
      booked: this.booked.length,
      audit: this.audit.length,
    };
  }

  private restore({ accounts, entries, operations, booked, audit }: ReturnType<Batch['save']>): void {
    for (const [name, working] of accounts) this.accounts.set(name, working);
    this.entries.length = entries;
    this.operations.length = operations;
    this.booked.length = booked;
    this.audit.length = audit;
  }
}

function grantChanges(accounts: readonly WorkingAccount[]): GrantChanges {
  const changes = { made: [], moved: [], changed: [] };
  for (const { grants } of accounts) grants.addTo(changes);
  return changes;
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
