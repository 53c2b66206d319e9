import {
  type AccountName,
  type Action,
  type Group,
  type HoldStatus,
  isKeyed,
  type Operation,
  UNITS,
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
  | { readonly refused: string; readonly group?: { readonly index: number; readonly because: string } }
  | { readonly reused: true }
);

interface NaiveHold {
  amount: number;
  captured: number;
  status: HoldStatus;
  expiresAt: number;
}

interface NaiveAccount {
  entries: { amount: number; at: number }[];
  holds: NaiveHold[];
}

interface Remembered {
  hash: string;
  expected: Expected;
}

const LIMIT = UNITS.USD.limit;

/**
 * A ledger that keeps nothing but what happened, adds it up again for every question, and copies everything before it
 * tries anything.
 */
export class NaiveLedger {
  private state = { accounts: {} as Record<AccountName, NaiveAccount>, keys: {} as Record<string, Remembered> };

  account(id: AccountName): NaiveAccount {
    return (this.state.accounts[id] ??= { entries: [], holds: [] });
  }

  balance(id: AccountName): number {
    return this.account(id).entries.reduce((sum, { amount }) => sum + amount, 0);
  }

  held(id: AccountName, now: number): number {
    return this.account(id)
      .holds.filter((hold) => this.status(hold, now) === 'open')
      .reduce((sum, { amount, captured }) => sum + amount - captured, 0);
  }

  status({ status, expiresAt }: NaiveHold, now: number): HoldStatus {
    return status === 'open' && expiresAt <= now ? 'expired' : status;
  }

  /** Each group one after the other. */
  run(groups: readonly Group[], clock: number): Expected[][] {
    for (const { account } of groups.flat()) this.settleExpired(account, clock);
    return groups.map((group) => (group.length === 1 ? [this.one(group[0]!, clock)] : this.together(group, clock)));
  }

  /** A hold that was seen to have expired stays so, even when the clock is set back. */
  private settleExpired(id: AccountName, now: number): void {
    for (const hold of this.account(id).holds) hold.status = this.status(hold, now);
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
      if (index > 0 && isKeyed(claim)) this.remember(claim, { ...whole, replayed: false });
      return group.map((_, i) =>
        i === index && index > 0 ? answer : i === culprit ? { replayed, refused: because } : whole,
      );
    }
    return answers;
  }

  private one(operation: Operation, clock: number): Expected {
    const { account, action } = operation;
    if ('amount' in action && !isAmount(action)) return { replayed: false, refused: 'malformed' };
    const known = isKeyed(operation) ? this.state.keys[`${account} ${operation.scope} ${operation.key}`] : undefined;
    if (known && known.hash !== operation.hash) return { replayed: false, reused: true };
    if (known) return { ...known.expected, replayed: true };
    const expected: Expected = { replayed: false, ...this.act(account, action, clock) };
    if (isKeyed(operation)) this.remember(operation, expected);
    return expected;
  }

  private act(id: AccountName, action: Action, now: number) {
    const { entries, holds } = this.account(id);
    const available = this.balance(id) - this.held(id, now);
    const post = (amount: number, hold: number | null) => {
      entries.push({ amount, at: this.time(id, now) });
      return { posted: { sequence: entries.length, amount, balanceAfter: this.balance(id), hold } };
    };
    if (action.kind === 'claim') return { claimed: true } as const;
    if (action.kind === 'post') {
      if (action.amount < 0 && !action.overdraw && 0 - action.amount > available) return { refused: 'insufficient' };
      return Math.abs(this.balance(id) + action.amount) > LIMIT ? { refused: 'limit' } : post(action.amount, null);
    }
    if (action.kind === 'open') {
      if (action.amount > available) return { refused: 'insufficient' };
      holds.push({ amount: action.amount, captured: 0, status: 'open', expiresAt: now + action.expiresIn });
      return { held: { number: holds.length, status: 'open', captured: 0 } } as const;
    }
    const hold = holds[action.hold.number - 1];
    if (!hold) return { refused: 'no-hold' };
    if (this.status(hold, now) !== 'open') return { refused: 'hold-settled' };
    if (action.kind === 'release') {
      hold.status = 'released';
      return { held: { number: action.hold.number, status: hold.status, captured: hold.captured } };
    }
    if (action.amount > hold.amount - hold.captured) return { refused: 'hold-exceeded' };
    if (action.amount > this.balance(id)) return { refused: 'insufficient' };
    hold.captured += action.amount;
    if (action.final || hold.captured === hold.amount) hold.status = 'captured';
    return post(0 - action.amount, action.hold.number);
  }

  /** Time never runs backwards within an account. */
  private time(id: AccountName, clock: number): number {
    return Math.max(clock, this.account(id).entries.at(-1)?.at ?? 0);
  }

  private remember({ account, scope, key, hash }: Operation, expected: Expected): void {
    this.state.keys[`${account} ${scope} ${key}`] = { hash, expected };
  }
}

function isAmount({ kind, amount }: Extract<Action, { amount: number }>): boolean {
  return Number.isSafeInteger(amount) && Math.abs(amount) <= LIMIT && (kind === 'post' ? amount !== 0 : amount > 0);
}
