import Libsql from 'libsql';
import { FenceLost, newDataSource, type Raw, type Table, type Value } from '../../src/common/database/index.js';
import {
  type Account,
  type AccountName,
  available,
  type BookRow,
  debtOf,
  type Effects,
  emptyAccount,
  type Entry,
  type Grant,
  grantIds,
  type Group,
  hasExpired,
  type Hold,
  type HoldName,
  inBurningOrder,
  isKeyed,
  keyOf,
  type Known,
  needs,
  type PurchaseState,
  recall,
  type Replay,
  type ReversedEntry,
  type Slice,
  statusOf,
  unknownGrants,
} from '../../src/ledger/domain/index.js';
import { accountId, type KeyName, LEDGER_ENTITIES } from '../../src/ledger/store/index.js';
import { describeLedger, type LedgerTables } from '../../src/ledger/store/tables.js';
import { changesOf, type CommitMarker, type RowChange } from '../../src/ledger/store/write.js';
import { problemsOf } from './problems.js';

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

  private readonly aliases: readonly string[];

  constructor(readonly table: Table<Row>) {
    this.aliases = table.columns.map((column) => `${table.name}_${column}`);
  }

  rows(): Row[] {
    return [...this.kept.values()].map(({ row }) => row);
  }

  get(key: readonly Value[]): Row | undefined {
    return this.kept.get(key.join(' '))?.row;
  }

  has(row: Row): boolean {
    return this.kept.has(this.table.keyValues(row).join(' '));
  }

  put(row: Row, how: RowChange['how'], changed?: readonly string[]): void {
    const { columns, values } = this.table;
    const mutable = changed ?? this.table.mutable;
    const key = this.table.keyValues(row).join(' ');
    const [before, given] = [this.kept.get(key)?.values, values(row)];
    if (how === 'update' ? !before : how === 'insert' && before) throw new Error(`cannot ${how} ${key}`);
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
    const raw: Raw = {};
    this.aliases.forEach((alias, i) => (raw[alias] = values[i]!));
    return this.table.read(raw);
  }
}

const pairs = (slices: readonly Slice[] | null) => (slices ?? []).map(({ grant, amount }) => [grant, amount]);

/** The ledger's tables in memory. They are written with the code that writes the real ones, up to the SQL. */
export class MemoryTables {
  private readonly tables = {
    account: new MemoryTable(described.account),
    entry: new MemoryTable(described.entry),
    operation: new MemoryTable(described.operation),
    hold: new MemoryTable(described.hold),
    grant: new MemoryTable(described.grant),
    reversal: new MemoryTable(described.reversal),
    repricing: new MemoryTable(described.repricing),
    dailyTotal: new MemoryTable(described.dailyTotal),
    finance: new MemoryTable(described.finance),
    marker: new MemoryTable(described.marker),
    audit: new MemoryTable(described.audit),
  };

  private readonly ids = new Map<AccountName, number>();

  /** The id of an account, which is made when it is missing. */
  accountId(name: AccountName): number {
    let id = this.ids.get(name);
    if (id !== undefined) return id;
    id = accountId(name);
    this.tables.account.put({ ...emptyAccount(id, id, name) }, 'insert');
    this.ids.set(name, id);
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

  grant(id: number, grant: number): Grant | undefined {
    return this.tables.grant.get([id, grant]);
  }

  grantsOf(id: number): Grant[] {
    return this.tables.grant
      .rows()
      .filter((grant) => grant.accountId === id)
      .sort((a, b) => a.id - b.id);
  }

  openGrants(id: number): Grant[] {
    return this.grantsOf(id).filter(({ open }) => open === 1);
  }

  reversed(id: number, sequence: number): ReversedEntry | undefined {
    const entry = this.entry(id, sequence);
    if (!entry) return undefined;
    const reversible = (each: Entry) => ({
      entry: each,
      amount: this.tables.reversal.get([id, each.sequence])?.amount ?? 0,
    });
    const repricings = this.tables.repricing
      .rows()
      .filter((row) => row.accountId === id && row.sequence === sequence)
      .sort((a, b) => a.repricing - b.repricing)
      .map(({ repricing }) => reversible(this.entry(id, repricing)!));
    return { ...reversible(entry), repricings };
  }

  purchase(id: number, purchaseId: string): PurchaseState {
    const isOf = (row: { purchaseId: string | null }) => row.purchaseId === purchaseId;
    return {
      grants: this.grantsOf(id)
        .filter(isOf)
        .map((grant) => grant.id),
      refunds: this.entriesOf(id).filter((entry) => isOf(entry) && entry.type === 'refund'),
    };
  }

  /** Everything that a batch must know and no more, read in one moment. */
  load(groups: readonly Group[], now: number): Map<AccountName, Known> {
    const operations = groups.flat();
    const known = new Map<AccountName, Known>();
    for (const name of new Set(operations.map(({ account }) => account))) {
      const account = this.account(this.accountId(name));
      const own = operations.filter((operation) => operation.account === name);
      const keys = own.filter(isKeyed).map(({ scope, key }) => ({ accountId: account.id, scope, key }));
      const replays = this.replays(keys).get(account.id) ?? new Map<string, Replay>();
      const due = hasExpired(account, now)
        ? this.expiredHolds(account.id, now)
        : { expired: [], nextExpiry: account.nextExpiry };
      known.set(name, { account, replays, ...due, ...this.named(account.id, own.map(needs), due.expired) });
    }
    return known;
  }

  /** What operations name, and the grants that it leads to. */
  private named(
    id: number,
    named: readonly ReturnType<typeof needs>[],
    expired: readonly Hold[],
  ): Pick<Known, 'open' | 'grants' | 'holds' | 'reversed' | 'purchases'> {
    const open = this.openGrants(id).sort(inBurningOrder);
    const holds = named.flatMap(({ hold }) => (hold?.accountId === id ? (this.hold(hold) ?? []) : []));
    const reversed = named.flatMap(({ entry }) => this.reversed(id, entry ?? 0) ?? []);
    const purchases = named.flatMap(({ purchaseId }) =>
      purchaseId === undefined ? [] : [[purchaseId, this.purchase(id, purchaseId)] as const],
    );
    const ids = [
      ...named.map(({ grant }) => grant ?? 0),
      ...reversed.map(({ entry }) => entry.sequence),
      ...purchases.flatMap(([, { grants, refunds }]) => [...grants, ...refunds.flatMap(grantIds)]),
      ...[...holds, ...expired].flatMap(grantIds),
      ...reversed.flatMap((each) => [each, ...each.repricings].flatMap(({ entry }) => grantIds(entry))),
    ];
    const grants = new Map(open.map((grant) => [grant.id, grant]));
    const there = () => unknownGrants(grants, ids).flatMap((grant) => this.grant(id, grant) ?? []);
    for (let more = there(); more.length > 0; more = there()) for (const grant of more) grants.set(grant.id, grant);
    return {
      open,
      grants,
      holds: new Map(holds.map((hold) => [hold.number, hold])),
      reversed: new Map(reversed.map((each) => [each.entry.sequence, each])),
      purchases: new Map(purchases),
    };
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
    for (const { table, how, rows, columns } of changesOf(effects, marker, now))
      for (const row of rows) (this.tables[table] as MemoryTable<unknown>).put(row, how, columns);
  }

  /** The books of all accounts. */
  books(): BookRow[] {
    return this.tables.finance.rows();
  }

  /** All that can be seen of an account, as the naive ledger shows it. */
  show(name: AccountName) {
    const account = this.account(this.accountId(name));
    return {
      balance: account.balance,
      available: available(account),
      debt: debtOf(account),
      entries: this.entriesOf(account.id).map(
        ({ type, amount, balanceAfter, createdAt: at, hold, reverses, reprices, expiredAt, slices }) => {
          return { type, amount, balanceAfter, at, hold, reverses, reprices, expiredAt, slices: pairs(slices) };
        },
      ),
      grants: this.grantsOf(account.id).map((row) => {
        const { accountId: _, open: __, extendedBy: ___, carried: ____, createdAt: at, ...grant } = row;
        return { ...grant, at, status: statusOf(row) };
      }),
      holds: this.holdsOf(account.id).map(({ amount, captured, status, slices }) => {
        return { amount, captured, status, slices: pairs(slices) };
      }),
    };
  }

  /** Everything that is wrong with the tables; nothing when all is as it must be. */
  problems(): string[] {
    const { operation, reversal, dailyTotal } = this.tables;
    return this.tables.account.rows().flatMap((account) => {
      const own = <Row extends { accountId: number }>(rows: readonly Row[]) =>
        rows.filter(({ accountId: id }) => id === account.id);
      return problemsOf({
        account,
        entries: this.entriesOf(account.id),
        operations: own(operation.rows()),
        holds: this.holdsOf(account.id),
        grants: this.grantsOf(account.id),
        reversals: own(reversal.rows()),
        totals: own(dailyTotal.rows()),
      });
    });
  }
}
