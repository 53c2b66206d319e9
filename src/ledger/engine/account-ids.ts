import { LRUCache } from 'lru-cache';
import type { Transactions } from '../../common/database/index.js';
import type { AccountName } from '../domain/index.js';
import { accountId, type LedgerStore } from '../store/index.js';

const REMEMBERED = 100_000;

/**
 * The ids of accounts. Accounts are never deleted, so an id that was seen once holds, unless a failover loses the
 * account; `forget` is for that.
 */
export class AccountIds {
  private readonly ids = new LRUCache<AccountName, number>({ max: REMEMBERED });

  constructor(
    private readonly transactions: Transactions,
    private readonly store: LedgerStore,
  ) {}

  /** The id that an account has, or will most likely get; its bucket is the account's in any case. */
  likely(name: AccountName): number {
    return this.ids.get(name) ?? accountId(name);
  }

  /** The accounts' ids in their order; an account that is missing is made, empty. */
  async of(names: ReadonlySet<AccountName>): Promise<Map<AccountName, number>> {
    const missing: AccountName[] = [];
    const ids: [AccountName, number][] = [];
    for (const name of names) {
      const id = this.ids.get(name);
      if (id === undefined) missing.push(name);
      else ids.push([name, id]);
    }
    if (missing.length > 0) {
      const found = await this.transactions.run((tx) => this.store.accountIds(tx, missing));
      missing.forEach((name, i) => {
        const id = found[i]!;
        this.ids.set(name, id);
        ids.push([name, id]);
      });
    }
    return new Map(ids.length > 1 ? ids.sort(([, a], [, b]) => a - b) : ids);
  }

  forget(name: AccountName): void {
    this.ids.delete(name);
  }
}
