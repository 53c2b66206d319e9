import type { DataSource, EntityManager } from 'typeorm';
import type { Account, Answer, Entry, Unit } from '../../../src/ledger/domain/index.js';
import type { Lanes, Submission } from '../../../src/ledger/lanes.js';

type Rows = typeof import('../../../src/ledger/ledger.entities.js');
type Domain = typeof import('../../../src/ledger/domain/index.js');

/** The sums of an account's types as its row keeps them. */
const textOf = (types: Account['types']) =>
  JSON.stringify(types, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
const typesOf = (text: string): Account['types'] =>
  JSON.parse(text, (key, value: unknown) => (key === 'total' ? BigInt(value as string) : value)) as Account['types'];

/** What the product calls to change a balance. */
export type Writer = Pick<Lanes, 'submit'>;

/**
 * The usual way: each request has a transaction of its own that locks the account's row. It makes the same decision and writes the same rows as
 * the lanes do, with TypeORM's leanest calls (`insert` and `update`, no `save`, which would read first).
 */
export class TransactionPerRequest implements Writer {
  constructor(
    private readonly dataSource: DataSource,
    private readonly rows: Rows,
    private readonly domain: Domain,
  ) {}

  submit({ steps }: Submission): Promise<readonly Answer[]> {
    const [{ owner, unit, operation }] = steps;
    if (steps.length > 1 || operation.action.kind !== 'post') throw new Error('this baseline posts single entries only');
    return this.dataSource.transaction(async (manager) => {
      const now = Date.now();
      const { version, ...row } = await this.lock(manager, owner, unit);
      const account: Account = { ...row, types: typesOf(row.types) };
      const { state, answer } = this.domain.apply({ account }, operation, now);
      if (answer.outcome === 'key-reused' || answer.outcome.status !== 'posted') return [answer];
      const { entry } = answer.outcome;
      await manager.insert(this.rows.EntryRow, { ...entry });
      if (operation.key !== undefined)
        await manager.insert(this.rows.OperationRow, {
          accountId: row.id,
          name: operation.name,
          idempotencyKey: operation.key,
          requestHash: operation.hash,
          sequence: entry.sequence,
          hold: null,
          refusal: null,
          createdAt: now,
        });
      await this.addTotal(manager, entry);
      const { balance, sequence, types, lastAt } = state.account;
      await manager.update(
        this.rows.AccountRow,
        { id: row.id },
        {
          balance,
          sequence,
          types: textOf(types),
          operations: row.operations + (operation.key === undefined ? 0 : 1),
          lastAt,
          version: version + 1,
        },
      );
      return [answer];
    });
  }

  private async lock(manager: EntityManager, owner: string, unit: Unit) {
    const { AccountRow } = this.rows;
    // SQLite has one writer at a time and no row locks.
    const lock = this.dataSource.options.type === 'better-sqlite3' ? undefined : ({ mode: 'pessimistic_write' } as const);
    const row = await manager.findOne(AccountRow, { where: { owner, unit }, lock });
    if (row) return row;
    const empty = { ...this.domain.emptyAccount(0, unit), id: undefined, types: '{}', owner, version: 0 };
    await manager.createQueryBuilder().insert().into(AccountRow).values(empty).orIgnore().execute();
    return manager.findOneOrFail(AccountRow, { where: { owner, unit }, lock });
  }

  private async addTotal(manager: EntityManager, { accountId, type, amount, createdAt }: Entry): Promise<void> {
    const { DailyTotalRow } = this.rows;
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
