import {
  type AccountName,
  type Action,
  type Answer,
  type Capture,
  type EntryType,
  type Extend,
  type Fund,
  type FundTerms,
  type GrantCategory,
  type GrantStatus,
  type Group,
  type HoldStatus,
  isKeyed,
  type Open,
  type Operation,
  type Refund,
  type Rejection,
  type Release,
  type Reprice,
  type Reverse,
  type Share,
  type Spend,
  type Terms,
  UNITS,
  type Void,
} from '../../src/ledger/domain/index.js';

/** What an operation is expected to come to, in the plainest words. */
export type Expected = { readonly replayed: boolean } & (
  | {
      readonly posted: {
        readonly sequence: number;
        readonly amount: number;
        readonly balanceAfter: number;
        readonly hold: number | null;
      };
    }
  | { readonly held: { readonly number: number; readonly status: HoldStatus; readonly captured: number } }
  | { readonly claimed: true }
  | { readonly marked: string | null }
  /** The reason, and how much there would have been. */
  | { readonly refused: string; readonly group?: { readonly index: number; readonly because: string } }
  | { readonly reused: true }
);
type Done =
  | Omit<Extract<Expected, { posted: unknown }>, 'replayed'>
  | { held: unknown }
  | { claimed: true }
  | { marked: string | null };
type Come = Done | { refused: string };

/** One micro-dollar, or one token. */
interface Unit {
  grant: number;
  where: Share | 'remaining';
}

interface NaiveGrant extends Terms {
  readonly id: number;
  price: number;
  /** Whether an administrator voided it; one that was extended was not. */
  isVoided: boolean;
  readonly at: number;
}

interface NaiveEntry {
  readonly type: EntryType;
  readonly amount: number;
  readonly balanceAfter: number;
  readonly at: number;
  readonly hold: number | null;
  readonly reverses: number | null;
  readonly reprices: number | null;
  readonly expiredAt: number | null;
  readonly slices: readonly (readonly [grant: number, amount: number])[];
  /** What a spending spent, in its order, and is not reversed. */
  readonly spent: Unit[];
}

interface NaiveHold {
  readonly amount: number;
  captured: number;
  status: HoldStatus;
  readonly expiresAt: number;
  /** In the order in which captures spend them. */
  readonly units: readonly Unit[];
}

interface NaiveAccount {
  entries: NaiveEntry[];
  holds: NaiveHold[];
  grants: NaiveGrant[];
  units: Unit[];
  /** Units that are owed. */
  debt: number;
  /** What refunds of each purchase have taken and not given back, in its order; a unit that was not there is a debt. */
  taken: Record<string, (Unit | 'debt')[]>;
  /** In micro-dollars: money that came, that is owed with the debt, and that debts cost which promotions paid. */
  money: { cash: number; receivable: number; promotional: number; breakage: number };
  /** Why nothing may be spent. */
  frozen: string | null;
}

/** The money of an account, in micro-dollars. */
export interface NaiveBooks {
  readonly units: { readonly paid: number; readonly promotional: number; readonly debt: number };
  readonly cash: number;
  readonly receivable: number;
  readonly promotional: number;
  readonly breakage: number;
  readonly deferred: number;
}

interface Remembered {
  hash: string;
  expected: Expected;
}

const LIMIT = UNITS.USD.limit;
const THIRTY_DAYS = 30 * 24 * 60 * 60 * 1000;

/**
 * A ledger that keeps every unit as a thing of its own, counts them again for every question, and copies everything
 * before it tries anything. It follows the contract's sentences and nothing else, so amounts must be small.
 */
export class NaiveLedger {
  private state = { accounts: {} as Record<AccountName, NaiveAccount>, keys: {} as Record<string, Remembered> };

  account(id: AccountName): NaiveAccount {
    const money = { cash: 0, receivable: 0, promotional: 0, breakage: 0 };
    return (this.state.accounts[id] ??= {
      entries: [],
      holds: [],
      grants: [],
      units: [],
      debt: 0,
      taken: {},
      money,
      frozen: null,
    });
  }

  status({ status, expiresAt }: NaiveHold, now: number): HoldStatus {
    return status === 'open' && expiresAt <= now ? 'expired' : status;
  }

  /** All that can be seen of an account. */
  show(id: AccountName) {
    const account = this.account(id);
    return {
      balance: balanceOf(account),
      available: availableOf(account),
      debt: account.debt,
      entries: account.entries.map(({ spent: _, ...entry }) => entry),
      grants: account.grants.map(({ isVoided: _, ...grant }) => ({ ...grant, ...sharesOf(account, grant.id) })),
      holds: account.holds.map(({ amount, captured, status, units }) => ({
        amount,
        captured,
        status,
        slices: linesOf(units).map(sliceOf),
      })),
    };
  }

  /** What is owed to the customer and by the customer, counted from the units. */
  books(id: AccountName): NaiveBooks {
    const account = this.account(id);
    const units = (category: GrantCategory) =>
      account.grants.reduce((sum, grant) => sum + owedOf(account, grant, category), 0);
    const owed = { paid: units('paid'), promotional: units('promotional'), debt: account.debt };
    return { ...account.money, units: owed, deferred: deferredOf(account) };
  }

  /** Each group one after the other. */
  run(groups: readonly Group[], clock: number): Expected[][] {
    for (const { account } of groups.flat()) new Moment(this.account(account), clock).settle();
    return groups.map((group) => (group.length === 1 ? [this.one(group[0]!, clock)] : this.together(group, clock)));
  }

  /** All or nothing: the first operation stands for the whole. */
  private together(group: Group, clock: number): Expected[] {
    const before = structuredClone(this.state);
    const answers: Expected[] = [];
    for (const [index, operation] of group.entries()) {
      const answer = this.one(operation, clock);
      answers.push(answer);
      if ('reused' in answer) {
        this.state = before;
        return group.map(() => answer);
      }
      if (!('refused' in answer)) continue;
      // A claim that was refused before says again which of its operations it was, and why.
      const { index: culprit, because } = answer.group ?? { index, because: answer.refused };
      if (index > 0) this.state = before;
      const replayed = answers[0]!.replayed;
      const [claim] = group as [Group[number]];
      const whole: Expected = { replayed, refused: 'group', group: { index: culprit, because } };
      if (index > 0 && isKeyed(claim) && because !== 'frozen') this.remember(claim, { ...whole, replayed: false });
      return group.map((_, i) =>
        i === index && index > 0 ? answer : i === culprit ? { replayed, refused: because } : whole,
      );
    }
    return answers;
  }

  private one(operation: Operation, clock: number): Expected {
    const { account, action } = operation;
    if (!isWellFormed(action)) return { replayed: false, refused: 'malformed' };
    const known = isKeyed(operation) ? this.state.keys[`${account} ${operation.scope} ${operation.key}`] : undefined;
    if (known && known.hash !== operation.hash) return { replayed: false, reused: true };
    if (known) return { ...known.expected, replayed: true };
    if (isLate(action, clock)) return { replayed: false, refused: 'past' };
    if (this.account(account).frozen !== null && (action.kind === 'spend' || action.kind === 'open'))
      return { replayed: false, refused: 'frozen' };
    const come = new Moment(this.account(account), clock).act(action);
    const expected = { replayed: false, ...come } as Expected;
    const isForNow = 'refused' in expected && (expected.refused === 'unpriced' || action.kind === 'reprice');
    if (isKeyed(operation) && !isForNow) this.remember(operation, expected);
    return expected;
  }

  private remember({ account, scope, key, hash }: Operation, expected: Expected): void {
    this.state.keys[`${account} ${scope} ${key}`] = { hash, expected };
  }
}

/** One operation on one account at one time. */
class Moment {
  /** The grants that something came back to, in that order. */
  private readonly came = new Set<number>();

  constructor(
    private readonly account: NaiveAccount,
    private readonly now: number,
  ) {}

  /** Holds and grants whose time has passed end before anything else happens. */
  settle(): void {
    const due = this.account.holds.filter(({ status, expiresAt }) => status === 'open' && expiresAt <= this.now);
    for (const hold of due.sort((a, b) => a.expiresAt - b.expiresAt)) this.close(hold, 'expired');
    this.retire();
    const past = this.account.grants.filter((grant) => this.isPast(grant)).sort(inBurningOrder);
    for (const grant of past) this.end(grant, 'expired');
  }

  act(action: Action): Come {
    const come = this.decide(action);
    if (!('refused' in come)) this.retire();
    return come;
  }

  private decide(action: Action): Come {
    switch (action.kind) {
      case 'claim':
      // No request asks for an expiry.
      case 'expire':
        return { claimed: true };
      case 'fund':
        return this.fund(action);
      case 'spend':
        return this.spend(action);
      case 'open':
        return this.open(action);
      case 'capture':
      case 'release':
        return this.ofHold(action);
      case 'refund':
        return action.amount < 0 ? this.takeBack(action) : this.giveBack(action);
      case 'void':
        return this.void(action);
      case 'extend':
        return this.extend(action);
      case 'reverse':
        return this.reverse(action);
      case 'reprice':
        return this.reprice(action);
      case 'mark':
        return { marked: (this.account.frozen = action.frozen === undefined ? this.account.frozen : action.frozen) };
    }
  }

  private fund({ type, amount, terms, bonus, existing }: Fund): Come {
    const { entries, holds } = this.account;
    if (existing && entries.length + holds.length === 0) return { refused: 'no-account' };
    const done = this.enter(type, amount);
    if (terms.category === 'paid') this.account.money.cash += terms.price;
    this.grant(amount, this.termsOf(terms));
    if (bonus) {
      this.enter(type, bonus.amount);
      this.grant(bonus.amount, this.termsOf(bonus.terms));
    }
    return done;
  }

  private spend({ type, amount }: Spend): Come {
    if (amount === null) return { refused: 'unpriced' };
    const there = availableOf(this.account);
    if (amount > there) return { refused: `insufficient ${there}` };
    return this.enter(type, 0 - amount, { spent: this.burn(amount, 'used') });
  }

  private open({ amount, expiresIn }: Open): Come {
    if (amount === null) return { refused: 'unpriced' };
    const { holds } = this.account;
    const there = availableOf(this.account);
    if (amount > there) return { refused: `insufficient ${there}` };
    const units = this.burn(amount, 'held');
    holds.push({ amount, captured: 0, status: 'open', expiresAt: this.now + expiresIn, units });
    return { held: { number: holds.length, status: 'open', captured: 0 } };
  }

  private ofHold(action: Capture | Release): Come {
    const { number } = action.hold;
    const hold = this.account.holds[number - 1];
    if (!hold) return { refused: 'no-hold' };
    if (hold.status !== 'open' || hold.expiresAt <= this.now) return { refused: 'hold-settled' };
    if (action.kind === 'release') {
      this.close(hold, 'released');
      return { held: { number, status: hold.status, captured: hold.captured } };
    }
    if (action.amount === null) return { refused: 'unpriced' };
    const left = hold.amount - hold.captured;
    if (action.amount > left) return { refused: `hold-exceeded ${left}` };
    const spent = hold.units.slice(hold.captured, hold.captured + action.amount);
    for (const unit of spent) unit.where = 'used';
    hold.captured += action.amount;
    const done = this.enter(action.type, 0 - action.amount, { spent, hold: number });
    if (action.final || hold.captured === hold.amount) this.close(hold, 'captured');
    return done;
  }

  private close(hold: NaiveHold, status: HoldStatus): void {
    hold.status = status;
    for (const line of linesOf(hold.units.slice(hold.captured).toReversed())) this.comeBack(line);
  }

  /** The same share of a purchase and of its bonus, then other paid grants from the newest, then promotional ones. */
  private takeBack({ amount: signed, purchaseId }: Refund): Come {
    const amount = 0 - signed;
    const { grants, money } = this.account;
    const [deferred, price] = [deferredOf(this.account), this.priceOf(purchaseId, amount)];
    const own = grants.filter((grant) => purchaseId !== null && grant.purchaseId === purchaseId);
    const others = grants.filter((grant) => !own.includes(grant)).toReversed();
    const paid = (all: NaiveGrant[]) => all.filter(({ category }) => category === 'paid');
    const promotional = (all: NaiveGrant[]) => all.filter(({ category }) => category === 'promotional');
    const ofBonus = Math.min(amount, this.bonusShare(purchaseId, amount));
    const taken: Unit[] = [];
    const take = (from: NaiveGrant[], atMost: number) => {
      const units = from.flatMap(({ id }) => this.remaining(id)).slice(0, Math.min(atMost, amount - taken.length));
      for (const unit of units) unit.where = 'takenBack';
      taken.push(...units);
    };
    take(paid(own), amount - ofBonus);
    take(promotional(own), ofBonus);
    for (const from of [paid(own), promotional(own), paid(others), promotional(others)]) take(from, amount);
    const debt = amount - taken.length;
    this.account.debt += debt;
    const fallen = deferred - deferredOf(this.account);
    money.cash -= price ?? fallen;
    if (debt > 0) money.receivable += Math.max(0, (price ?? fallen) - fallen);
    const record = perGrant(taken.map((unit) => [unit.grant, unit] as const)).flatMap(([, units]) => units);
    if (purchaseId !== null)
      (this.account.taken[purchaseId] ??= []).push(...record, ...Array.from({ length: debt }, () => 'debt' as const));
    return this.enter('refund', signed, { slices: linesOf(record).map(sliceOf) });
  }

  /** How much of what is taken falls to the bonus: its share of all that was ever taken, less what it was before. */
  private bonusShare(purchaseId: string | null, amount: number): number {
    const { purchase, bonus } = this.madeBy(purchaseId);
    const before = this.account.taken[purchaseId ?? '']?.length ?? 0;
    const share = (taken: number) => Math.floor((bonus * (taken + 1) - 1) / (purchase + bonus));
    return bonus === 0 ? 0 : share(before + amount) - share(before);
  }

  private giveBack({ amount, purchaseId }: Refund): Come {
    const { money } = this.account;
    const [deferred, price] = [deferredOf(this.account), this.priceOf(purchaseId, 0 - amount)];
    const taken = this.account.taken[purchaseId ?? ''] ?? [];
    const back = taken.splice(Math.max(0, taken.length - amount)).toReversed();
    // What no refund is known to have taken has no grant that it could go to.
    while (back.length < amount) back.push('debt');
    const slices: [number, number][] = [];
    let owed = 0;
    for (const line of linesOf(back)) {
      const units = line.filter((unit) => unit !== 'debt');
      if (units.length > 0) slices.push(...this.comeBack(units));
      else owed += line.length - this.pay(line.length, 'paid');
    }
    const done = this.enter('refund', amount, { slices: merged(slices) });
    money.cash += price === undefined ? deferredOf(this.account) - deferred : -price;
    if (owed === 0) return done;
    const before = deferredOf(this.account);
    const { purchase, bonus, first } = this.madeBy(purchaseId);
    const { category, priority } = first ?? { category: 'paid' as const, priority: 50 };
    const share = first ? Math.floor((first.price * owed) / (purchase + bonus)) : 0;
    this.grant(owed, {
      source: 'return',
      category,
      priority,
      expiresAt: null,
      price: share,
      purchaseId,
      extends: null,
    });
    if (price === undefined) money.cash += deferredOf(this.account) - before;
    return done;
  }

  /** The part of the price that goes back, or comes, with units of a purchase; undefined when it was never made. */
  private priceOf(purchaseId: string | null, units: number): number | undefined {
    const { purchase, bonus } = this.madeBy(purchaseId);
    const bought = this.account.grants.filter((each) => each.purchaseId === purchaseId && each.source === 'purchase');
    const whole = bought.reduce((sum, { price }) => sum + price, 0);
    const before = this.account.taken[purchaseId ?? '']?.length ?? 0;
    const share = (taken: number) => Math.floor((whole * taken) / (purchase + bonus));
    return purchase + bonus === 0 ? undefined : share(before + units) - share(before);
  }

  private madeBy(purchaseId: string | null) {
    const made = (source: string) =>
      this.account.grants.filter((grant) => grant.purchaseId === purchaseId && grant.source === source);
    const amount = (grants: NaiveGrant[]) => grants.reduce((sum, { id }) => sum + this.unitsOf(id).length, 0);
    const [purchase, bonus] = [made('purchase'), made('bonus')];
    return { purchase: amount(purchase), bonus: amount(bonus), first: purchase[0] };
  }

  private void({ grant: id }: Void): Come {
    const grant = this.find(id);
    if (!grant) return { refused: 'no-grant' };
    if (this.remaining(id).length === 0) return { refused: 'nothing-remains' };
    grant.isVoided = true;
    return this.end(grant, 'voided');
  }

  private extend({ grant: id, type, expiresAt }: Extend): Come {
    const grant = this.find(id);
    if (!grant) return { refused: 'no-grant' };
    const rest = this.remaining(id);
    if (rest.length === 0) return { refused: 'nothing-remains' };
    if (grant.expiresAt === null) return { refused: 'never-expires' };
    if (expiresAt <= Math.max(grant.expiresAt, this.now)) return { refused: 'not-later' };
    const { category, priority, purchaseId } = grant;
    const price = this.costOf(rest);
    this.end(grant, 'voided');
    // It went nowhere.
    if (category === 'paid') this.account.money.breakage -= price;
    const done = this.enter(type, rest.length);
    this.grant(rest.length, { source: 'extension', category, priority, expiresAt, price, purchaseId, extends: id });
    return done;
  }

  private reverse({ entry: number, amount: asked }: Reverse): Come {
    const entry = this.account.entries[number - 1];
    if (!entry) return { refused: 'no-entry' };
    if (entry.reprices !== null) return { refused: 'irreversible' };
    if (entry.type === 'deposit') {
      if (this.find(number)!.purchaseId !== null) return { refused: 'irreversible' };
      const units = this.remaining(number);
      const amount = asked ?? units.length;
      if (amount > units.length || units.length === 0) return { refused: `reversed ${units.length}` };
      const deferred = deferredOf(this.account);
      for (const unit of units.slice(0, amount)) unit.where = 'takenBack';
      this.account.money.cash -= deferred - deferredOf(this.account);
      return this.enter('reversal', -amount, { slices: [[number, amount]], reverses: number });
    }
    if (entry.type !== 'debit') return { refused: 'irreversible' };
    const { length: left } = entry.spent;
    const amount = asked ?? left;
    if (amount > left || left === 0) return { refused: `reversed ${left}` };
    return this.unspend(entry.spent.splice(left - amount).toReversed(), number);
  }

  /** Charges the difference, or gives it back: first what repricings charged, the last one first. */
  private reprice({ entry: reprices, price }: Reprice): Come {
    const { entries } = this.account;
    const entry = entries[reprices - 1];
    if (!entry) return { refused: 'no-entry' };
    if (entry.type !== 'debit' || entry.reprices !== null) return { refused: 'irreversible' };
    const charges = [
      reprices,
      ...entries.flatMap((each, i) => (each.reprices === reprices && each.reverses === null ? i + 1 : [])),
    ];
    let rest = charges.reduce((sum, number) => sum + entries[number - 1]!.spent.length, 0) - price;
    if (rest === 0) return { refused: 'unchanged' };
    if (rest < 0) {
      const there = availableOf(this.account);
      if (this.account.frozen !== null) return { refused: 'frozen' };
      if (-rest > there) return { refused: `insufficient ${there}` };
      return this.enter('debit', rest, { spent: this.burn(-rest, 'used'), reprices });
    }
    let done: Come | undefined;
    for (const number of charges.toReversed()) {
      const { spent } = entries[number - 1]!;
      const part = spent.splice(Math.max(0, spent.length - rest)).toReversed();
      rest -= part.length;
      if (part.length === 0) continue;
      const come = this.unspend(part, number, reprices);
      done ??= come;
    }
    return done!;
  }

  /** Gives back to the grants that paid; what they can't take because they have expired is a grant of its own. */
  private unspend(units: readonly Unit[], reverses: number, reprices: number | null = null): Come {
    const slices: [number, number][] = [];
    let [amount, price] = [0, 0];
    let terms: NaiveGrant | undefined;
    for (const line of linesOf(units)) {
      const target = this.newest(line[0]!.grant);
      if (!this.isPast(target) || target.isVoided) {
        slices.push(...this.comeBack(line));
        continue;
      }
      const rest = line.slice(this.pay(line.length, this.find(line[0]!.grant)!.category));
      if (rest.length === 0) continue;
      amount += rest.length;
      price += this.costOf(rest);
      terms ??= target;
    }
    const done = this.enter('reversal', units.length, { slices: merged(slices), reverses, reprices });
    if (terms) {
      const { category, priority, purchaseId } = terms;
      const expiresAt = this.now + THIRTY_DAYS;
      this.grant(amount, { source: 'return', category, priority, expiresAt, price, purchaseId, extends: null });
    }
    return done;
  }

  /**
   * Units of one grant come back. They pay debt first; the others go where they came from, or to the newest grant that
   * extends it, which then holds them as if they had been there when it was made.
   * @returns the grant that they came to, and how many
   */
  private comeBack(line: readonly Unit[]): [number, number][] {
    const paid = this.pay(line.length, this.find(line[0]!.grant)!.category);
    for (const unit of line.slice(0, paid)) unit.where = 'used';
    const rest = line.slice(paid);
    if (rest.length === 0) return [];
    const { grant } = rest[0]!;
    const target = this.newest(grant);
    if (target.id !== grant) target.price += this.costOf(rest);
    for (const unit of rest) {
      unit.where = target.id === grant ? 'remaining' : 'voided';
      if (target.id !== grant) this.account.units.push({ grant: target.id, where: 'remaining' });
    }
    this.came.add(target.id);
    return [[target.id, rest.length]];
  }

  /** @returns how many of so many units a debt takes */
  private pay(units: number, by: GrantCategory): number {
    const { debt, money } = this.account;
    const paid = Math.min(units, debt);
    if (paid === 0) return 0;
    const owed = Math.floor((money.receivable * paid) / debt);
    money.receivable -= owed;
    if (by === 'promotional') money.promotional += owed;
    this.account.debt -= paid;
    return paid;
  }

  /**
   * What units of one grant cost. The first so many that leave a grant cost floor(price × so many / amount), those that
   * leave it later the rest. Units that left it before cost floor(price × part / amount).
   */
  private costOf(part: readonly Unit[]): number {
    const { grant: id, where } = part[0]!;
    const { price } = this.find(id)!;
    const all = this.unitsOf(id);
    const cost = (units: number) => Math.floor((price * units) / all.length);
    if (where !== 'remaining' && where !== 'held') return cost(part.length);
    const gone = all.filter((unit) => unit.where !== 'remaining' && unit.where !== 'held').length;
    return cost(gone + part.length) - cost(gone);
  }

  /** What came back to a grant that was voided is voided, to one whose time has passed expires. */
  private retire(): void {
    for (const grant of [...this.came].map((id) => this.find(id)!))
      if (grant.isVoided) this.end(grant, 'voided');
      else if (this.isPast(grant)) this.end(grant, 'expired');
  }

  private end(grant: NaiveGrant, where: 'voided' | 'expired'): Done {
    const units = this.remaining(grant.id);
    if (units.length === 0) return { claimed: true };
    if (grant.category === 'paid') this.account.money.breakage += this.costOf(units);
    for (const unit of units) unit.where = where;
    const expiredAt = where === 'expired' ? grant.expiresAt : null;
    const slices: [number, number][] = [[grant.id, units.length]];
    return this.enter(where === 'expired' ? 'expire' : 'void', -units.length, { slices, expiredAt });
  }

  /** The grant that the last entry makes. Debt is paid first. */
  private grant(amount: number, terms: Terms): void {
    const { entries, grants, units } = this.account;
    const paid = this.pay(amount, terms.category);
    const id = entries.length;
    grants.push({ ...terms, id, at: entries.at(-1)!.at, isVoided: false });
    for (let i = 0; i < amount; i++) units.push({ grant: id, where: i < paid ? 'used' : 'remaining' });
    this.came.add(id);
  }

  private burn(amount: number, where: 'used' | 'held'): Unit[] {
    const order = this.account.grants.toSorted(inBurningOrder).flatMap(({ id }) => this.remaining(id));
    const burnt = order.slice(0, amount);
    for (const unit of burnt) unit.where = where;
    return burnt;
  }

  private enter(type: EntryType, amount: number, more: Partial<NaiveEntry> = {}): Done {
    const { entries } = this.account;
    const slices = linesOf(more.spent ?? []).map(sliceOf);
    const at = Math.max(this.now, entries.at(-1)?.at ?? 0);
    const plain = { hold: null, reverses: null, reprices: null, expiredAt: null, slices, spent: [] };
    const balanceAfter = balanceOf(this.account) + amount;
    entries.push({ type, amount, balanceAfter, at, ...plain, ...more });
    return { posted: { sequence: entries.length, amount, balanceAfter, hold: more.hold ?? null } };
  }

  private termsOf({ expiresIn, ...terms }: FundTerms): Terms {
    return { ...terms, extends: null, expiresAt: expiresIn === undefined ? terms.expiresAt : this.now + expiresIn };
  }

  private find(id: number): NaiveGrant | undefined {
    return this.account.grants.find((grant) => grant.id === id);
  }

  private newest(id: number): NaiveGrant {
    const extension = this.account.grants.find((grant) => grant.extends === id);
    return extension ? this.newest(extension.id) : this.find(id)!;
  }

  private isPast({ expiresAt }: NaiveGrant): boolean {
    return expiresAt !== null && expiresAt <= this.now;
  }

  private unitsOf(id: number): Unit[] {
    return this.account.units.filter(({ grant }) => grant === id);
  }

  private remaining(id: number): Unit[] {
    return this.account.units.filter(({ grant, where }) => grant === id && where === 'remaining');
  }
}

/** An answer of the engine in the words in which it is expected. */
export function plainly({ outcome, ...answer }: Answer): Expected {
  if (outcome === 'key-reused') return { replayed: false, reused: true };
  const replayed = 'replayed' in answer && answer.replayed;
  if (outcome.status === 'posted') {
    const { sequence, amount, balanceAfter, hold } = outcome.entry;
    return { replayed, posted: { sequence, amount, balanceAfter, hold } };
  }
  if (outcome.status === 'held') {
    const { number, status, captured } = outcome.hold;
    return { replayed, held: { number, status, captured } };
  }
  if (outcome.status === 'claimed') return { replayed, claimed: true };
  if (outcome.status === 'marked') return { replayed, marked: outcome.account.frozen };
  const { rejection } = outcome;
  return rejection.reason === 'group'
    ? { replayed, refused: 'group', group: { index: rejection.index, because: refusalOf(rejection.because) } }
    : { replayed, refused: refusalOf(rejection) };
}

function refusalOf(rejection: Rejection): string {
  if ('available' in rejection) return `${rejection.reason} ${rejection.available}`;
  return 'remaining' in rejection ? `${rejection.reason} ${rejection.remaining}` : rejection.reason;
}

function balanceOf({ entries }: NaiveAccount): number {
  return entries.reduce((sum, { amount }) => sum + amount, 0);
}

function availableOf({ units, debt }: NaiveAccount): number {
  return units.filter(({ where }) => where === 'remaining').length - debt;
}

/** `priority`, then `expires_at` (none last), then promotional before paid, then `created_at`, then `id`. */
function inBurningOrder(a: NaiveGrant, b: NaiveGrant): number {
  const rank = ({ priority, expiresAt, category, at, id }: NaiveGrant) => [
    priority,
    expiresAt ?? Number.MAX_VALUE,
    category === 'promotional' ? 0 : 1,
    at,
    id,
  ];
  const [ofA, ofB] = [rank(a), rank(b)];
  return ofA.map((value, i) => value - ofB[i]!).find((difference) => difference !== 0) ?? 0;
}

/** Units of a grant that are owed to the customer, if it is of this category. */
function owedOf({ units }: NaiveAccount, { id, category }: NaiveGrant, wanted: GrantCategory): number {
  const isOwed = ({ grant, where }: Unit) => grant === id && (where === 'remaining' || where === 'held');
  return category === wanted ? units.filter(isOwed).length : 0;
}

/** The price of what remains or is held of paid grants: all of it but floor(price × gone / amount). */
function deferredOf(account: NaiveAccount): number {
  return account.grants.reduce((sum, grant) => {
    if (grant.category !== 'paid') return sum;
    const all = account.units.filter((unit) => unit.grant === grant.id).length;
    const gone = all - owedOf(account, grant, 'paid');
    return sum + grant.price - Math.floor((grant.price * gone) / all);
  }, 0);
}

function sharesOf({ units }: NaiveAccount, id: number) {
  const shares = { amount: 0, used: 0, held: 0, expired: 0, voided: 0, takenBack: 0, remaining: 0 };
  for (const { grant, where } of units) {
    if (grant !== id) continue;
    shares.amount += 1;
    shares[where] += 1;
  }
  const { remaining, held, voided, expired } = shares;
  const status: GrantStatus =
    remaining + held > 0 ? 'active' : voided > 0 ? 'voided' : expired > 0 ? 'expired' : 'used';
  return { ...shares, status };
}

/** Units that follow one another and are of one grant, or are all debt. */
function linesOf<Item extends Unit | 'debt'>(items: readonly Item[]): Item[][] {
  const lines: Item[][] = [];
  const grant = (item: Item | undefined) => (item === 'debt' || item === undefined ? 0 : item.grant);
  for (const item of items) {
    const last = lines.at(-1);
    if (last && grant(last[0]) === grant(item)) last.push(item);
    else lines.push([item]);
  }
  return lines;
}

/** What belongs to each grant, the grants in the order in which they first came. */
function perGrant<Item>(items: readonly (readonly [grant: number, item: Item])[]): [grant: number, items: Item[]][] {
  const ids = [...new Set(items.map(([grant]) => grant))];
  return ids.map((id) => [id, items.filter(([grant]) => grant === id).map(([, item]) => item)]);
}

/** One slice for each grant. */
function merged(slices: readonly (readonly [grant: number, amount: number])[]) {
  return perGrant(slices).map(([grant, amounts]) => [grant, amounts.reduce((sum, each) => sum + each, 0)] as const);
}

const sliceOf = (line: readonly Unit[]) => [line[0]!.grant, line.length] as const;

/** A grant that would have expired before it is made. */
function isLate(action: Action, now: number): boolean {
  return action.kind === 'fund' && action.terms.expiresAt !== null && action.terms.expiresAt <= now;
}

function isWellFormed(action: Action): boolean {
  const isAmount = (amount: number) => Number.isSafeInteger(amount) && amount > 0 && amount <= LIMIT;
  switch (action.kind) {
    case 'fund':
      return isAmount(action.amount) && (!action.bonus || isAmount(action.bonus.amount));
    case 'refund':
      return isAmount(Math.abs(action.amount));
    case 'reverse':
    case 'spend':
    case 'open':
    case 'capture':
      return action.amount === null || isAmount(action.amount);
    case 'reprice':
      return isAmount(action.price);
    case 'release':
    case 'void':
    case 'expire':
    case 'extend':
    case 'mark':
    case 'claim':
      return true;
  }
}
