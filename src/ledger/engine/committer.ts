import { FenceLost, isTransient, type Transactions, type Tx, wasUndone } from '../../common/database/index.js';
import {
  accountName,
  type AccountName,
  decide,
  type Decision,
  type Group,
  hasExpired,
  isKeyed,
  type Known,
  needs,
} from '../domain/index.js';
import { type CommitMarker, type KeyName, type LedgerStore, type Locked, newVersion } from '../store/index.js';
import { AccountCache } from './account-cache.js';
import type { AccountIds } from './account-ids.js';
import { LedgerUnavailable, OutcomeUnknown } from './errors.js';
import type { Answers, Submission } from './submission.js';

/** How many expired holds one transaction settles. */
const EXPIRED = 500;
const NO_REPLAYS: ReadonlyMap<string, never> = new Map<string, never>();

/** A decision, and what it was made from. */
interface Attempt extends Decision {
  readonly known: ReadonlyMap<AccountName, Known>;
}

/** Counts the attempts of one lane of one process, under an identity that no other process and no earlier start has. */
export class Attempts {
  private number = 0;

  constructor(
    readonly bucket: number,
    readonly id: string,
  ) {}

  get hasWritten(): boolean {
    return this.number > 0;
  }

  next(): CommitMarker {
    this.number += 1;
    return { bucket: this.bucket, id: this.id, number: this.number, version: newVersion() };
  }
}

/**
 * Commits a batch in one transaction. The first attempt decides from the account cache, if that is all it needs, and the write proves that it is
 * still so; every other attempt locks and reads. When the outcome of a commit is unknown, the marker in the database tells the next attempt.
 */
export class Committer {
  private readonly cache = new AccountCache();

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
    private readonly ids: AccountIds,
  ) {}

  /** @param fences how many fences it may lose at most */
  async commit(batch: readonly Submission[], attempts: Attempts, fences?: number): Promise<Answers> {
    const groups = batch.map(({ operations }) => operations);
    const names = new Set<AccountName>();
    for (const group of groups) for (const { account } of group) names.add(account);
    const ids = await this.ids.of(names);
    const { attach } = batch[0]!;
    /** The answers of the attempts of which it is not known whether they were committed. */
    const unknown = new Map<number, Answers>();
    const running = this.transactions.run(
      async (tx, number) => {
        const marker = attempts.next();
        try {
          const now = Date.now();
          let attempt = number === 0 && !attach ? this.remembered(ids, groups, now) : undefined;
          if (!attempt) {
            const locked = await this.store.lock(tx, [...ids.values()], keysOf(groups, ids), number > 0 ? marker : undefined);
            const before = unknown.get(locked.committed ?? 0);
            if (before) return { answers: before };
            this.check(locked, ids);
            const known = await this.complete(tx, groups, locked, now);
            attempt = { known, ...decide(known, groups, now) };
          }
          const { answers, effects } = attempt;
          // Without answers it only settles holds that have expired, and doing that again does no harm.
          if (answers) unknown.set(marker.number, answers);
          const first = answers?.[0]?.[0];
          const attached = attach && first && first.outcome !== 'key-reused' && first.outcome.status === 'posted';
          await this.store.write(tx, effects, marker, now, !attached);
          if (attached) await attach(tx);
          return { answers, left: { ...attempt, version: marker.version } };
        } catch (error) {
          if (wasUndone(error)) unknown.delete(marker.number);
          throw error;
        }
      },
      { lean: true, fences },
    );
    const { answers, left } = await running.catch((error: unknown) => {
      // To do it again in other batches might do it twice.
      throw isOfBatch(error) && unknown.size > 0 ? new OutcomeUnknown(error) : error;
    });
    if (left) this.cache.learn(left.known, left.effects, left.version);
    return answers ?? this.commit(batch, attempts, fences);
  }

  /** A decision from the cache. The write checks only the accounts that it changes, so every account must be among them. */
  private remembered(ids: ReadonlyMap<AccountName, number>, groups: readonly Group[], now: number): Attempt | undefined {
    const known = this.cache.recall(ids.keys(), groups, now);
    if (!known) return undefined;
    const decision = decide(known, groups, now);
    return decision.effects.accounts.length === ids.size ? { known, ...decision } : undefined;
  }

  /**
   * After a failover that lost the making of an account, its id can be nobody's or another account's.
   * @throws LedgerUnavailable when it is; the next batch asks for the ids again
   */
  private check({ accounts }: Locked, ids: ReadonlyMap<AccountName, number>): void {
    const found = new Map(accounts.map((account) => [account.id, accountName(account)]));
    const wrong = [...ids].filter(([name, id]) => found.get(id) !== name);
    for (const [name] of wrong) this.ids.forget(name);
    if (wrong.length > 0) throw new LedgerUnavailable('The database has lost an account; send the request again with the same key.');
  }

  /** Reads the holds that have expired, as many as one transaction settles, and those that the operations name. */
  private async complete(tx: Tx, groups: readonly Group[], locked: Locked, now: number): Promise<Map<AccountName, Known>> {
    const holds = await this.store.holds(
      tx,
      groups.flat().flatMap((operation) => needs(operation) ?? []),
    );
    const known = new Map<AccountName, Known>();
    let room = EXPIRED;
    for (const account of locked.accounts) {
      const settled = { expired: [], nextExpiry: account.nextExpiry };
      const { expired, nextExpiry } =
        hasExpired(account, now) && room > 0 ? await this.store.expiredHolds(tx, account.id, now, room) : settled;
      room -= expired.length;
      const own = holds.filter(({ accountId }) => accountId === account.id).map((hold) => [hold.number, hold] as const);
      const replays = locked.replays.get(account.id) ?? NO_REPLAYS;
      known.set(accountName(account), { account, holds: new Map(own), replays, expired, nextExpiry });
    }
    return known;
  }
}

/** Whether the batch itself may be the reason, and a part of it may do better; not the state that the database is in. */
export function isOfBatch(error: unknown): boolean {
  return error instanceof FenceLost || !isTransient(error);
}

function keysOf(groups: readonly Group[], ids: ReadonlyMap<AccountName, number>): KeyName[] {
  return groups
    .flat()
    .filter(isKeyed)
    .map(({ account, scope, key }) => ({ accountId: ids.get(account)!, scope, key }));
}
