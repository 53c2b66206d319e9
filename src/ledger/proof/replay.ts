import {
  type Account,
  accountName,
  type Action,
  type Booked,
  type Capture,
  dayOf,
  type Draft,
  emptyAccount,
  type Entry,
  type EntryType,
  type Grant,
  type GrantSource,
  type Hold,
  moved,
  negate,
  priceOfPart,
  type PurchaseState,
  RETURN_MS,
  rule,
  type Spend,
  type State,
  WorkingGrants,
} from '../domain/index.js';

const FUNDING: ReadonlySet<EntryType> = new Set<EntryType>(['deposit', 'purchase', 'grant']);
const COMPARED = ['typeSequence', 'balanceAfter', 'typeTotal', 'amount', 'expiredAt', 'reverses'] as const;
/** Everything of a grant that follows from its history. */
const OF_GRANT = [
  ...['amount', 'used', 'held', 'expired', 'voided', 'takenBack', 'remaining', 'open'],
  ...['source', 'category', 'priority', 'expiresAt', 'price', 'carried', 'purchaseId', 'extends', 'extendedBy'],
  'createdAt',
] as readonly (keyof Grant)[];

/** The first thing that is not as it must be. */
export class Divergence extends Error {}

/** An open hold in the course of the replay: its row, which tells its end, and as it was then. */
interface Course {
  readonly row: Hold;
  hold: Hold;
}

/** A hold that was opened or given back, in the order of these events. */
interface HoldEvent {
  readonly number: number;
  readonly row: Hold;
  readonly opens: boolean;
}

type Ruled = Exclude<Action, { kind: 'claim' }>;

/**
 * Decides an account's history again, entry by entry and hold by hold, with the rules that decided it the first time.
 * The terms of grants, the ends of holds and the times come from the rows; all else must follow.
 */
export class Replay {
  account: Account;
  private readonly open = new Map<number, Course>();
  /** Openings and closings of holds that have yet to come, by the entry after which they come. */
  private readonly events = new Map<number, HoldEvent[]>();
  private readonly grants = new WorkingGrants({ open: [], grants: new Map() });
  private readonly purchases = new Map<string, { grants: number[]; refunds: PurchaseState['refunds'][number][] }>();
  /** How much of each entry was reversed. */
  readonly reversed = new Map<number, number>();
  /** How its history moved the books. */
  readonly books: Booked[] = [];

  /** @param made the grants as their rows say, by the entry that made each */
  constructor(
    row: Account,
    private readonly made: ReadonlyMap<number, Grant>,
    private readonly fail: (what: string) => never,
  ) {
    this.account = emptyAccount(row.id, row.version, accountName(row));
  }

  /** Replays what happened to holds after the last entry. */
  holds(opened: readonly Hold[]): void {
    const { sequence } = this.account;
    for (const row of opened) this.await(sequence, { number: row.openedEvent, row, opens: true });
    for (const row of opened) if (row.closedEvent !== null) this.awaitEnd(row, row.closedEvent);
    const events = (this.events.get(sequence) ?? []).sort((a, b) => a.number - b.number);
    this.events.delete(sequence);
    for (const { number, row, opens } of events) {
      const next = this.account.holdEvents + 1;
      if (number !== next) this.fail(`hold ${row.number}: its event is ${number}, must be ${next}`);
      if (opens) this.opened(row);
      else this.giveBack(row);
    }
  }

  /**
   * Replays an entry.
   * @param original the entry that it reverses
   */
  entry(row: Entry, original?: Entry): void {
    this.follows(row);
    const course = row.hold === null ? undefined : this.open.get(row.hold);
    if (row.hold !== null && !course)
      this.fail(`entry ${row.sequence} captures hold ${row.hold}, which is not open then`);
    const draft = this.decide(
      `entry ${row.sequence}`,
      course ? captureOf(row, course) : FUNDING.has(row.type) ? this.fundOf(row) : actionOf(row),
      row,
      {
        hold: course?.hold,
        reversed: original && { entry: original, amount: this.reversed.get(original.sequence) ?? 0 },
      },
    );
    this.compareEntry(row, draft.entries[0]!);
    this.account = { ...this.account, lastAt: row.createdAt };
    this.record(row);
    if (!course) return;
    course.hold = draft.hold!;
    if (course.hold.status === 'open') return;
    this.compare(course);
    this.open.delete(course.row.number);
  }

  /** The holds that are open in the end, and all grants, are as their rows say. */
  end(): void {
    for (const [after, [event]] of this.events)
      this.fail(`hold ${event!.row.number} has an event after entry ${after}, which is not there`);
    for (const course of this.open.values()) this.compare(course);
    for (const [id, row] of this.made) {
      const must = this.grants.find(id);
      if (!must) return this.fail(`grant ${id} was made by no entry`);
      for (const field of OF_GRANT)
        if (row[field] !== must[field])
          this.fail(`grant ${id}: ${field} is ${row[field]}, its history makes ${must[field]}`);
    }
    const missing = this.grants.changed().find(({ id }) => !this.made.has(id));
    if (missing) this.fail(`grant ${missing.id} is missing`);
  }

  /** When the first of the open grants expires. */
  firstExpiry(): number {
    return this.grants.open.reduce((first, { expiresAt }) => Math.min(first, expiresAt ?? Infinity), Infinity);
  }

  private await(after: number, event: HoldEvent): void {
    const events = this.events.get(after);
    if (events) events.push(event);
    else this.events.set(after, [event]);
  }

  private awaitEnd(row: Hold, number: number): void {
    const { closedAfter, openedAfter } = row;
    if (closedAfter === null || closedAfter < openedAfter)
      return this.fail(`hold ${row.number}: closedAfter is ${closedAfter}, must be ${openedAfter} or more`);
    this.await(closedAfter, { number, row, opens: false });
  }

  private opened(row: Hold): void {
    const action: Action = { ...row, kind: 'open', expiresIn: row.expiresAt - row.createdAt };
    const { hold } = this.decide(`hold ${row.number}`, action, row, {});
    if (row.number !== hold!.number) this.fail(`hold ${row.number}: its number must be ${hold!.number}`);
    if (said(row) !== said(hold!)) this.fail(`hold ${row.number}: its grants are ${said(row)}, must be ${said(hold!)}`);
    // Its time was judged by a clock, and the times of entries are none.
    this.open.set(row.number, { row, hold: { ...hold!, expiresAt: Infinity } });
  }

  private giveBack(row: Hold): void {
    const course = this.open.get(row.number);
    if (!course) return this.fail(`hold ${row.number} is given back, and was not open`);
    const { hold } = this.decide(`hold ${row.number}`, { kind: 'release', hold: row }, row, { hold: course.hold });
    this.compare({ row, hold: { ...hold!, status: row.status === 'expired' ? 'expired' : 'released' } });
    this.open.delete(row.number);
  }

  private follows({ sequence, createdAt }: Entry): void {
    const next = this.account.sequence + 1;
    if (sequence !== next) this.fail(`entry ${sequence}: sequence is ${sequence}, must be ${next}`);
    if (createdAt < this.account.lastAt) this.fail(`entry ${sequence} is older than the one before it`);
  }

  private compareEntry(row: Entry, must: Entry): void {
    for (const field of COMPARED)
      if (row[field] !== must[field])
        this.fail(`entry ${row.sequence}: ${field} is ${row[field]}, must be ${must[field]}`);
    if (said(row) !== said(must))
      this.fail(`entry ${row.sequence}: its grants are ${said(row)}, must be ${said(must)}`);
  }

  private compare({ row, hold }: Course): void {
    for (const field of ['status', 'captured', 'closedAfter', 'closedEvent'] as const)
      if (row[field] !== hold[field])
        this.fail(`hold ${row.number}: ${field} is ${row[field]}, its history makes ${hold[field]}`);
  }

  /** Grants that end are rows of their own here, so what came back to them stays until then. */
  private decide(what: string, action: Ruled, { createdAt }: { createdAt: number }, more: Partial<State>): Draft {
    const purchase = 'purchaseId' in action && action.purchaseId !== null && this.purchases.get(action.purchaseId);
    const state: State = { account: this.account, grants: this.grants, ...(purchase ? { purchase } : {}), ...more };
    const ruling = rule(state, action, this.timeOf(action, createdAt));
    if ('reason' in ruling) return this.fail(`${what} can not follow: ${ruling.reason}`);
    const { account, grants, books } = ruling.change();
    this.account = account;
    this.books.push({ unit: account.unit, day: dayOf(createdAt), books });
    for (const grant of grants) this.grants.put(grant);
    return ruling;
  }

  /** The terms of the grant that an entry made. An extension has those of its grant, and the price that it gave up. */
  private terms(entry: Entry): Grant {
    const { sequence, amount, purchaseId } = entry;
    const made = this.made.get(sequence) ?? this.fail(`entry ${sequence} made no grant`);
    if (made.extends === null) return { ...made, source: sourceOf(entry, made), purchaseId };
    const extended =
      this.grants.find(made.extends) ?? this.fail(`grant ${sequence} extends ${made.extends}, which is not there then`);
    const { category, priority, purchaseId: ofPurchase } = extended;
    const price = priceOfPart(moved(extended, amount, 'voided', 'remaining'), amount, 'remaining');
    return { ...made, source: 'extension', category, priority, purchaseId: ofPurchase, price };
  }

  /** A reversal tells by the grant that it made when it was decided; without one, nothing had expired by then. */
  private timeOf(action: Ruled, createdAt: number): number {
    if (action.kind !== 'reverse') return createdAt;
    const expiresAt = this.made.get(this.account.sequence + 1)?.expiresAt;
    return expiresAt === undefined || expiresAt === null ? -Infinity : expiresAt - RETURN_MS;
  }

  /** What later entries need to know. */
  private record({ sequence, type, amount, slices, reverses, purchaseId }: Entry): void {
    if (reverses !== null) this.reversed.set(reverses, (this.reversed.get(reverses) ?? 0) + Math.abs(amount));
    const made = this.grants.find(sequence);
    const ofPurchase = made?.purchaseId ?? purchaseId;
    if (ofPurchase === null) return;
    const purchase = this.purchases.get(ofPurchase) ?? { grants: [], refunds: [] };
    if (made) purchase.grants.push(sequence);
    if (type === 'refund') purchase.refunds.push({ amount, slices });
    this.purchases.set(ofPurchase, purchase);
  }

  private fundOf(entry: Entry): Ruled {
    const { type, amount, description } = entry;
    return { kind: 'fund', type, amount, description, metadata: null, terms: this.terms(entry), existing: false };
  }
}

function sourceOf({ type, purchaseId }: Entry, { category }: Grant): GrantSource {
  if (purchaseId !== null) return category === 'paid' ? 'purchase' : 'bonus';
  return type === 'grant' ? 'grant' : 'deposit';
}

/** The action that an entry without a hold, and that made no grant, is the outcome of. */
function actionOf(entry: Entry): Ruled {
  const { type, amount, purchaseId, reverses, slices } = entry;
  const description = entry.description ?? '';
  if (type === 'refund') return { kind: type, amount, purchaseId, description };
  if (type === 'void' || type === 'expire') return { kind: type, grant: slices?.[0]?.grant ?? 0, description };
  if (type !== 'reversal') return spendOf(entry);
  return { kind: 'reverse', entry: reverses ?? 0, amount: amount < 0 ? negate(amount) : amount, description };
}

function spendOf(entry: Entry): Spend {
  return { ...entry, kind: 'spend', amount: negate(entry.amount) };
}

function captureOf({ sequence, type, amount, ...entry }: Entry, { row, hold }: Course): Capture {
  const final = row.status === 'captured' && row.closedAfter === sequence;
  const { description, model, usage, pricing } = entry;
  return { kind: 'capture', hold, type, amount: negate(amount), final, description, model, usage, pricing };
}

function said({ slices }: Pick<Entry, 'slices'>): string {
  return JSON.stringify((slices ?? []).map(({ grant, amount }) => [grant, amount]));
}
