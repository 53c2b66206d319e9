import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { FenceLost, isTransient, Transactions, type Tx, wasUndone } from '../common/database/index.js';
import { ApiError } from '../common/http/index.js';
import { AccountMemory } from './account-memory.js';
import {
  type Action,
  type Answer,
  decide,
  type Expired,
  type Group,
  hasExpired,
  isKeyed,
  type Loaded,
  namesHold,
  type Operation,
} from './domain/index.js';
import { LedgerMetrics } from './ledger.metrics.js';
import { LedgerStore, type Locked, type Mark, newVersion, type Owner } from './ledger.store.js';

/** One operation on its way into the ledger. */
export interface Step extends Owner {
  readonly operation: Operation;
}

/** Operations that are done together or not at all; of several, the first is the claim of them all. */
export interface Submission {
  readonly steps: readonly [Step, ...Step[]];
  /** Runs in the transaction that writes the entry; what it throws undoes the operation. Such a submission has a batch to itself. */
  readonly attach?: (tx: Tx) => Promise<void>;
}

interface Waiting extends Submission {
  /** Its share of a batch: an operation counts one, and one more for each kilobyte that it carries. */
  readonly weight: number;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

type Answers = readonly (readonly Answer[])[];
/** @param fences how many fences may be lost at most */
type Write = (batch: readonly Waiting[], writer: Writer, fences?: number) => Promise<Answers>;

/** SQLite works on the thread that asks it. */
const LANES = { mysql: { length: 4, blocking: false }, sqlite: { length: 1, blocking: true } } as const;
const BATCH = 512;
/** How many operations may wait in a lane, and how many of them may be one owner's, so that a flood leaves room for others. */
const QUEUE = 20_000;
const SHARE = QUEUE / 2;
const REMEMBERED_ACCOUNTS = 100_000;
/** How many expired holds one transaction settles. */
const EXPIRED = 500;
/** How many fences a half may lose: the whole lost all that it might, and it is enough to be sure that memory is not the reason. */
const FENCES_OF_HALVES = 2;
/** Long after the last question about one of its commits. */
const WRITERS_KEPT_MS = 7 * 86_400_000;

/**
 * Brings the operations of many requests into few transactions. An account always falls to the same lane, and a lane has one transaction in
 * flight; whatever arrives meanwhile is the next batch, so nobody waits for a timer and a busy account pays for one lock and one fsync a batch.
 * The first attempt at a batch decides from what the lanes remember, if that is all it needs, and the write proves that it is still so; every
 * other attempt locks and reads.
 */
@Injectable()
export class Lanes implements OnApplicationShutdown {
  private readonly lanes: Lane[];
  /** Accounts are never deleted, so an id that was seen once holds, unless a failover loses the account; `check` notices that. */
  private readonly ids = new LRUCache<string, number>({ max: REMEMBERED_ACCOUNTS });
  private readonly memory = new AccountMemory();

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
    private readonly metrics: LedgerMetrics,
  ) {
    const process = `${Date.now().toString(36)}${randomBytes(6).toString('hex')}`;
    const { length, blocking } = LANES[transactions.engine];
    const write: Write = (batch, writer, fences) => this.measured(batch, writer, fences);
    this.lanes = Array.from({ length }, (_, i) => new Lane(write, new Writer(`${process}-${i}`), blocking));
    metrics.watchQueue(() => this.lanes.reduce((sum, lane) => sum + lane.operations, 0));
  }

  /**
   * Answers when the operations are durable.
   * @returns an answer for each
   * @throws ApiError OVERLOADED when the lane's queue is full or the database is not available
   */
  submit(submission: Submission): Promise<readonly Answer[]> {
    const { steps, attach } = submission;
    const lane = this.lanes[hash(steps[0].owner) % this.lanes.length]!;
    let weight = 0;
    for (const { operation } of steps) weight += 1 + kilobytes(operation.action);
    return new Promise((resolve, reject) => lane.enqueue({ steps, attach, weight, resolve, reject }));
  }

  /** Every accepted operation is answered before the database closes. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.idle()));
    const writers = this.lanes.filter(({ writer }) => writer.hasWritten).map(({ writer }) => writer.id);
    const before = Date.now() - WRITERS_KEPT_MS;
    // If it can't be done now, the next process that stops does it.
    await this.transactions.run((tx) => this.store.forgetWriters(tx, writers, before)).catch(() => undefined);
  }

  private async measured(batch: readonly Waiting[], writer: Writer, fences?: number): Promise<Answers> {
    const begun = performance.now();
    try {
      const answers = await this.write(batch, writer, fences);
      this.metrics.committed(batch, answers, performance.now() - begun);
      return answers;
    } catch (error) {
      this.metrics.failed();
      throw error;
    }
  }

  private async write(batch: readonly Waiting[], writer: Writer, fences?: number): Promise<Answers> {
    const owners = batch.flatMap(({ steps }) => steps);
    const ids = await this.accountIds(owners);
    let next = 0;
    const groups = batch.map(({ steps }): Group => steps.map(({ operation }) => ({ accountId: ids[next++]!, operation })));
    const accounts = [...new Set(ids)].sort((a, b) => a - b);
    const { attach } = batch[0]!;
    /** What was answered by the attempts of which it is not known whether they were committed. */
    const unknown = new Map<number, Answers>();
    const running = this.transactions.run(
      async (tx, attempt) => {
        const mark = writer.next();
        try {
          const now = Date.now();
          let decided = attempt === 0 && !attach ? this.remembered(groups, accounts, now) : undefined;
          if (!decided) {
            const locked = await this.store.lock(tx, accounts, groups.flat().filter(isKeyed), attempt > 0 ? writer.id : undefined);
            const before = unknown.get(locked.committed ?? 0);
            if (before) return { answers: before };
            this.check(locked, owners, ids);
            const loaded = await this.complete(tx, groups, locked, now);
            const more = loaded.expired.some((account) => hasExpired(account, now));
            decided = { loaded, plan: decide(loaded, more ? [] : groups, now) };
          }
          const { loaded, plan } = decided;
          const answer = plan.answers[0]?.[0];
          // Without answers it has only settled what had expired, and doing that again does no harm.
          if (answer) unknown.set(mark.number, plan.answers);
          const attached = attach && answer && answer.outcome !== 'key-reused' && answer.outcome.status === 'posted';
          await this.store.write(tx, plan, mark, now, !attached);
          if (attached) await attach(tx);
          return { answers: plan.answers, left: { found: loaded.locked, changed: plan.accounts, version: mark.version } };
        } catch (error) {
          if (wasUndone(error)) unknown.delete(mark.number);
          throw error;
        }
      },
      { lean: true, fences },
    );
    const { answers, left } = await running.catch((error: unknown) => {
      // Whoever did it again in other batches might do it twice.
      throw isOfBatch(error) && unknown.size > 0 ? new OutcomeUnknown(error) : error;
    });
    if (left) this.memory.learn(left);
    return answers.length > 0 ? answers : this.write(batch, writer, fences);
  }

  /** A plan from memory. What the write does not touch it does not check, so every account must be among it. */
  private remembered(groups: readonly Group[], accounts: readonly number[], now: number) {
    const loaded = this.memory.recall(groups, accounts, now);
    if (!loaded) return undefined;
    const plan = decide(loaded, groups, now);
    return plan.accounts.length === accounts.length ? { loaded, plan } : undefined;
  }

  /**
   * After a failover that lost the making of an account, its number can be nobody's or somebody else's.
   * @throws ApiError OVERLOADED when it is; the next batch asks for the numbers again
   */
  private check({ locked, owners: found }: Locked, owners: readonly Owner[], ids: readonly number[]): void {
    const names = new Map(locked.map(({ account: { id, unit } }, i) => [id, name({ owner: found[i]!, unit })]));
    const wrong = owners.filter((owner, i) => names.get(ids[i]!) !== name(owner));
    for (const owner of wrong) this.ids.delete(name(owner));
    if (wrong.length > 0) throw new ApiError('OVERLOADED', 'The database has lost an account; send the request again with the same key.');
  }

  /** Reads the holds that have expired, as many as one transaction may settle, and those that the batch names. */
  private async complete(tx: Tx, groups: readonly Group[], { locked, recorded }: Locked, now: number): Promise<Loaded> {
    const expired: Expired[] = [];
    let room = EXPIRED;
    for (const { account } of locked) {
      if (!hasExpired(account, now)) continue;
      const none: Expired = { accountId: account.id, holds: [], nextExpiry: account.nextExpiry };
      const found = room > 0 ? await this.store.expiredHolds(tx, account.id, now, room) : none;
      room -= found.holds.length;
      expired.push(found);
    }
    const named = groups
      .flat()
      .flatMap(({ accountId, operation: { action } }) => (namesHold(action) ? [{ accountId, number: action.hold }] : []));
    return { locked, recorded, expired, holds: await this.store.holds(tx, named) };
  }

  private async accountIds(owners: readonly Owner[]): Promise<number[]> {
    const names = owners.map(name);
    const ids = names.map((each) => this.ids.get(each));
    if (!ids.includes(undefined)) return ids as number[];
    const missing = new Map(owners.flatMap((owner, i) => (ids[i] === undefined ? [[names[i]!, owner] as const] : [])));
    const made = await this.transactions.run((tx) => this.store.accountIds(tx, [...missing.values()]));
    const found = new Map([...missing.keys()].map((each, i) => [each, made[i]!]));
    for (const [each, id] of found) this.ids.set(each, id);
    return ids.map((id, i) => id ?? found.get(names[i]!)!);
  }
}

const name = ({ owner, unit }: Owner): string => `${unit} ${owner}`;

/** What waits for one owner's turn. */
interface Queue {
  readonly waiting: Waiting[];
  operations: number;
}

/** Who writes a lane's batches, under an identity that no other process and no earlier start has, and how far it has counted. */
class Writer {
  private number = 0;

  constructor(readonly id: string) {}

  get hasWritten(): boolean {
    return this.number > 0;
  }

  /** What tells an attempt from all others. */
  next(): Mark {
    this.number += 1;
    return { writer: this.id, number: this.number, version: newVersion() };
  }
}

/** An earlier attempt may have been committed, and the last one failed for another reason. */
class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the outcome of a commit is not known', { cause });
  }
}

/** Whether the batch itself may be the reason, and a part of it may do better; not the state that the database is in. */
function isOfBatch(error: unknown): boolean {
  return error instanceof FenceLost || !isTransient(error);
}

/** Bounded queues with one writer. */
class Lane {
  private readonly logger = new Logger('Lanes');
  /** What waits, by owner, so that a flood of one account's operations does not keep another's waiting behind it. */
  private readonly queues = new Map<string, Queue>();
  /** How many operations wait. */
  operations = 0;
  private working: Promise<void> | undefined;
  /** How many operations the last batch had. */
  private last = 0;

  constructor(
    private readonly write: Write,
    readonly writer: Writer,
    private readonly blocking: boolean,
  ) {}

  enqueue(waiting: Waiting): void {
    const { owner } = waiting.steps[0];
    const added = waiting.steps.length;
    const queue = this.queues.get(owner) ?? { waiting: [], operations: 0 };
    if (this.operations + added > QUEUE || queue.operations + added > SHARE) {
      waiting.reject(new ApiError('OVERLOADED', 'Too many operations are waiting for the ledger.'));
      return;
    }
    queue.waiting.push(waiting);
    queue.operations += added;
    this.operations += added;
    this.queues.set(owner, queue);
    this.working ??= this.work();
  }

  async idle(): Promise<void> {
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.operations > 0) {
      // Nothing else happens while it writes: first the sockets are read, and what they bring shares the commit.
      if (this.blocking) await setImmediate();
      await this.settle(this.takeBatch());
    }
    this.working = undefined;
  }

  /**
   * A batch that fails for no passing reason holds an operation that the database can't take, and so may one that loses its fence at every attempt:
   * halving finds it, and it fails alone.
   */
  private async settle(batch: readonly Waiting[], fences?: number): Promise<void> {
    try {
      const answers = await this.write(batch, this.writer, fences);
      batch.forEach(({ resolve }, i) => resolve(answers[i]!));
    } catch (error) {
      if (batch.length > 1 && isOfBatch(error) && !(error instanceof OutcomeUnknown)) {
        const half = batch.length >> 1;
        await this.settle(batch.slice(0, half), FENCES_OF_HALVES);
        await this.settle(batch.slice(half), FENCES_OF_HALVES);
      } else if (isTransient(error) || error instanceof OutcomeUnknown) {
        this.logger.warn(`${batch.length} submissions were given up, because the database did not take them: ${(error as Error).message}`);
        const unavailable = new ApiError('OVERLOADED', 'The database is not available; send the request again with the same key.');
        for (const { reject } of batch) reject(unavailable);
      } else {
        batch[0]!.reject(error);
      }
    }
  }

  /** Takes from each owner in turn, each owner's in their order. */
  private takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    // Half of all who are being served, so that this process answers and reads one half while the database commits the other.
    const limit = this.blocking ? BATCH : Math.min(BATCH, Math.ceil((this.operations + this.last) / 2));
    let weight = 0;
    const taken = new Map<string, number>();
    for (let round = 0, found = true; found; round++) {
      found = false;
      for (const [owner, queue] of this.queues) {
        const waiting = queue.waiting[round];
        if (!waiting || (taken.get(owner) ?? 0) < round) continue;
        if (batch.length > 0 && (waiting.attach || weight + waiting.weight > limit)) continue;
        batch.push(waiting);
        taken.set(owner, round + 1);
        weight += waiting.weight;
        found = true;
        if (waiting.attach || weight >= limit) return this.remove(batch, taken);
      }
    }
    return this.remove(batch, taken);
  }

  private remove(batch: Waiting[], taken: ReadonlyMap<string, number>): Waiting[] {
    this.last = 0;
    for (const [owner, count] of taken) {
      const queue = this.queues.get(owner)!;
      const operations = queue.waiting.splice(0, count).reduce((sum, { steps }) => sum + steps.length, 0);
      queue.operations -= operations;
      this.operations -= operations;
      this.last += operations;
      this.queues.delete(owner);
      // Whoever still has something waiting stands last in the next batch's turn.
      if (queue.operations > 0) this.queues.set(owner, queue);
    }
    return batch;
  }
}

/** Metadata is what can make an operation large; a batch of large ones would not fit into a packet of the database. */
function kilobytes(action: Action): number {
  return 'metadata' in action && action.metadata !== null ? action.metadata.length >> 10 : 0;
}

/** FNV-1a: spreads owners over lanes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
