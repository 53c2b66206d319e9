import { affectedRows, execute, insertRows, type Transactions } from '../database/index.js';

/** Work that one process is to do at a time. */
export interface Leased {
  /** The table of the lease rows: `name`, `next_at`, `done_until`. */
  readonly table: string;
  readonly name: string;
  readonly everyMs: number;
  /** How far the first run of all looks back. */
  readonly lookBackMs: number;
}

/**
 * The right to do a piece of work once in its period. Of many processes one gets it; should that one die, the next run
 * is due as always.
 */
export class Lease {
  constructor(
    private readonly transactions: Transactions,
    private readonly leased: Leased,
  ) {}

  /** Returns up to when the last run that ended has looked, or undefined when none is due. */
  take(now: number): Promise<number | undefined> {
    const { table, name, everyMs, lookBackMs } = this.leased;
    const row = [name, 0, now - lookBackMs];
    return this.transactions.run(async (tx) => {
      const columns = ['name', 'next_at', 'done_until'];
      await execute(tx, insertRows(tx, table, columns, [row], { key: ['name'], how: 'keep' }));
      // A little early, or a timer that comes a moment too soon would skip every second run.
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

  /** The run that was taken at this time has ended. */
  async done(at: number): Promise<void> {
    const values = [at, this.leased.name];
    await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE ${this.leased.table} SET done_until = ? WHERE name = ?`, values),
    );
  }

  /** The next run is due so soon. */
  async dueIn(milliseconds: number): Promise<void> {
    const values = [Date.now() + milliseconds, this.leased.name];
    await this.transactions.run((tx) =>
      affectedRows(tx, `UPDATE ${this.leased.table} SET next_at = ? WHERE name = ?`, values),
    );
  }
}
