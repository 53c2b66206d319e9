import { affectedRows, execute, insertRows, type Transactions } from '../database/index.js';

/** Work that one process at a time does. */
export interface Leased {
  /** The table of the lease rows: `name`, `next_at`, `done_until`. */
  readonly table: string;
  readonly name: string;
  readonly everyMs: number;
  /** How far the very first run looks back, in milliseconds. */
  readonly lookBackMs: number;
}

/**
 * The right to do a piece of work once per period. One of many processes gets it. If that one dies, the next run is due
 * as usual.
 */
export class Lease {
  constructor(
    private readonly transactions: Transactions,
    private readonly leased: Leased,
  ) {}

  /** Returns the time up to which the last finished run has looked, or undefined when no run is due. */
  take(now: number): Promise<number | undefined> {
    const { table, name, everyMs, lookBackMs } = this.leased;
    const row = [name, 0, now - lookBackMs];
    return this.transactions.run(async (tx) => {
      const columns = ['name', 'next_at', 'done_until'];
      await execute(tx, insertRows(tx, table, columns, [row], { key: ['name'], how: 'keep' }));
      // A little early, because a timer that fires a moment too soon would skip every second run.
      const met = await affectedRows(tx, `UPDATE ${table} SET next_at = ? WHERE name = ? AND next_at <= ?`, [
        now + everyMs * 0.9,
        name,
        now,
      ]);
      if (met === 0) return undefined;
      const [found] = (await tx.query(`SELECT done_until AS done FROM ${table} WHERE name = ?`, [name])) as {
        done: number | string;
      }[];
      return Number(found!.done);
    });
  }

  /** Records that the run taken at this time has finished. */
  async done(at: number): Promise<void> {
    const values = [at, this.leased.name];
    await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE ${this.leased.table} SET done_until = ? WHERE name = ?`, values),
    );
  }

  /** Makes the next run due after this time. */
  async dueIn(milliseconds: number): Promise<void> {
    const values = [Date.now() + milliseconds, this.leased.name];
    await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE ${this.leased.table} SET next_at = ? WHERE name = ?`, values),
    );
  }
}
