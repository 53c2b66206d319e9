import type { Tx } from './transactions.js';

/** A prepared statement of the driver. A single array of values is bound as it is. */
interface Prepared {
  run(values: readonly unknown[]): { changes: number };
  all(values: readonly unknown[]): object[];
}

interface Connection {
  prepare(sql: string): Prepared;
}

/** Few texts are ever used; the bound is against a mistake that makes a new one each time. */
const TEXTS = 200;
const prepared = new WeakMap<Connection, Map<string, Prepared>>();

/**
 * A function that prepares statements on the connection of a SQLite transaction, each text once. TypeORM's `query`
 * copies the values four times and awaits six promises for each statement, which costs a batch more than SQLite does.
 */
export async function preparer(tx: Tx): Promise<(sql: string) => Prepared> {
  const connection = (await tx.connect()) as Connection;
  const known = prepared.get(connection) ?? new Map<string, Prepared>();
  prepared.set(connection, known);
  return (sql) => {
    let statement = known.get(sql);
    if (statement) return statement;
    if (known.size >= TEXTS) known.clear();
    known.set(sql, (statement = connection.prepare(sql)));
    return statement;
  };
}
