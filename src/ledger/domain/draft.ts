import {
  type Account,
  debtOf,
  type Dimensions,
  type Entry,
  type Hold,
  type Origin,
  SYSTEM_ORIGIN,
  type TypeTotal,
} from './account.js';
import type { Change, State } from './change.js';
import { addSlice, type Grant, isPast, isVoid, moved, priceOfPart, type Share, type Slice } from './grant.js';
import type { Outcome, Rejection } from './operation.js';
import { minus, negate, plus, type Stored } from './unit.js';

/** The fields of an entry that do not follow from the account. */
export type Movement = Pick<Entry, 'type' | 'amount' | 'description'> &
  Partial<Dimensions & Pick<Entry, 'metadata' | 'purchaseId' | 'hold' | 'slices' | 'reverses' | 'expiredAt'>>;

/** What a rule comes to. */
export type Ruling = Draft | Rejection;

/** The next state of an account while one rule works it out. The state that it began from stays as it was. */
export class Draft {
  account: Account;
  hold?: Hold;
  outcome?: Outcome;
  readonly entries: Entry[] = [];
  private readonly changed = new Map<number, Grant>();
  /** Grants that something came to; `retire` ends what came to those that are over. */
  private came?: Set<number>;
  /** The debt that is left to pay: each amount that comes in or back pays first. */
  private debt: Stored;
  private origin: Origin;

  constructor(
    private readonly state: State,
    private readonly now: number,
  ) {
    this.account = state.account;
    this.debt = debtOf(state.account);
    this.origin = state.origin ?? SYSTEM_ORIGIN;
  }

  grant(id: number): Grant {
    const found = this.changed.get(id) ?? this.state.grants.find(id);
    if (!found) throw new Error(`grant ${id} of account ${this.account.id} is not known`);
    return found;
  }

  /** The open grants as they are now, in burning order; those that something came back to last. */
  open(): Grant[] {
    const ids = new Set([...this.state.grants.open.map(({ id }) => id), ...this.changed.keys()]);
    return [...ids].map((id) => this.grant(id)).filter(({ remaining }) => remaining > 0);
  }

  /** Takes in a grant that is new or that something came to. */
  put(grant: Grant): void {
    this.changed.set(grant.id, grant);
    (this.came ??= new Set()).add(grant.id);
    const { expiresAt, remaining } = grant;
    // What has expired already is not awaited: `retire` ends it.
    if (remaining > 0 && !isPast(grant, this.now) && (expiresAt ?? Infinity) < (this.account.nextExpiry ?? Infinity))
      this.account = { ...this.account, nextExpiry: expiresAt };
  }

  /** Posts the next entry of the account. */
  enter(movement: Movement): Entry {
    const { after, entry } = enter(this.account, movement, this.origin, this.now);
    this.account = after;
    this.entries.push(entry);
    return entry;
  }

  /** Takes an amount that is available out of the grants, in burning order. */
  burn(amount: Stored, into: 'used' | 'held'): Slice[] {
    const slices: Slice[] = [];
    let left = amount;
    for (const grant of this.state.grants.open) {
      if (left === 0) break;
      const amount = this.takeFrom(grant, left, into);
      slices.push({ grant: grant.id, amount });
      left = minus(left, amount);
    }
    return slices;
  }

  /** Takes what remains of a grant, at most this much. Returns how much it was. */
  take(id: number, atMost: Stored, into: Share, slices: Slice[]): Stored {
    const amount = this.takeFrom(this.grant(id), atMost, into);
    addSlice(slices, id, amount);
    return amount;
  }

  private takeFrom(grant: Grant, atMost: Stored, into: Share): Stored {
    const amount = Math.min(grant.remaining, atMost) as Stored;
    if (amount > 0) this.changed.set(grant.id, moved(grant, amount, 'remaining', into));
    return amount;
  }

  /**
   * Gives an amount back to the grant that it was taken from, or to the newest that extends it, after the debt. A grant
   * that is over gets it too: `retire` follows.
   * @param slices the record of what came back to grants
   */
  giveBack({ grant: id, amount }: Slice, from: Share, slices?: Slice[]): void {
    const rest = minus(amount, this.pay(id, amount, from));
    if (rest === 0) return;
    const target = this.newest(id);
    if (target.id === id) this.put(moved(target, rest, from, 'remaining'));
    else this.carryOver(this.grant(id), target, rest, from);
    if (slices) addSlice(slices, target.id, rest);
  }

  /** Pays debt from a grant's share. What paid a debt counts as used. */
  pay(id: number, amount: Stored, from: Share | 'remaining'): Stored {
    const paid = this.payDebt(amount);
    if (paid > 0 && from !== 'used') this.changed.set(id, moved(this.grant(id), paid, from, 'used'));
    return paid;
  }

  /** Pays debt with an amount. Returns how much was paid. */
  payDebt(amount: Stored): Stored {
    const paid = Math.min(this.debt, amount) as Stored;
    this.debt = minus(this.debt, paid);
    return paid;
  }

  /** Spends what a hold keeps of a grant. */
  spendHeld({ grant, amount }: Slice): void {
    this.changed.set(grant, moved(this.grant(grant), amount, 'held', 'used'));
  }

  /** The newest extension of a grant; itself when it has none. */
  newest(id: number): Grant {
    let grant = this.grant(id);
    while (grant.extendedBy !== null) grant = this.grant(grant.extendedBy);
    return grant;
  }

  /** Forfeits what came to grants that were voided, and ends what came to those whose time has passed. */
  retire(): void {
    this.origin = SYSTEM_ORIGIN;
    for (const id of this.came ?? []) {
      const grant = this.grant(id);
      if (grant.remaining === 0) continue;
      if (isVoid(grant)) this.forfeit(grant, 'Returned to a voided grant');
      else if (isPast(grant, this.now)) this.expire(grant);
    }
  }

  /** Voids what remains of a grant. */
  forfeit(grant: Grant, description: string): Entry {
    return this.end(grant, 'voided', { type: 'void', description });
  }

  /** Ends what remains of a grant whose time has passed. */
  expire(grant: Grant): Entry {
    return this.end(grant, 'expired', { type: 'expire', description: null, expiredAt: grant.expiresAt });
  }

  /** What the rule comes to. */
  done(outcome: Outcome): this {
    this.outcome = outcome;
    return this;
  }

  change(): Change {
    return {
      account: this.account,
      entries: this.entries,
      hold: this.hold,
      grants: [...this.changed.values()],
      outcome: this.outcome!,
    };
  }

  /** The extension holds what the older grant would have handed over if it had come back earlier. */
  private carryOver(old: Grant, extension: Grant, amount: Stored, from: Share): void {
    this.changed.set(old.id, moved(old, amount, from, 'voided'));
    const remaining = plus(extension.remaining, amount);
    const price = priceOfPart(old, amount, from);
    this.put({
      ...extension,
      amount: plus(extension.amount, amount),
      price: extension.price + price,
      carried: extension.carried + price,
      remaining,
      open: 1,
    });
  }

  private end(grant: Grant, into: 'voided' | 'expired', movement: Omit<Movement, 'amount' | 'slices'>): Entry {
    const { id, remaining } = grant;
    this.changed.set(id, moved(grant, remaining, 'remaining', into));
    return this.enter({ ...movement, amount: negate(remaining), slices: [{ grant: id, amount: remaining }] });
  }
}

/** The next entry of an account, and the account after it. */
function enter(account: Account, movement: Movement, origin: Origin, now: number): { after: Account; entry: Entry } {
  const { id, version, owner, unit, held, types, holds, holdEvents, openHolds, operations, nextExpiry, frozen, note } =
    account;
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
  const { type, amount, metadata = null, agent = null, runId = null, model = null } = movement;
  const { purchaseId = null, hold = null, slices, reverses = null, expiredAt = null } = movement;
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
    metadata,
    actor,
    agent,
    runId,
    model,
    traceId,
    idempotencyKey,
    purchaseId,
    hold,
    slices: slices?.length ? slices : null,
    reverses,
    expiredAt,
    createdAt,
  };
}

const NONE: TypeTotal = { count: 0, total: 0n };
