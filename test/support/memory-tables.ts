import Libsql from 'libsql';
import { FenceLost, newDataSource, type Table, type Value } from '../../src/common/database/index.js';
import {
  type Account,
  type AccountName,
  accountName,
  dayOf,
  type Effects,
  emptyAccount,
  type Entry,
  type EntryType,
  type Group,
  hasExpired,
  type Hold,
  type HoldName,
  isKeyed,
  keyOf,
  type Known,
  recall,
  remaining,
  type Remembered,
  type Replay,
  type TypeTotal,
} from '../../src/ledger/domain/index.js';
import { accountId, type KeyName, LEDGER_ENTITIES } from '../../src/ledger/store/index.js';
import { describeLedger, type LedgerTables } from '../../src/ledger/store/tables.js';
import { changesOf, type CommitMarker, type RowChange } from '../../src/ledger/store/write.js';

/** The tables as their entities describe them, without a database of any use. */
const described: LedgerTables = await (async () => {
  const nowhere = newDataSource({
    type: 'better-sqlite3',
    driver: Libsql,
    database: ':memory:',
    entities: LEDGER_ENTITIES,
  });
  await nowhere.initialize();
  const tables = describeLedger(nowhere);
  await nowhere.destroy();
  return tables;
})();

/** One table in memory, with the values that a real one would keep, and its primary key. */
class MemoryTable<Row> {
  private readonly kept = new Map<string, { values: Value[]; row: Row }>();

  constructor(readonly table: Table<Row>) {}

  rows(): Row[] {
    return [...this.kept.values()].map(({ row }) => row);
  }

  get(key: readonly Value[]): Row | undefined {
    return this.kept.get(key.join(' '))?.row;
  }

  has(row: Row): boolean {
    return this.kept.has(this.table.keyValues(row).join(' '));
  }

  put(row: Row, how: RowChange['how']): void {
    const { columns, mutable, values } = this.table;
    const key = this.table.keyValues(row).join(' ');
    const [before, given] = [this.kept.get(key)?.values, values(row)];
    const merged = given.map((value, i) => {
      if (!before) return value;
      if (!mutable.includes(columns[i]!)) return before[i]!;
      if (how === 'add') return String(BigInt(before[i]!) + BigInt(value!));
      return how === 'raise' ? Math.max(Number(before[i]), Number(value)) : value;
    });
    this.kept.set(key, { values: merged, row: this.read(merged) });
  }

  replace(row: Row): void {
    this.kept.delete(this.table.keyValues(row).join(' '));
    this.put(row, 'insert');
  }

  private read(values: readonly Value[]): Row {
    const { name, columns, read } = this.table;
    return read(Object.fromEntries(columns.map((column, i) => [`${name}_${column}`, values[i]!])));
  }
}

/** The ledger's tables in memory. They are written with the code that writes the real ones, up to the SQL. */
export class MemoryTables {
  private readonly tables = {
    account: new MemoryTable(described.account),
    entry: new MemoryTable(described.entry),
    operation: new MemoryTable(described.operation),
    hold: new MemoryTable(described.hold),
    dailyTotal: new MemoryTable(described.dailyTotal),
    marker: new MemoryTable(described.marker),
  };

  /** The id of an account, which is made when it is missing. */
  accountId(name: AccountName): number {
    const id = accountId(name);
    if (!this.tables.account.get([id])) this.tables.account.put({ ...emptyAccount(id, id, name) }, 'insert');
    return id;
  }

  account(id: number): Account {
    return this.tables.account.get([id])!;
  }

  entries(): Entry[] {
    return this.tables.entry.rows();
  }

  entry(accountId: number, sequence: number): Entry | undefined {
    return this.tables.entry.get([accountId, sequence]);
  }

  /** Puts an entry where no batch has put it. */
  plant(entry: Entry): void {
    this.tables.entry.put(entry, 'insert');
  }

  entriesOf(id: number): Entry[] {
    return this.entries()
      .filter((entry) => entry.accountId === id)
      .sort((a, b) => a.sequence - b.sequence);
  }

  hold({ accountId: id, number }: HoldName): Hold | undefined {
    return this.tables.hold.get([id, number]);
  }

  holdsOf(id: number): Hold[] {
    return this.tables.hold
      .rows()
      .filter((hold) => hold.accountId === id)
      .sort((a, b) => a.number - b.number);
  }

  openHolds(id: number): Hold[] {
    return this.holdsOf(id).filter(({ status }) => status === 'open');
  }

  /** The number of the last batch that was committed under a marker. */
  committed({ bucket, id }: CommitMarker): number | undefined {
    return this.tables.marker.get([bucket, id])?.number;
  }

  expiredHolds(id: number, now: number, limit = Infinity): Pick<Known, 'expired' | 'nextExpiry'> {
    const open = this.openHolds(id).sort((a, b) => a.expiresAt - b.expiresAt);
    const expired = open.filter(({ expiresAt }) => expiresAt <= now).slice(0, limit);
    return { expired, nextExpiry: open[expired.length]?.expiresAt ?? null };
  }

  /** What is known under keys, put together from the rows that they name. */
  replays(keys: readonly KeyName[]): Map<number, Map<string, Replay>> {
    const found = new Map<number, Map<string, Replay>>();
    for (const { accountId: id, scope, key } of keys) {
      const row = this.tables.operation.get([id, scope, key]);
      if (!row) continue;
      const outcome = recall(
        row,
        this.entry(id, row.sequence ?? 0),
        this.hold({ accountId: id, number: row.hold ?? 0 }),
      );
      found.set(id, (found.get(id) ?? new Map<string, Replay>()).set(keyOf(row), { hash: row.hash, outcome }));
    }
    return found;
  }

  /** Everything that a batch must know, read in one moment. */
  load(groups: readonly Group[], now: number): Map<AccountName, Known> {
    const operations = groups.flat();
    const known = new Map<AccountName, Known>();
    for (const name of new Set(operations.map(({ account }) => account))) {
      const account = this.account(this.accountId(name));
      const keys = operations.filter(isKeyed).map(({ scope, key }) => ({ accountId: account.id, scope, key }));
      known.set(name, {
        account,
        holds: new Map(this.holdsOf(account.id).map((hold) => [hold.number, hold])),
        replays: this.replays(keys).get(account.id) ?? new Map<string, Replay>(),
        ...(hasExpired(account, now)
          ? this.expiredHolds(account.id, now)
          : { expired: [], nextExpiry: account.nextExpiry }),
      });
    }
    return known;
  }

  /** Whether effects would meet a unique key that is taken, or an account that somebody else has changed. */
  isFenced({ accounts, entries, operations }: Effects): boolean {
    return (
      accounts.some(({ id, version }) => this.account(id).version !== version) ||
      entries.some((row) => this.tables.entry.has(row)) ||
      operations.some((row) => this.tables.operation.has(row))
    );
  }

  /** @throws FenceLost */
  write(effects: Effects, marker: CommitMarker, now: number): void {
    if (this.isFenced(effects)) throw new FenceLost();
    for (const account of effects.accounts) this.tables.account.replace({ ...account, version: marker.version });
    for (const { table, how, rows } of changesOf(effects, marker, now))
      for (const row of rows) (this.tables[table] as MemoryTable<unknown>).put(row, how);
  }

  /**
   * Everything that is wrong with the tables, by the plainest arithmetic: everything is added up again from the entries
   * and the holds.
   * @returns nothing when all is as it must be
   */
  problems(): string[] {
    return this.tables.account.rows().flatMap((account) => this.problemsOf(account));
  }

  private problemsOf(account: Account): string[] {
    const problems: string[] = [];
    const must = (what: string, is: unknown, should: unknown) => {
      if (is !== should) problems.push(`${accountName(account)}: ${what} is ${String(is)}, must be ${String(should)}`);
    };
    const entries = this.entriesOf(account.id);
    const operations = this.tables.operation.rows().filter((row) => row.accountId === account.id);
    const made = (column: keyof Pick<Remembered, 'sequence'>, number: number) =>
      operations.filter((row) => row[column] === number).length;
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
      must(`whether one operation at most made entry ${i + 1}`, made('sequence', entry.sequence) <= 1, true);
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
    must('the number of operations', account.operations, operations.length);
    for (const [type, { count, total }] of types) {
      must(`the number of type ${type}`, account.types[type as EntryType]?.count, count);
      must(`the sum of type ${type}`, account.types[type as EntryType]?.total, total);
    }
    for (const [day, { amount, count }] of sums) {
      const total = this.tables.dailyTotal.get(day.split(' '));
      must(`the sum of ${day}`, total?.amount, amount);
      must(`the count of ${day}`, total?.count, count);
    }
    const holds = this.holdsOf(account.id);
    const open = holds.filter(({ status }) => status === 'open');
    must('the number of holds', account.holds, holds.length);
    must('the number of open holds', account.openHolds, open.length);
    for (const hold of holds) {
      must(`what hold ${hold.number} captured`, hold.captured, captured.get(hold.number) ?? 0);
      must(`whether hold ${hold.number} kept enough`, remaining(hold) >= 0, true);
      must(`whether hold ${hold.number} says when it was closed`, hold.closedAfter !== null, hold.status !== 'open');
    }
    must(
      'held',
      account.held,
      open.reduce((sum, hold) => sum + remaining(hold), 0),
    );
    const first = Math.min(...open.map(({ expiresAt }) => expiresAt));
    must('whether the next expiry comes in time', (account.nextExpiry ?? Infinity) <= first, true);
    return problems;
  }
}
