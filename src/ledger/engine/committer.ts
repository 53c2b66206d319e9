import { FenceLost, isTransient, type Transactions, type Tx, wasUndone } from '../../common/database/index.js';
import {
  type Account,
  accountName,
  type AccountName,
  type Answer,
  decide,
  type Decision,
  grantIds,
  type Group,
  hasExpired,
  inBurningOrder,
  isKeyed,
  isParked,
  type Known,
  needs,
  type Needs,
  type PurchaseState,
  type ReversedEntry,
  unknownGrants,
} from '../domain/index.js';
import { type CommitMarker, type KeyName, type LedgerStore, type Locked, newVersion } from '../store/index.js';
import { AccountCache } from './account-cache.js';
import type { AccountIds } from './account-ids.js';
import { LedgerUnavailable, OutcomeUnknown } from './errors.js';
import type { Answers, Submission } from './submission.js';
import type { WrittenAccounts } from './written-accounts.js';

/** How many expired holds one transaction settles. */
const EXPIRED = 500;
const NO_REPLAYS: ReadonlyMap<string, never> = new Map<string, never>();

/** A batch on its way, through all of its attempts. */
interface Work {
  readonly groups: readonly Group[];
  /** The accounts that it names, in the order of their ids. */
  readonly ids: ReadonlyMap<AccountName, number>;
  readonly attach: Submission['attach'];
  /** The answers of the attempts of which it is not known whether they were committed, by the marker's number. */
  readonly unknown: Map<number, Answers>;
}

/** A decision, and what it was made from. */
interface Decided extends Decision {
  readonly known: ReadonlyMap<AccountName, Known>;
}

/**
 * What an attempt came to: answers, unless it only settled expired holds and grants, and what the cache may learn from
 * it.
 */
interface Committed {
  readonly answers: Answers | undefined;
  readonly learnt?: Decided & { readonly version: number };
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
 * Commits a batch in one transaction. The first attempt decides from the account cache, if that is all it needs, and
 * the write proves that it is still so; every other attempt locks and reads. When the outcome of a commit is unknown,
 * the marker in the database tells the next attempt.
 */
export class Committer {
  private readonly cache = new AccountCache();

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
    private readonly ids: AccountIds,
    private readonly written: WrittenAccounts,
  ) {}

  /** @param fences how many fences it may lose at most */
  async commit(batch: readonly Submission[], attempts: Attempts, fences?: number): Promise<Answers> {
    const groups = batch.map(({ operations }) => operations);
    const names = new Set<AccountName>();
    for (const group of groups) for (const { account } of group) names.add(account);
    const work: Work = { groups, ids: await this.ids.of(names), attach: batch[0]!.attach, unknown: new Map() };
    const running = this.transactions.run((tx, number) => this.attempt(tx, work, attempts.next(), number === 0), {
      lean: true,
      fences,
    });
    const { answers, learnt } = await running.catch((error: unknown) => {
      // To do it again in other batches might do it twice.
      throw isOfBatch(error) && work.unknown.size > 0 ? new OutcomeUnknown(error) : error;
    });
    if (learnt) this.cache.learn(learnt.known, learnt.effects, learnt.version);
    for (const id of work.ids.values()) this.written.note(id);
    return answers ?? this.commit(batch, attempts, fences);
  }

  private async attempt(tx: Tx, work: Work, marker: CommitMarker, isFirst: boolean): Promise<Committed> {
    try {
      const now = Date.now();
      const decided =
        (isFirst && this.remembered(work, now)) || (await this.read(tx, work, isFirst ? undefined : marker, now));
      if ('earlier' in decided) return { answers: decided.earlier };
      await this.write(tx, work, decided, marker, now);
      return { answers: decided.answers, learnt: { ...decided, version: marker.version } };
    } catch (error) {
      if (wasUndone(error)) work.unknown.delete(marker.number);
      throw error;
    }
  }

  /**
   * Decides from rows that it locks; or gives the answers of an earlier attempt that turns out to have been committed.
   */
  private async read(
    tx: Tx,
    { groups, ids, unknown }: Work,
    marker: CommitMarker | undefined,
    now: number,
  ): Promise<Decided | { earlier: Answers }> {
    const locked = await this.store.lock(tx, [...ids.values()], keysOf(groups, ids), marker);
    const earlier = unknown.get(locked.committed ?? 0);
    if (earlier) return { earlier };
    this.check(locked, ids);
    const known = await this.complete(tx, groups, locked, now);
    return { known, ...decide(known, groups, now) };
  }

  private async write(
    tx: Tx,
    { attach, unknown }: Work,
    { answers, effects }: Decided,
    marker: CommitMarker,
    now: number,
  ): Promise<void> {
    // Without answers it only settles expired holds and grants, and to do that again does no harm.
    if (answers) unknown.set(marker.number, answers);
    const answer = answers?.[0]?.[0];
    const attached = attach && answer && (isPosted(answer) || isParked(answer)) ? attach : undefined;
    await this.store.write(tx, effects, marker, now, !attached);
    await attached?.(tx, answer!);
  }

  /**
   * A decision from the cache. The write checks only the accounts that it changes, so every account must be among them.
   */
  private remembered({ ids, groups, attach }: Work, now: number): Decided | undefined {
    const known = attach ? undefined : this.cache.recall(ids.keys(), groups, now);
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
    if (wrong.length > 0)
      throw new LedgerUnavailable('The database has lost an account; send the request again with the same key.');
  }

  /**
   * Reads what the operations need besides: the holds that have expired, as many as one transaction settles, those that
   * are named, and all grants that either leads to.
   */
  private async complete(
    tx: Tx,
    groups: readonly Group[],
    locked: Locked,
    now: number,
  ): Promise<Map<AccountName, Known>> {
    const operations = groups.flat();
    const holds = await this.store.holds(
      tx,
      operations.flatMap((operation) => needs(operation).hold ?? []),
    );
    const holdsOf = grouped(holds, ({ accountId }) => accountId);
    const openOf = grouped(locked.open, ({ accountId }) => accountId);
    const operationsOf = grouped(operations, ({ account }) => account);
    const known = new Map<AccountName, Known>();
    let room = EXPIRED;
    for (const account of locked.accounts) {
      const { expired, nextExpiry } = await this.expiredHolds(tx, account, now, room);
      room -= expired.length;
      const name = accountName(account);
      const own = holdsOf.get(account.id) ?? [];
      const open = (openOf.get(account.id) ?? []).sort(inBurningOrder);
      const replays = locked.replays.get(account.id) ?? NO_REPLAYS;
      const read = {
        account,
        open,
        replays,
        expired,
        nextExpiry,
        holds: new Map(own.map((hold) => [hold.number, hold])),
      };
      const named = (operationsOf.get(name) ?? []).map(needs);
      known.set(name, { ...read, ...(await this.named(tx, read, named)) });
    }
    return known;
  }

  /**
   * The account's holds that have expired. One that holds nothing is not asked for any: often many grants end at once.
   */
  private async expiredHolds(
    tx: Tx,
    account: Account,
    now: number,
    room: number,
  ): Promise<Pick<Known, 'expired' | 'nextExpiry'>> {
    if (!hasExpired(account, now) || room <= 0) return { expired: [], nextExpiry: account.nextExpiry };
    if (account.openHolds === 0) return { expired: [], nextExpiry: null };
    return this.store.expiredHolds(tx, account.id, now, room);
  }

  /** Reads the entries, purchases and grants that the operations on an account name or lead to. */
  private async named(
    tx: Tx,
    { account, open, holds, expired }: Pick<Known, 'account' | 'open' | 'holds' | 'expired'>,
    named: readonly Needs[],
  ): Promise<Pick<Known, 'grants' | 'reversed' | 'purchases'>> {
    const reversed = new Map<number, ReversedEntry>();
    const purchases = new Map<string, PurchaseState>();
    for (const { entry, purchaseId } of named) {
      const found = entry === undefined ? undefined : await this.store.reversed(tx, account.id, entry);
      if (found) reversed.set(entry!, found);
      if (purchaseId !== undefined) purchases.set(purchaseId, await this.store.purchase(tx, account.id, purchaseId));
    }
    const grants = new Map(open.map((grant) => [grant.id, grant]));
    const ids = [
      ...reversed.keys(),
      ...named.flatMap(({ grant }) => grant ?? []),
      ...[...holds.values(), ...expired].flatMap(grantIds),
      ...[...reversed.values()].flatMap(({ entry }) => grantIds(entry)),
      ...[...purchases.values()].flatMap((each) => [...each.grants, ...each.refunds.flatMap(grantIds)]),
    ];
    for (let missing = unknownGrants(grants, ids); missing.length > 0;) {
      const found = await this.store.grants(tx, account.id, missing);
      for (const grant of found) grants.set(grant.id, grant);
      // A number that names no grant is asked for once.
      const asked = new Set(missing);
      missing = unknownGrants(grants, ids).filter((id) => !asked.has(id));
    }
    return { grants, reversed, purchases };
  }
}

/**
 * Whether the batch itself may be the reason, and a part of it may do better; not the state that the database is in.
 */
export function isOfBatch(error: unknown): boolean {
  return error instanceof FenceLost || !isTransient(error);
}

function isPosted({ outcome }: Answer): boolean {
  return outcome !== 'key-reused' && outcome.status === 'posted';
}

/** Rows by what they belong to: a batch has as many accounts as rows, so each row is looked at once. */
function grouped<K, T>(rows: readonly T[], key: (row: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group) group.push(row);
    else groups.set(key(row), [row]);
  }
  return groups;
}

function keysOf(groups: readonly Group[], ids: ReadonlyMap<AccountName, number>): KeyName[] {
  return groups
    .flat()
    .filter(isKeyed)
    .map(({ account, scope, key }) => ({ accountId: ids.get(account)!, scope, key }));
}
