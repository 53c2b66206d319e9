import { type Account, debtOf, type Entry, type Hold, type Origin, SYSTEM_ORIGIN } from './account.js';
import { type Booking, type Line, RETURNED, type Returning } from './books.js';
import type { Change, State } from './change.js';
import { dayOf } from './effects.js';
import { enter, type Movement } from './enter.js';
import {
  addSlice,
  deferredOf,
  type Grant,
  isPast,
  isVoid,
  moved,
  priceOfPart,
  type Share,
  shareOf,
  type Slice,
} from './grant.js';
import type { Outcome, Rejection } from './operation.js';
import { minus, negate, plus, type Stored } from './unit.js';

/** What a rule comes to. */
export type Ruling = Draft | Rejection;

/** The next state of an account while one rule works it out. The state that it began from stays as it was. */
export class Draft {
  account: Account;
  hold?: Hold;
  outcome?: Outcome;
  readonly entries: Entry[] = [];
  readonly books: Booking[] = [];
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
  put(grant: Grant, line: Line): void {
    this.set(grant, line);
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

  /** Takes back what remains of a grant, at most this much. Returns how much it was. */
  takeBack(id: number, atMost: Stored, line: 'refunded' | 'unsold', slices: Slice[]): Stored {
    const amount = this.takeFrom(this.grant(id), atMost, 'takenBack', line);
    addSlice(slices, id, amount);
    return amount;
  }

  private takeFrom(grant: Grant, atMost: Stored, into: Share, line: Line = 'spent'): Stored {
    const amount = Math.min(grant.remaining, atMost) as Stored;
    if (amount > 0) this.set(moved(grant, amount, 'remaining', into), line);
    return amount;
  }

  /**
   * Gives an amount back to the grant that it was taken from, or to the newest that extends it, after the debt. A grant
   * that is over gets it too: `retire` follows.
   * @param slices the record of what came back to grants
   */
  giveBack({ grant: id, amount }: Slice, from: Returning, slices?: Slice[]): void {
    const rest = minus(amount, this.pay(id, amount, from));
    if (rest === 0) return;
    const target = this.newest(id);
    if (target.id === id) this.put(moved(target, rest, from, 'remaining'), RETURNED[from]);
    else this.carryOver(this.grant(id), target, rest, from);
    if (slices) addSlice(slices, target.id, rest);
  }

  /** Pays debt from a grant's share. What paid a debt counts as used. */
  pay(id: number, amount: Stored, from: Returning | 'remaining'): Stored {
    const { category } = this.grant(id);
    const paid = this.payDebt(amount, category === 'paid' ? 'settled' : 'waived');
    if (paid === 0) return paid;
    if (from !== 'used') this.set(moved(this.grant(id), paid, from, 'used'), 'collected');
    else
      this.books.push(
        { line: 'reversed', category, units: paid, dollars: 0 },
        { line: 'collected', category, units: negate(paid), dollars: 0 },
      );
    return paid;
  }

  /** Pays debt with an amount. Returns how much was paid. */
  payDebt(amount: Stored, line: 'settled' | 'waived'): Stored {
    const paid = Math.min(this.debt, amount) as Stored;
    if (paid === 0) return paid;
    const dollars = shareOf(this.account.debtPrice, paid, this.debt);
    this.debt = minus(this.debt, paid);
    this.account = { ...this.account, debtPrice: this.account.debtPrice - dollars };
    this.books.push({ line, category: 'paid', units: paid, dollars });
    return paid;
  }

  /** Spends what a hold keeps of a grant. */
  spendHeld({ grant, amount }: Slice): void {
    this.set(moved(this.grant(grant), amount, 'held', 'used'), 'spent');
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
      books: this.books,
      outcome: this.outcome!,
    };
  }

  /** The extension holds what the older grant would have handed over if it had come back earlier. */
  private carryOver(old: Grant, extension: Grant, amount: Stored, from: Returning): void {
    this.set(moved(old, amount, from, 'voided'), RETURNED[from]);
    const remaining = plus(extension.remaining, amount);
    const price = priceOfPart(old, amount, from);
    const grown = {
      ...extension,
      amount: plus(extension.amount, amount),
      price: extension.price + price,
      carried: extension.carried + price,
      remaining,
      open: 1,
    };
    this.put(grown, RETURNED[from]);
  }

  private end(grant: Grant, into: 'voided' | 'expired', movement: Omit<Movement, 'amount' | 'slices'>): Entry {
    const { id, remaining } = grant;
    // What came back after the grant's end was owed until now: a month that is closed stays as it was.
    const due = into === 'expired' ? Math.min(remaining, this.state.grants.find(id)?.remaining ?? 0) : 0;
    const late = remaining - due;
    if (due > 0) this.set(moved(grant, due as Stored, 'remaining', into), into, dayOf(grant.expiresAt!));
    if (late > 0) this.set(moved(this.grant(id), late as Stored, 'remaining', into), into);
    return this.enter({ ...movement, amount: negate(remaining), slices: [{ grant: id, amount: remaining }] });
  }

  /** Takes in a grant as it is now, and books what that did to what is owed to the customer. */
  private set(grant: Grant, line: Line, day?: number): void {
    const { id, category, remaining, held } = grant;
    const before = this.changed.get(id) ?? this.state.grants.find(id);
    this.changed.set(id, grant);
    const units = remaining + held - (before ? before.remaining + before.held : 0);
    if (units === 0) return;
    const dollars = deferredOf(grant) - (before ? deferredOf(before) : 0);
    this.books.push({ line, category, units, dollars, day });
  }
}
