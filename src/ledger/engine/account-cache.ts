import { LRUCache } from 'lru-cache';
import {
  type AccountName,
  type Effects,
  type Group,
  hasExpired,
  type Hold,
  type Known,
  needs,
} from '../domain/index.js';

/** Accounts and open holds, together. */
const ROWS = 50_000;
const HOLDS_OF_ACCOUNT = 1_000;
const NONE: ReadonlyMap<never, never> = new Map<never, never>();

/** An account as this process last knew it, and whether nobody else has written it between two of our batches. */
interface Cached extends Known {
  readonly holds: Map<number, Hold>;
  readonly alone: boolean;
}

/**
 * The accounts as the last batches left them, with their open holds, so that the next batch need not ask for them. The
 * cache may be wrong at any time, because other processes write too: a decision from it counts only if the write finds
 * every account at the version that was remembered.
 */
export class AccountCache {
  private readonly accounts = new LRUCache<AccountName, Cached>({
    maxSize: ROWS,
    sizeCalculation: ({ holds }) => 1 + holds.size,
  });

  /**
   * All that must be known for a batch, if it is remembered. This is the one list of reads that no memory replaces: an
   * account that others write too, expired holds, a hold that is not remembered, and the keys of operations that are
   * done together, because those of a group that is refused are not written. Whether a single operation's key is taken,
   * the write finds out.
   */
  recall(names: Iterable<AccountName>, groups: readonly Group[], now: number): Map<AccountName, Known> | undefined {
    const known = new Map<AccountName, Known>();
    for (const name of names) {
      const cached = this.accounts.get(name);
      if (!cached?.alone || hasExpired(cached.account, now)) return undefined;
      known.set(name, cached);
    }
    for (const group of groups) {
      if (group.length > 1) return undefined;
      const named = needs(group[0]!);
      if (!named) continue;
      const { account, holds } = known.get(group[0]!.account)!;
      if (named.accountId === account.id && named.number <= account.holds && !holds.has(named.number)) return undefined;
    }
    return known;
  }

  /** Takes in the state in which a batch has left its accounts. */
  learn(known: ReadonlyMap<AccountName, Known>, effects: Effects, version: number): void {
    const changed = new Map(effects.accounts.map((account) => [account.id, account]));
    for (const [name, before] of known) {
      const after = changed.get(before.account.id);
      const account = after ? { ...after, version } : before.account;
      const cached = this.accounts.peek(name);
      const alone = cached?.account.version === before.account.version;
      const remembered = alone ? cached.holds : new Map<number, Hold>();
      for (const hold of before.holds === remembered ? [] : before.holds.values()) keep(remembered, hold);
      for (const hold of effects.holds) if (hold.accountId === account.id) keep(remembered, hold);
      this.accounts.set(name, {
        account,
        holds: remembered,
        replays: NONE,
        expired: [],
        nextExpiry: account.nextExpiry,
        alone,
      });
    }
  }
}

function keep(holds: Map<number, Hold>, hold: Hold): void {
  if (hold.status !== 'open') holds.delete(hold.number);
  else if (holds.set(hold.number, hold).size > HOLDS_OF_ACCOUNT) holds.delete(holds.keys().next().value!);
}
