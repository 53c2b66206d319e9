import {
  type Account,
  type DailyTotal,
  dayOf,
  emptyAccount,
  type Entry,
  type EntryType,
  type Expired,
  type Group,
  type Hold,
  holdIdentity,
  identity,
  isKeyed,
  type Keyed,
  type Loaded,
  type LockedAccount,
  type Outcome,
  type Plan,
  type Recorded,
  remaining,
  type TypeTotal,
  type Unit,
} from '../../src/ledger/domain/index.js';

/** What the database keeps of an operation: what it made, not what it answered. */
interface OperationRow {
  readonly accountId: number;
  readonly name: string;
  readonly key: string;
  readonly hash: string;
  readonly sequence: number | null;
  readonly hold: number | null;
  readonly refusal: Extract<Outcome, { status: 'refused' }> | null;
}

/** The ledger's tables in memory, with the unique keys that the real ones have. */
export class MemoryTables {
  readonly accounts = new Map<number, LockedAccount>();
  readonly entries = new Map<string, Entry>();
  readonly operations = new Map<string, OperationRow>();
  readonly holds = new Map<string, Hold>();
  readonly totals = new Map<string, DailyTotal>();
  /** The number of the last batch of each writer. */
  readonly writers = new Map<string, number>();
  private readonly ids = new Map<string, number>();

  /** The id of an owner's account, which is made when it is missing. */
  accountId(owner: string, unit: Unit): number {
    const name = `${unit} ${owner}`;
    const id = this.ids.get(name) ?? this.ids.size + 1;
    if (!this.ids.has(name)) {
      this.ids.set(name, id);
      this.accounts.set(id, { version: -id, account: emptyAccount(id, unit) });
    }
    return id;
  }

  /** Whose an account is. */
  ownerOf(id: number): string {
    return [...this.ids].find(([, known]) => known === id)![0].split(' ')[1]!;
  }

  /** The holds of an account that have expired, the oldest first and at most `limit` of them. */
  expiredHolds(accountId: number, now: number, limit = Infinity): Expired {
    const open = this.openHolds(accountId).sort((a, b) => a.expiresAt - b.expiresAt);
    const holds = open.filter(({ expiresAt }) => expiresAt <= now).slice(0, limit);
    return { accountId, holds, nextExpiry: open[holds.length]?.expiresAt ?? null };
  }

  openHolds(accountId: number): Hold[] {
    return [...this.holds.values()].filter((hold) => hold.accountId === accountId && hold.status === 'open');
  }

  entriesOf(accountId: number): Entry[] {
    return [...this.entries.values()].filter((entry) => entry.accountId === accountId).sort((a, b) => a.sequence - b.sequence);
  }

  /** What is known of operations, put together from the rows that they made, as the store does. */
  recorded(batch: readonly Keyed[]): Map<string, Recorded> {
    const found = new Map<string, Recorded>();
    for (const { accountId, operation } of batch) {
      const id = identity(accountId, operation);
      const row = this.operations.get(id);
      if (row) found.set(id, { hash: row.hash, outcome: this.outcome(row) });
    }
    return found;
  }

  /** Whether a plan would meet a unique key that is taken, or an account that somebody else has changed. */
  isFenced(plan: Plan): boolean {
    return (
      plan.entries.some(({ accountId, sequence }) => this.entries.has(`${accountId} ${sequence}`)) ||
      plan.operations.some(({ accountId, operation }) => this.operations.has(identity(accountId, operation))) ||
      plan.newHolds.some(({ accountId, number }) => this.holds.has(holdIdentity(accountId, number))) ||
      plan.accounts.some(({ version, account }) => this.accounts.get(account.id)!.version !== version)
    );
  }

  write(plan: Plan, newVersion: number): void {
    for (const hold of plan.newHolds) this.holds.set(holdIdentity(hold.accountId, hold.number), hold);
    for (const hold of plan.changedHolds) {
      const id = holdIdentity(hold.accountId, hold.number);
      this.holds.set(id, { ...this.holds.get(id)!, ...hold });
    }
    for (const entry of plan.entries) this.entries.set(`${entry.accountId} ${entry.sequence}`, entry);
    for (const { accountId, operation, outcome } of plan.operations)
      this.operations.set(identity(accountId, operation), {
        accountId,
        name: operation.name,
        key: operation.key,
        hash: operation.hash,
        sequence: outcome.status === 'posted' ? outcome.entry.sequence : null,
        hold: outcome.status === 'held' ? outcome.hold.number : null,
        refusal: outcome.status === 'refused' ? outcome : null,
      });
    for (const { accountId, day, type, amount, count } of plan.totals) {
      const key = `${accountId} ${day} ${type}`;
      const before = this.totals.get(key) ?? { amount: 0n, count: 0 };
      this.totals.set(key, { accountId, day, type, amount: before.amount + amount, count: before.count + count });
    }
    for (const { account } of plan.accounts) this.accounts.set(account.id, { version: newVersion, account });
  }

  /** Everything that a batch must know, read in one moment. */
  load(groups: readonly Group[], now: number): Loaded {
    const all = groups.flat();
    const ids = [...new Set(all.map(({ accountId }) => accountId))].sort((a, b) => a - b);
    const locked = ids.map((id) => this.accounts.get(id)!);
    const expired = locked
      .filter(({ account }) => account.nextExpiry !== null && account.nextExpiry <= now)
      .map(({ account }) => this.expiredHolds(account.id, now));
    const holds = new Map([...this.holds].filter(([, { accountId }]) => ids.includes(accountId)));
    return { locked, expired, holds, recorded: this.recorded(all.filter(isKeyed)) };
  }

  /**
   * What is wrong with the tables, by the plainest arithmetic: everything is added up again from the entries and the holds.
   * @returns nothing when all is as it must be
   */
  problems(): string[] {
    return [...this.accounts.values()].flatMap(({ account }) => this.problemsOf(account));
  }

  private problemsOf(account: Account): string[] {
    const problems: string[] = [];
    const must = (what: string, is: unknown, should: unknown) => {
      if (is !== should) problems.push(`account ${account.id}: ${what} is ${String(is)}, must be ${String(should)}`);
    };
    const entries = this.entriesOf(account.id);
    let [balance, time] = [0, 0];
    const captured = new Map<number, number>();
    const sums = new Map<string, { amount: bigint; count: number }>();
    const types = new Map<string, TypeTotal>();
    entries.forEach((entry, i) => {
      balance += entry.amount;
      must(`the number of entry ${i + 1}`, entry.sequence, i + 1);
      must(`balanceAfter of entry ${i + 1}`, entry.balanceAfter, balance);
      must(`whether time runs on at entry ${i + 1}`, entry.createdAt >= time, true);
      if (entry.type === 'debit') must(`whether entry ${i + 1} spent what was there`, balance >= 0, true);
      must(`whether one operation at most made entry ${i + 1}`, this.operationsOf(account.id, 'sequence', entry.sequence) <= 1, true);
      time = entry.createdAt;
      if (entry.hold !== null) captured.set(entry.hold, (captured.get(entry.hold) ?? 0) - entry.amount);
      const day = `${account.id} ${dayOf(entry.createdAt)} ${entry.type}`;
      const sum = sums.get(day) ?? { amount: 0n, count: 0 };
      sums.set(day, { amount: sum.amount + BigInt(entry.amount), count: sum.count + 1 });
      const ofType = types.get(entry.type) ?? { count: 0, total: 0n };
      types.set(entry.type, { count: ofType.count + 1, total: ofType.total + BigInt(entry.amount) });
      must(`the number of entry ${i + 1} in its type`, entry.typeSequence, ofType.count + 1);
      must(`the sum of its type at entry ${i + 1}`, entry.typeTotal, ofType.total + BigInt(entry.amount));
    });
    must('the balance', account.balance, balance);
    must('the last number', account.sequence, entries.length);
    for (const [type, { count, total }] of types) {
      must(`the number of type ${type}`, account.types[type as EntryType]?.count, count);
      must(`the sum of type ${type}`, account.types[type as EntryType]?.total, total);
    }
    must(
      'the number of operations',
      account.operations,
      [...this.operations.values()].filter((row) => row.accountId === account.id).length,
    );
    for (const [day, { amount, count }] of sums) {
      must(`the sum of ${day}`, this.totals.get(day)?.amount, amount);
      must(`the count of ${day}`, this.totals.get(day)?.count, count);
    }
    const holds = [...this.holds.values()].filter(({ accountId }) => accountId === account.id);
    must('the number of holds', account.holds, holds.length);
    for (const hold of holds) {
      must(`what hold ${hold.number} captured`, hold.captured, captured.get(hold.number) ?? 0);
      must(`whether hold ${hold.number} kept enough`, remaining(hold) >= 0, true);
    }
    must(
      'held',
      account.held,
      this.openHolds(account.id).reduce((sum, hold) => sum + remaining(hold), 0),
    );
    must('the number of open holds', account.openHolds, this.openHolds(account.id).length);
    const first = Math.min(...this.openHolds(account.id).map(({ expiresAt }) => expiresAt));
    must('whether the next expiry comes in time', (account.nextExpiry ?? Infinity) <= first, true);
    return problems;
  }

  private operationsOf(accountId: number, column: 'sequence' | 'hold', number: number): number {
    return [...this.operations.values()].filter((row) => row.accountId === accountId && row[column] === number).length;
  }

  private outcome({ accountId, name, sequence, hold, refusal }: OperationRow): Outcome {
    if (refusal) return refusal;
    if (sequence !== null) return { status: 'posted', entry: this.entries.get(`${accountId} ${sequence}`)! };
    if (hold === null) return { status: 'claimed' };
    const row = this.holds.get(holdIdentity(accountId, hold))!;
    return { status: 'held', hold: name === 'hold' ? { ...row, status: 'open', captured: 0 } : row };
  }
}
