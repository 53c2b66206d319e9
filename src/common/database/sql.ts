import type { PoolConnection } from 'mysql2';
import { engineOf } from './engine.js';
import type { Tx } from './transactions.js';

type Value = string | number | null;

/** What to do when the key of an inserted row is taken: fail, leave the row that is there, or add the named columns to it. */
type OnConflict = { key: readonly string[]; add?: readonly string[] };

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
 * Rewrites rows by their key columns, all of them in one statement where the engine does well with that.
 * @param rows each the values of `keys`, then those of `columns`
 * @param increment a column that each rewrite counts up by one
 */
export function updateRows(
  tx: Tx,
  table: string,
  keys: readonly string[],
  columns: readonly string[],
  rows: readonly Value[][],
  increment?: string,
): Statement[] {
  if (rows.length === 0) return [];
  if (!isMysql(tx)) {
    const sets = [...columns.map((c) => `\`${c}\` = ?`), ...(increment ? [`\`${increment}\` = \`${increment}\` + 1`] : [])].join(', ');
    const sql = `UPDATE \`${table}\` SET ${sets} WHERE ${keys.map((c) => `\`${c}\` = ?`).join(' AND ')}`;
    return rows.map((row) => ({ sql, values: [...row.slice(keys.length), ...row.slice(0, keys.length)] }));
  }
  const names = [...keys, ...columns];
  const source = rows.map((_, i) => `SELECT ${names.map((c) => (i === 0 ? `? AS \`${c}\`` : '?')).join(', ')}`).join(' UNION ALL ');
  const sets = [
    ...columns.map((c) => `t.\`${c}\` = n.\`${c}\``),
    ...(increment ? [`t.\`${increment}\` = t.\`${increment}\` + 1`] : []),
  ].join(', ');
  // The new rows first, and then each row by its key: left to itself MariaDB walks over a small table and waits for rows of other transactions.
  return [
    {
      sql: `UPDATE (${source}) n STRAIGHT_JOIN \`${table}\` t FORCE INDEX (PRIMARY) ON ${keys.map((c) => `t.\`${c}\` = n.\`${c}\``).join(' AND ')} SET ${sets}`,
      values: rows.flat(),
    },
  ];
}

/**
 * Executes writing statements in their order, on the MySQL family in one round trip: each that a batch saves is saved by all who wait for it. The
 * first that fails ends it.
 * @returns how many rows each met (matched, not changed)
 */
export async function execute(tx: Tx, statements: readonly Statement[]): Promise<number[]> {
  if (statements.length > 1 && isMysql(tx)) {
    const headers = (await tx.query(
      statements.map(({ sql }) => sql).join(';\n'),
      statements.flatMap(({ values }) => values) as Value[],
    )) as { affectedRows: number }[];
    return headers.map(({ affectedRows: met }) => met);
  }
  const met: number[] = [];
  for (const { sql, values } of statements) met.push(await affectedRows(tx, sql, values as Value[]));
  return met;
}

/**
 * Asks the connection itself: on the MySQL family TypeORM's `query` and the promises under it capture a stack for each statement, which cost a
 * batch more than its rows do.
 */
export async function query<Row>(tx: Tx, sql: string, values: Statement['values']): Promise<Row[]> {
  if (!isMysql(tx)) return (await tx.query(sql, values as Value[])) as Row[];
  const connection = (await tx.connect()) as PoolConnection;
  return new Promise((resolve, reject) =>
    connection.query(sql, [...values], (error: Error | null, rows: unknown) => {
      if (error) reject(error);
      else resolve(rows as Row[]);
    }),
  );
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

function conflictClause(mysql: boolean, { key, add = [] }: OnConflict): string {
  if (mysql) {
    const sets = add.length > 0 ? add.map((c) => `\`${c}\` = \`${c}\` + VALUES(\`${c}\`)`) : [`\`${key[0]}\` = \`${key[0]}\``];
    return ` ON DUPLICATE KEY UPDATE ${sets.join(', ')}`;
  }
  const sets = add.map((c) => `\`${c}\` = \`${c}\` + excluded.\`${c}\``);
  return ` ON CONFLICT (${key.map((c) => `\`${c}\``).join(', ')}) DO ${sets.length > 0 ? `UPDATE SET ${sets.join(', ')}` : 'NOTHING'}`;
}
