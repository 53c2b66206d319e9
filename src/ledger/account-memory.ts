import { LRUCache } from 'lru-cache';
import { type Group, hasExpired, type Loaded, type LockedAccount, namesHold } from './domain/index.js';

const ACCOUNTS = 20_000;

/** What a batch has left of its accounts. */
interface Left {
  readonly found: readonly LockedAccount[];
  readonly changed: readonly LockedAccount[];
  /** What the changed ones bear now. */
  readonly version: number;
}

/** An account as this process last knew it, and whether nobody else has written it between two of our batches. */
interface Known extends LockedAccount {
  readonly alone: boolean;
}

/**
 * The accounts as the last batches left them, so that the next one need not ask for them. It may be wrong at any time, because other processes
 * write too: whoever decides from it must have the write check the versions.
 */
export class AccountMemory {
  private readonly accounts = new LRUCache<number, Known>({ max: ACCOUNTS });

  /**
   * All that must be known for a batch, if it is remembered. A hold, an account that others write too, and expired holds have to be read; and so
   * have the keys of operations that are done together, because those of a group that is refused are not written.
   */
  recall(groups: readonly Group[], ids: readonly number[], now: number): Loaded | undefined {
    if (groups.some((group) => group.length > 1 || namesHold(group[0]!.operation.action))) return undefined;
    const locked: LockedAccount[] = [];
    for (const id of ids) {
      const known = this.accounts.get(id);
      if (!known?.alone || hasExpired(known.account, now)) return undefined;
      locked.push(known);
    }
    // Whether a key is taken is left to the write as well.
    return { locked, expired: [], holds: new Map(), recorded: new Map() };
  }

  /** Takes in what a batch has committed. */
  learn({ found, changed, version }: Left): void {
    const after = new Map(changed.map(({ account }) => [account.id, { version, account }]));
    for (const row of found) {
      const { id } = row.account;
      this.accounts.set(id, { ...(after.get(id) ?? row), alone: this.accounts.peek(id)?.version === row.version });
    }
  }
}
