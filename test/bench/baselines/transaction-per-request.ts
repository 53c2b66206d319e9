import type { DataSource, EntityManager } from 'typeorm';
import type { Account, AccountName, Answer, Entry } from '../../../src/ledger/domain/index.js';
import type { Lanes, Submission } from '../../../src/ledger/index.js';

type Store = typeof import('../../../src/ledger/store/index.js');
type Domain = typeof import('../../../src/ledger/domain/index.js');

/** What the product calls to change a balance. */
export type Writer = Pick<Lanes, 'submit'>;

/**
 * The usual way: each request has a transaction of its own that locks the account's row. It makes the same decision and
 * writes the same rows as the lanes do, with TypeORM's leanest calls (`insert` and `update`, no `save`, which would
 * read first). The lock stands for the version.
 */
export class TransactionPerRequest implements Writer {
  constructor(
    private readonly dataSource: DataSource,
    private readonly store: Store,
    private readonly domain: Domain,
  ) {}

  submit({ operations }: Submission): Promise<readonly Answer[]> {
    const [operation] = operations;
    if (operations.length > 1 || !['fund', 'spend'].includes(operation.action.kind))
      throw new Error('this baseline posts single entries only');
    return this.dataSource.transaction(async (manager) => {
      const now = Date.now();
      const account = await this.lock(manager, operation.account);
      const open = await manager.findBy(this.store.GrantRow, { accountId: account.id, open: 1 });
      const grants = {
        open: open.sort(this.domain.inBurningOrder),
        find: (id: number) => open.find((grant) => grant.id === id),
      };
      const { answer, change } = this.domain.apply({ account, grants }, operation, now);
      if (answer.outcome === 'key-reused' || answer.outcome.status !== 'posted') return [answer];
      const { id } = account;
      const { entry } = answer.outcome;
      await manager.insert(this.store.EntryRow, { ...entry });
      const keyed = this.domain.isKeyed(operation);
      if (keyed)
        await manager.insert(this.store.OperationRow, { ...this.domain.remember(id, operation, answer.outcome, now) });
      await this.addTotal(manager, entry);
      for (const grant of change!.grants)
        await (grants.find(grant.id)
          ? manager.update(this.store.GrantRow, { accountId: id, id: grant.id }, { ...grant })
          : manager.insert(this.store.GrantRow, { ...grant }));
      const { balance, sequence, types, lastAt } = change!.account;
      await manager.update(
        this.store.AccountRow,
        { id },
        { balance, sequence, types, operations: account.operations + (keyed ? 1 : 0), lastAt },
      );
      return [answer];
    });
  }

  private async lock(manager: EntityManager, name: AccountName): Promise<Account> {
    const { AccountRow, accountId, newVersion } = this.store;
    const where = this.domain.ownerAndUnit(name);
    // SQLite has one writer at a time and no row locks.
    const lock =
      this.dataSource.options.type === 'better-sqlite3' ? undefined : ({ mode: 'pessimistic_write' } as const);
    const row = await manager.findOne(AccountRow, { where, lock });
    if (row) return row;
    const empty = this.domain.emptyAccount(accountId(name), newVersion(), name);
    await manager.createQueryBuilder().insert().into(AccountRow).values(empty).orIgnore().execute();
    return manager.findOneOrFail(AccountRow, { where, lock });
  }

  private async addTotal(manager: EntityManager, { accountId, type, amount, createdAt }: Entry): Promise<void> {
    const { DailyTotalRow } = this.store;
    const key = { accountId, day: this.domain.dayOf(createdAt), type };
    const { affected } = await manager
      .createQueryBuilder()
      .update(DailyTotalRow)
      .set({ amount: () => 'amount + :amount', count: () => 'count + 1' })
      .where(key)
      .setParameter('amount', amount)
      .execute();
    if (affected === 0) await manager.insert(DailyTotalRow, { ...key, amount: BigInt(amount), count: 1 });
  }
}

/** One at a time: TypeORM has a single connection on SQLite, on which two transactions would run into each other. */
export function behindMutex(writer: Writer): Writer {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    submit: (submission) => {
      const turn = tail.then(() => writer.submit(submission));
      tail = turn.catch(() => undefined);
      return turn;
    },
  };
}
