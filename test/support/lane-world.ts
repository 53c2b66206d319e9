import { setImmediate } from 'node:timers';
import { COMMITTED, FenceLost, Transactions, type Tx } from '../../src/common/database/index.js';
import type {
  AccountName,
  Effects,
  Grant,
  Hold,
  HoldName,
  Known,
  PurchaseState,
  ReversedEntry,
} from '../../src/ledger/domain/index.js';
import { Lanes } from '../../src/ledger/engine/lanes.js';
import { LedgerMetrics } from '../../src/ledger/engine/ledger.metrics.js';
import type { CommitMarker, KeyName, LedgerStore, Locked } from '../../src/ledger/store/index.js';
import { MemoryTables } from './memory-tables.js';
import type { Random } from './random.js';

/** What can go wrong with one statement, by its probability. */
export interface Faults {
  /** The database undoes the transaction for another's sake. */
  deadlock: number;
  /** The statement fails, the transaction stays open. */
  lockWait: number;
  /** The connection goes; what was not committed is undone. */
  lost: number;
  /** The connection goes after the commit and before its answer. */
  lostAfterCommit: number;
  /** A row is read without the lock that was asked for. */
  noLock: number;
  /** The database is not there at all. */
  away: boolean;
}

export const NO_FAULTS: Faults = { deadlock: 0, lockWait: 0, lost: 0, lostAfterCommit: 0, noLock: 0, away: false };

/** The description of what the database can't take. */
export const POISON = 'poison';

const failure = (code: string) => Object.assign(new Error(code), { code });

/**
 * One database in memory and everything that happens around it, one thing at a time, in an order that chance and
 * nothing else decides.
 */
export class World {
  readonly tables = new MemoryTables();
  faults = NO_FAULTS;
  now = Date.UTC(2026, 3, 15);
  steps = 0;
  /** Round trips to the database. */
  trips = 0;
  /** How often each thing went wrong. */
  readonly counts: Record<string, number> = {};
  /** The effects that were committed, in their order. */
  readonly committed: Effects[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly locks = new Map<number, MemoryTransaction>();

  constructor(readonly random: Random) {}

  /** A moment at which anything else may happen first. */
  pause(): Promise<void> {
    return new Promise((go) => this.waiting.push(go));
  }

  /** Lets one thing after the other happen until `done`. */
  async run(done: () => boolean, upTo = 50_000): Promise<void> {
    for (; ; this.steps++) {
      // Everything that needs no pause has happened by then.
      await new Promise((settled) => setImmediate(settled));
      if (done()) return;
      if (this.waiting.length === 0)
        throw new Error('nothing is left that could happen, and not everything is answered');
      if (this.steps > upTo) throw new Error(`not everything is answered after ${this.steps} steps`);
      this.now += this.random.below(5);
      this.waiting.splice(this.random.below(this.waiting.length), 1)[0]!();
    }
  }

  happens(probability: number, what: string): boolean {
    if (probability === 0 || this.random.next() >= probability) return false;
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    return true;
  }

  /** @returns whether the lock is the transaction's now */
  take(id: number, by: MemoryTransaction): boolean {
    const holder = this.locks.get(id);
    if (holder && holder !== by) return false;
    this.locks.set(id, by);
    return true;
  }

  unlock(by: MemoryTransaction): void {
    for (const [id, holder] of this.locks) if (holder === by) this.locks.delete(id);
  }
}

/** A server's process: the real lanes over the real transactions, on connections of this world. */
export class Process {
  lanes: Lanes;
  alive = true;
  readonly died: Promise<'died'>;
  readonly open = new Set<MemoryTransaction>();
  private die: (died: 'died') => void;

  private constructor(readonly world: World) {
    this.died = new Promise((die) => (this.die = die));
  }

  static async start(world: World): Promise<Process> {
    const process = new Process(world);
    const dataSource = {
      options: { type: 'mysql' },
      query: async () => [],
      createQueryRunner: () => new MemoryTransaction(process),
    };
    const transactions = new Transactions(dataSource as never);
    await transactions.onModuleInit();
    process.lanes = new Lanes(
      transactions,
      new MemoryStore(world) as unknown as LedgerStore,
      new LedgerMetrics({ enabled: false } as never),
    );
    return process;
  }

  /** As `kill -9`: nothing that was under way goes on, and the database undoes what was not committed. */
  crash(): void {
    this.alive = false;
    for (const tx of this.open) tx.undo();
    this.die('died');
  }
}

/** A transaction of this world, with as much of TypeORM's runner as the real `Transactions` touch. */
export class MemoryTransaction {
  readonly dataSource = { options: { type: 'mysql' } };
  readonly data: Record<string, unknown> = {};
  private broken = false;
  private writes: { effects: Effects; marker: CommitMarker; now: number }[] = [];

  constructor(private readonly process: Process) {
    process.open.add(this);
  }

  get world(): World {
    return this.process.world;
  }

  async query(sql: string): Promise<void> {
    if (sql === 'ROLLBACK') {
      await this.moment();
      if (this.broken) throw failure('PROTOCOL_CONNECTION_LOST');
      this.undo();
    } else if (sql === 'COMMIT') {
      await this.statement();
      this.end();
    } else {
      await this.statement();
    }
  }

  connect(): Promise<{ destroy(): void }> {
    return Promise.resolve({ destroy: () => this.undo() });
  }

  async release(): Promise<void> {
    this.process.open.delete(this);
  }

  /** A round trip, in which all that is thinkable may go wrong. */
  async statement(): Promise<void> {
    this.world.trips += 1;
    await this.moment();
    const { faults } = this.world;
    if (this.broken) throw failure('PROTOCOL_CONNECTION_LOST');
    if (faults.away) {
      this.broken = true;
      this.undo();
      throw failure('ECONNREFUSED');
    }
    if (this.world.happens(faults.deadlock, 'deadlock')) {
      this.undo();
      throw failure('ER_LOCK_DEADLOCK');
    }
    if (this.world.happens(faults.lockWait, 'lock wait')) throw failure('ER_LOCK_WAIT_TIMEOUT');
    if (this.world.happens(faults.lost, 'lost')) this.lose();
  }

  async lock(ids: readonly number[]): Promise<void> {
    if (this.world.happens(this.world.faults.noLock, 'no lock')) return;
    for (const id of ids) while (!this.world.take(id, this)) await this.statement();
  }

  /** As the rows of an UPDATE, which are locked whatever was read before. */
  seize(ids: readonly number[]): void {
    if (ids.every((id) => this.world.take(id, this))) return;
    this.undo();
    throw failure('ER_LOCK_DEADLOCK');
  }

  write(effects: Effects, marker: CommitMarker, now: number): void {
    this.writes.push({ effects, marker, now });
  }

  /** The commit, whose answer may never come. */
  end(): void {
    this.commit();
    if (this.world.happens(this.world.faults.lostAfterCommit, 'lost after the commit')) this.lose();
  }

  undo(): void {
    this.writes = [];
    this.world.unlock(this);
  }

  private commit(): void {
    const { tables, committed } = this.world;
    // Where no lock was held, the unique keys decide; a real database says so a statement earlier.
    if (this.writes.some(({ effects }) => tables.isFenced(effects))) {
      this.undo();
      throw new FenceLost();
    }
    for (const { effects, marker, now } of this.writes) {
      tables.write(effects, marker, now);
      committed.push(effects);
    }
    this.undo();
  }

  private lose(): never {
    this.broken = true;
    this.undo();
    throw failure('PROTOCOL_CONNECTION_LOST');
  }

  /** In a process that is gone nothing ever comes back. */
  private async moment(): Promise<void> {
    await this.world.pause();
    if (!this.process.alive) await new Promise(() => undefined);
  }
}

/** The store's statements over this world. */
class MemoryStore implements Pick<LedgerStore, keyof LedgerStore> {
  constructor(private readonly world: World) {}

  async accountIds(tx: Tx, names: readonly AccountName[]): Promise<number[]> {
    await of(tx).statement();
    return names.map((name) => this.world.tables.accountId(name));
  }

  async lock(tx: Tx, ids: readonly number[], keys: readonly KeyName[], marker?: CommitMarker): Promise<Locked> {
    await of(tx).statement();
    await of(tx).lock(ids);
    const { tables } = this.world;
    return {
      accounts: ids.map((id) => tables.account(id)),
      open: ids.flatMap((id) => tables.openGrants(id)),
      replays: tables.replays(keys),
      committed: marker && tables.committed(marker),
    };
  }

  /** Two at most, so that one batch often leaves some to the next. */
  async expiredHolds(tx: Tx, id: number, now: number, limit: number): Promise<Pick<Known, 'expired' | 'nextExpiry'>> {
    await of(tx).statement();
    return this.world.tables.expiredHolds(id, now, Math.min(limit, 2));
  }

  async accountsToSweep(): Promise<AccountName[]> {
    return [];
  }

  async holds(tx: Tx, names: readonly HoldName[]): Promise<Hold[]> {
    if (names.length > 0) await of(tx).statement();
    return names.map((name) => this.world.tables.hold(name)).filter((hold) => hold !== undefined);
  }

  async grants(tx: Tx, id: number, numbers: readonly number[]): Promise<Grant[]> {
    await of(tx).statement();
    return numbers.map((number) => this.world.tables.grant(id, number)).filter((grant) => grant !== undefined);
  }

  async reversed(tx: Tx, id: number, sequence: number): Promise<ReversedEntry | undefined> {
    await of(tx).statement();
    return this.world.tables.reversed(id, sequence);
  }

  async purchase(tx: Tx, id: number, purchaseId: string): Promise<PurchaseState> {
    await of(tx).statement();
    return this.world.tables.purchase(id, purchaseId);
  }

  async write(tx: Tx, effects: Effects, marker: CommitMarker, now: number, commit: boolean): Promise<void> {
    if (effects.accounts.length === 0) return;
    await of(tx).statement();
    if (effects.entries.some(({ description }) => description === POISON)) throw failure('ER_DATA_TOO_LONG');
    of(tx).seize(effects.accounts.map(({ id }) => id));
    if (this.world.tables.isFenced(effects)) throw new FenceLost();
    of(tx).write(effects, marker, now);
    of(tx).data[COMMITTED] = commit;
    if (commit) of(tx).end();
  }

  /** They stay: nothing here asks whether they are gone. */
  async forgetMarkers(tx: Tx): Promise<void> {
    await of(tx).statement();
  }
}

const of = (tx: Tx): MemoryTransaction => tx as unknown as MemoryTransaction;
