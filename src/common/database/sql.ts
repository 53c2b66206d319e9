import type { PoolConnection } from 'mysql2';
import { engineOf } from './engine.js';
import { FenceLost, isFenced } from './errors.js';
import { BEGIN, COMMITTED, ONE_BY_ONE, type Tx } from './transactions.js';

type Value = string | number | null;

/** What to do when the key of an inserted row is taken: fail, leave the row that is there, or add to the named columns of it and raise others. */
type OnConflict = { key: readonly string[]; add?: readonly string[]; raise?: readonly string[] };

/** SQL with its values; a row of an INSERT is one value. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (Value | readonly Value[] | readonly (readonly Value[])[])[];
}

/** Sizes of a multi-row INSERT on SQLite: few, so that each stays a prepared statement. */
const SQLITE_CHUNKS = [64, 8, 1];

/** Inserts all rows in as few statements as the engine does well with. */
export function insertRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly Value[][],
  onConflict?: OnConflict,
): Statement[] {
  if (rows.length === 0) return [];
  const mysql = isMysql(tx);
  const head = `INSERT INTO \`${table}\` (${columns.map((c) => `\`${c}\``).join(', ')}) VALUES `;
  const tail = onConflict ? conflictClause(mysql, onConflict) : '';
  if (mysql) return [{ sql: `${head}?${tail}`, values: [rows] }];
  const tuple = `(${columns.map(() => '?').join(', ')})`;
  const statements: Statement[] = [];
  for (let done = 0; done < rows.length;) {
    const size = SQLITE_CHUNKS.find((chunk) => chunk <= rows.length - done)!;
    statements.push({
      sql: `${head}${Array.from({ length: size }, () => tuple).join(', ')}${tail}`,
      values: rows.slice(done, done + size).flat(),
    });
    done += size;
  }
  return statements;
}

/**
 * Rewrites rows by what they must be now, all of them in one statement where the engine does well with that.
 * @param keys the columns of the primary key first, then others that must have the given value
 * @param rows each the values of `keys`, then those of `columns`, which may be the same ones
 */
export function updateRows(
  tx: Tx,
  table: string,
  keys: readonly string[],
  columns: readonly string[],
  rows: readonly Value[][],
): Statement[] {
  if (rows.length === 0) return [];
  if (!isMysql(tx)) {
    const sql = `UPDATE \`${table}\` SET ${columns.map((c) => `\`${c}\` = ?`).join(', ')} WHERE ${keys.map((c) => `\`${c}\` = ?`).join(' AND ')}`;
    return rows.map((row) => ({ sql, values: [...row.slice(keys.length), ...row.slice(0, keys.length)] }));
  }
  const first = `SELECT ${[...keys.map((_, i) => `? AS k${i}`), ...columns.map((_, i) => `? AS c${i}`)].join(', ')}`;
  const other = ` UNION ALL SELECT ${[...keys, ...columns].map(() => '?').join(', ')}`;
  const same = keys.map((c, i) => `t.\`${c}\` = n.k${i}`).join(' AND ');
  const sets = columns.map((c, i) => `t.\`${c}\` = n.c${i}`).join(', ');
  // The new rows first, and then each row by its key: left to itself MariaDB walks over a small table and waits for rows of other transactions.
  return [
    {
      sql: `UPDATE (${first}${other.repeat(rows.length - 1)}) n STRAIGHT_JOIN \`${table}\` t FORCE INDEX (PRIMARY) ON ${same} SET ${sets}`,
      values: rows.flat(),
    },
  ];
}

/** An error unless the statement before it met as many rows as the parameter says. */
const FENCE = 'SELECT (SELECT n FROM (SELECT 1 AS n UNION ALL SELECT 2) two WHERE ROW_COUNT() <> ?) AS fence';

/** Reads with several statements, on the MySQL family in one round trip (not on Galera): a batch's trips are waited for by everybody in it. */
export async function ask<Row>(tx: Tx, statements: readonly Statement[]): Promise<Row[][]> {
  if (isInOneText(tx)) return (await send(tx, statements)) as Row[][];
  const rows: Row[][] = [];
  for (const { sql, values } of statements) rows.push((await tx.query(sql, values as Value[])) as Row[]);
  return rows;
}

/**
 * Writes with several statements in their order, on the MySQL family in one round trip (not on Galera). The first that fails ends it.
 * @param fenced the first of them, which together must meet `rows` rows (matched, not changed)
 * @param commit whether the transaction ends with the last
 * @throws FenceLost when they meet others, or a unique key is taken
 */
export async function write(
  tx: Tx,
  fenced: readonly Statement[],
  rows: number,
  statements: readonly Statement[],
  commit: boolean,
): Promise<void> {
  try {
    if (isInOneText(tx)) {
      tx.data[COMMITTED] = commit;
      await send(tx, [...fenced, { sql: FENCE, values: [rows] }, ...statements, ...(commit ? [{ sql: 'COMMIT', values: [] }] : [])]);
    } else {
      let met = 0;
      for (const { sql, values } of fenced) met += await affectedRows(tx, sql, values as Value[]);
      if (met !== rows) throw new FenceLost();
      await execute(tx, statements);
    }
  } catch (error) {
    throw isFenced(error) ? new FenceLost() : error;
  }
}

/** Executes writing statements in their order. */
export async function execute(tx: Tx, statements: readonly Statement[]): Promise<void> {
  for (const { sql, values } of statements) await affectedRows(tx, sql, values as Value[]);
}

/**
 * Sends statements to the connection itself: TypeORM's `query` and the promises under it capture a stack for each, which cost a batch more than
 * its rows do. The words that begin a lean transaction go with its first ones.
 */
async function send(tx: Tx, statements: readonly Statement[]): Promise<unknown[]> {
  if (statements.length === 0) return [];
  const begin = tx.data[BEGIN] as string | undefined;
  const all = begin === undefined ? statements : [{ sql: begin, values: [] }, ...statements];
  delete tx.data[BEGIN];
  const connection = (await tx.connect()) as PoolConnection;
  // Whoever waited for the connection may have given up meanwhile, and have done it all in another attempt.
  if (tx.isReleased) throw new Error('The transaction was given up.');
  const results = await new Promise<unknown[]>((resolve, reject) =>
    connection.query(
      all.map(({ sql }) => sql).join(';\n'),
      all.flatMap(({ values }) => values),
      (error: Error | null, result: unknown) => {
        if (error) reject(error);
        else resolve(all.length === 1 ? [result] : (result as unknown[]));
      },
    ),
  );
  if (results.length !== all.length) throw new Error(`Connection lost: ${results.length} of ${all.length} statements were answered.`);
  return begin === undefined ? results : results.slice(1);
}

/** Appended to a SELECT that decides something; SQLite has one writer at a time and needs none. */
export function forUpdate(tx: Tx): string {
  return isMysql(tx) ? ' FOR UPDATE' : '';
}

/** The number of rows that a writing statement met (matched, not changed). */
export async function affectedRows(tx: Tx, sql: string, values: Value[]): Promise<number> {
  const result = (await tx.query(sql, values, true)) as { affected?: number };
  return result.affected ?? 0;
}

export function isMysql(tx: Tx): boolean {
  return engineOf(tx.dataSource) === 'mysql';
}

function isInOneText(tx: Tx): boolean {
  return isMysql(tx) && !tx.data[ONE_BY_ONE];
}

function conflictClause(mysql: boolean, { key, add = [], raise = [] }: OnConflict): string {
  const given = (column: string) => (mysql ? `VALUES(\`${column}\`)` : `excluded.\`${column}\``);
  const sets = [
    ...add.map((c) => `\`${c}\` = \`${c}\` + ${given(c)}`),
    ...raise.map((c) => `\`${c}\` = ${mysql ? 'GREATEST' : 'MAX'}(\`${c}\`, ${given(c)})`),
  ];
  if (mysql) return ` ON DUPLICATE KEY UPDATE ${sets.join(', ') || `\`${key[0]}\` = \`${key[0]}\``}`;
  return ` ON CONFLICT (${key.map((c) => `\`${c}\``).join(', ')}) DO ${sets.length > 0 ? `UPDATE SET ${sets.join(', ')}` : 'NOTHING'}`;
}
