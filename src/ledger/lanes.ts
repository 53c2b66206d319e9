import { randomBytes } from 'node:crypto';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { isTransient, Transactions, type Tx } from '../common/database/index.js';
import { ApiError } from '../common/http/index.js';
import { type Answer, decide, type Operation, type Recorded } from './domain/index.js';
import { LedgerStore, type Owner } from './ledger.store.js';

/** One operation on its way into the ledger. */
export interface Submission extends Owner {
  /** Without a key of the client's, the lane gives the operation an identity of its own. */
  readonly operation: Omit<Operation, 'key'> & { readonly key?: string };
  /** Runs in the transaction that writes the entry; what it throws undoes the operation. Such an operation has a batch to itself. */
  readonly attach?: (tx: Tx) => Promise<void>;
}

interface Waiting {
  readonly submission: Submission;
  readonly operation: Operation;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

const LANES = { mysql: 4, sqlite: 1 } as const;
const BATCH = 512;
const QUEUE = 10_000;
const REMEMBERED_ACCOUNTS = 100_000;

/**
 * Brings the operations of many requests into few transactions. An account always falls to the same lane, and a lane has one transaction in
 * flight; whatever arrives meanwhile is the next batch, so nobody waits for a timer and a busy account pays for one lock and one fsync a batch.
 */
@Injectable()
export class Lanes implements OnApplicationShutdown {
  private readonly lanes: Lane[];
  /** Accounts are never deleted, so an id that was seen once holds. */
  private readonly ids = new LRUCache<string, number>({ max: REMEMBERED_ACCOUNTS });
  private readonly boot = ` ${Date.now().toString(36)}${randomBytes(6).toString('hex')}`;
  private given = 0;

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
  ) {
    this.lanes = Array.from({ length: LANES[transactions.engine] }, () => new Lane((batch) => this.write(batch)));
  }

  /**
   * Answers when the operation is durable.
   * @throws ApiError OVERLOADED when the lane's queue is full
   */
  submit(submission: Submission): Promise<Answer> {
    // A leading space can't come from a client, whose keys are visible characters; the counter keeps the keys of one process side by side in the index.
    const operation = { ...submission.operation, key: submission.operation.key ?? `${this.boot}${(this.given++).toString(36).padStart(8, '0')}` };
    const lane = this.lanes[hash(submission.owner) % this.lanes.length]!;
    return new Promise((resolve, reject) => lane.enqueue({ submission, operation, resolve, reject }));
  }

  /** Every accepted operation is answered before the database closes. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.idle()));
  }

  private async write(batch: readonly Waiting[]): Promise<Answer[]> {
    const ids = await this.accountIds(batch.map(({ submission }) => submission));
    const addressed = batch.map(({ operation, submission }, i) => ({ accountId: ids[i]!, operation, keyed: submission.operation.key !== undefined }));
    return this.transactions.run(async (tx, attempt) => {
      const locked = await this.store.lock(tx, [...new Set(ids)].sort((a, b) => a - b));
      // A first attempt can only meet keys that clients chose; a later one must recognise whatever an unknown commit already did.
      const askable = attempt > 0 ? addressed : addressed.filter(({ keyed }) => keyed);
      const recorded = askable.length > 0 ? await this.store.recorded(tx, askable) : new Map<string, Recorded>();
      const now = Date.now();
      const plan = decide(locked, addressed, recorded, now);
      await this.store.write(tx, plan, now);
      const [{ submission }] = batch as [Waiting];
      const [answer] = plan.answers as [Answer];
      if (submission.attach && answer.outcome !== 'key-reused' && answer.outcome.status === 'posted') await submission.attach(tx);
      return plan.answers;
    });
  }

  private async accountIds(owners: readonly Owner[]): Promise<number[]> {
    const name = ({ owner, unit }: Owner) => `${unit} ${owner}`;
    const missing = [...new Map(owners.filter((owner) => !this.ids.has(name(owner))).map((owner) => [name(owner), owner])).values()];
    const found = new Map<string, number>();
    if (missing.length > 0) {
      const made = await this.transactions.run((tx) => this.store.accountIds(tx, missing));
      missing.forEach((owner, i) => found.set(name(owner), made[i]!));
    }
    const ids = owners.map((owner) => found.get(name(owner)) ?? this.ids.get(name(owner))!);
    owners.forEach((owner, i) => this.ids.set(name(owner), ids[i]));
    return ids;
  }
}

/** A bounded queue with one writer. */
class Lane {
  private queue: Waiting[] = [];
  private working: Promise<void> | undefined;

  constructor(private readonly write: (batch: readonly Waiting[]) => Promise<Answer[]>) {}

  enqueue(waiting: Waiting): void {
    if (this.queue.length >= QUEUE) {
      waiting.reject(new ApiError('OVERLOADED', 'Too many operations are waiting for the ledger.'));
      return;
    }
    this.queue.push(waiting);
    this.working ??= this.work();
  }

  async idle(): Promise<void> {
    await this.working;
  }

  private async work(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.takeBatch();
      try {
        const answers = await this.write(batch);
        batch.forEach((waiting, i) => waiting.resolve(answers[i]!));
      } catch (error) {
        for (const waiting of batch) waiting.reject(isTransient(error) ? new ApiError('OVERLOADED', 'The database is not available; send the request again with the same key.') : error);
      }
    }
    this.working = undefined;
  }

  private takeBatch(): Waiting[] {
    const alone = this.queue.findIndex(({ submission }) => submission.attach);
    return this.queue.splice(0, alone === 0 ? 1 : alone > 0 ? Math.min(alone, BATCH) : BATCH);
  }
}

/** FNV-1a: spreads owners over lanes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
