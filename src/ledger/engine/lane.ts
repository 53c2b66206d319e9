import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isTransient } from '../../common/database/index.js';
import type { AccountName, Action, Answer } from '../domain/index.js';
import { type Attempts, isOfBatch } from './committer.js';
import { LedgerUnavailable, OutcomeUnknown } from './errors.js';
import type { Answers, Submission } from './submission.js';

/** How many operations a batch has at most. */
export const BATCH = 512;
/** How many operations may wait in a lane … */
export const QUEUE = 20_000;
/** … and how many of them may be one account's, so that a flood leaves room for others. */
export const SHARE = QUEUE / 2;
/**
 * A half of a batch that lost every fence may hold the one row that no batch can be written with; it is given up
 * sooner.
 */
const FENCES_OF_HALVES = 2;

/** Commits a batch; `fences` is how many fences it may lose at most. */
export type Commit = (batch: readonly Submission[], attempts: Attempts, fences?: number) => Promise<Answers>;

interface Waiting extends Submission {
  /** Its share of a batch: an operation counts one, and one more for each kilobyte that it carries. */
  readonly weight: number;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The submissions that wait for one account's turn. */
interface Queue {
  readonly waiting: Waiting[];
  operations: number;
}

/**
 * Bounded queues with one batch in flight: the submissions that arrive meanwhile are the next batches, so none waits
 * for a timer.
 */
export class Lane {
  private readonly logger = new Logger('Lanes');
  /** By account, so that a flood on one does not keep another's submissions waiting behind it. */
  private readonly queues = new Map<AccountName, Queue>();
  /** How many operations wait. */
  operations = 0;
  private working: Promise<void> | undefined;
  /** How many operations the last batch had. */
  private last = 0;

  constructor(
    private readonly commit: Commit,
    readonly attempts: Attempts,
    private readonly blocking: boolean,
  ) {}

  submit({ operations, attach }: Submission): Promise<readonly Answer[]> {
    let weight = 0;
    for (const { action } of operations) weight += 1 + kilobytes(action);
    return new Promise((resolve, reject) => this.enqueue({ operations, attach, weight, resolve, reject }));
  }

  async idle(): Promise<void> {
    await this.working;
  }

  private enqueue(waiting: Waiting): void {
    const { account } = waiting.operations[0];
    const added = waiting.operations.length;
    const queue = this.queues.get(account) ?? { waiting: [], operations: 0 };
    if (this.operations + added > QUEUE || queue.operations + added > SHARE) {
      waiting.reject(new LedgerUnavailable('Too many operations are waiting for the ledger.'));
      return;
    }
    queue.waiting.push(waiting);
    queue.operations += added;
    this.operations += added;
    this.queues.set(account, queue);
    this.working ??= this.work();
  }

  private async work(): Promise<void> {
    while (this.operations > 0) {
      // Nothing else happens while it writes: first the sockets are read, and the requests that they bring share the
      // commit.
      if (this.blocking) await setImmediate();
      await this.settle(this.takeBatch());
    }
    this.working = undefined;
  }

  /**
   * A batch that fails for a lasting reason holds an operation that the database can't take, and so may one that loses
   * its fence at every attempt: halving finds it, and it fails alone.
   */
  private async settle(batch: readonly Waiting[], fences?: number): Promise<void> {
    try {
      const answers = await this.commit(batch, this.attempts, fences);
      batch.forEach(({ resolve }, i) => resolve(answers[i]!));
    } catch (error) {
      if (batch.length > 1 && isOfBatch(error) && !(error instanceof OutcomeUnknown)) {
        const half = batch.length >> 1;
        await this.settle(batch.slice(0, half), FENCES_OF_HALVES);
        await this.settle(batch.slice(half), FENCES_OF_HALVES);
      } else if (isTransient(error) || error instanceof OutcomeUnknown) {
        this.logger.warn(
          `${batch.length} submissions were given up; whether the database took them may be unknown: ${(error as Error).message}`,
        );
        const unavailable = new LedgerUnavailable(
          'The database is not available; send the request again with the same key.',
        );
        for (const { reject } of batch) reject(unavailable);
      } else {
        batch[0]!.reject(error);
      }
    }
  }

  /** Takes from each account in turn, each account's in their order. */
  private takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    // Half of all that are being served, so that this process answers and reads one half while the database commits the
    // other.
    const limit = this.blocking ? BATCH : Math.min(BATCH, Math.ceil((this.operations + this.last) / 2));
    let weight = 0;
    const taken = new Map<AccountName, number>();
    for (let round = 0, found = true; found; round++) {
      found = false;
      for (const [account, queue] of this.queues) {
        const waiting = queue.waiting[round];
        if (!waiting || (taken.get(account) ?? 0) < round) continue;
        if (batch.length > 0 && (waiting.attach || weight + waiting.weight > limit)) continue;
        batch.push(waiting);
        taken.set(account, round + 1);
        weight += waiting.weight;
        found = true;
        if (waiting.attach || weight >= limit) return this.remove(batch, taken);
      }
    }
    return this.remove(batch, taken);
  }

  private remove(batch: Waiting[], taken: ReadonlyMap<AccountName, number>): Waiting[] {
    this.last = 0;
    for (const [account, count] of taken) {
      const queue = this.queues.get(account)!;
      const removed = queue.waiting.splice(0, count).reduce((sum, { operations }) => sum + operations.length, 0);
      queue.operations -= removed;
      this.operations -= removed;
      this.last += removed;
      this.queues.delete(account);
      // An account that still has something waiting stands last in the next batch's turn.
      if (queue.operations > 0) this.queues.set(account, queue);
    }
    return batch;
  }
}

/** Metadata is what can make an operation large; a batch of large ones would not fit into a packet of the database. */
function kilobytes(action: Action): number {
  return 'metadata' in action && action.metadata !== null ? action.metadata.length >> 10 : 0;
}
