import type { PoolConnection } from 'mysql2';
import { engineOf } from './engine.js';
import { FenceLost, isFenced } from './errors.js';
import { preparer } from './sqlite.js';
import { BEGIN, COMMITTED, ONE_BY_ONE, type Tx } from './transactions.js';

export type Value = string | number | null;

/** How to treat a row whose key is taken: keep the existing row, or set, add to, or raise its named columns. */
export interface OnConflict {
  readonly key: readonly string[];
  readonly how: 'keep' | 'set' | 'add' | 'raise';
  readonly columns?: readonly string[];
}

/** SQL with its values; each row of an INSERT counts as one value. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (Value | readonly Value[] | readonly (readonly Value[])[])[];
}

/** A statement that must match exactly `rows` rows, with the table and the id of one of them. */
export interface Fenced extends Statement {
  readonly rows: number;
  readonly table: string;
  readonly id: Value;
}

/** The values that a row must have, and the values that it gets. */
export interface Rewrite {
  readonly must: readonly Value[];
  readonly set: readonly Value[];
}

/** The sizes of a multi-row INSERT on SQLite: few, so that each stays a prepared statement. */
const SQLITE_CHUNKS = [64, 8, 1];
/** A rewrite repeats every row's id for every column, so its cost grows with the square of the rows. */
const REWRITE_CHUNK = 32;

/** Inserts rows, in as few statements as suit the engine. */
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
  const statements: Statement[] = [];
  for (let done = 0; done < rows.length;) {
    const size = SQLITE_CHUNKS.find((chunk) => chunk <= rows.length - done)!;
    const values: Value[] = [];
    for (let i = done; i < done + size; i++) for (const value of rows[i]!) values.push(value);
    statements.push({ sql: textOf(head, tail, columns.length, size), values });
    done += size;
  }
  return statements;
}

/** The texts of SQLite's inserts, each built once: the longest has thousands of placeholders. */
const texts = new Map<string, string>();

function textOf(head: string, tail: string, columns: number, rows: number): string {
  const key = `${rows} ${head}${tail}`;
  let text = texts.get(key);
  if (text === undefined) {
    const tuple = `(${Array.from({ length: columns }, () => '?').join(', ')})`;
    texts.set(key, (text = `${head}${Array.from({ length: rows }, () => tuple).join(', ')}${tail}`));
  }
  return text;
}

/**
 * Updates columns of rows that are there: on SQLite row by row, because an upsert binds every column and rewrites every
 * index. The MySQL family has no short UPDATE of several rows with different values, so there it is an upsert.
 * @param columns the columns of the rows
 */
export function updateRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly Value[][],
  { key, columns: set }: { readonly key: readonly string[]; readonly columns: readonly string[] },
): Statement[] {
  if (isMysql(tx)) return insertRows(tx, table, columns, rows, { key, how: 'set', columns: set });
  const equals = (names: readonly string[], and: string) => names.map((name) => `\`${name}\` = ?`).join(and);
  const sql = `UPDATE \`${table}\` SET ${equals(set, ', ')} WHERE ${equals(key, ' AND ')}`;
  const places = [...set, ...key].map((name) => columns.indexOf(name));
  return rows.map((row) => ({ sql, values: places.map((place) => row[place]!) }));
}

/**
 * Updates rows that still have the values that they must have; several in one statement on the MySQL family.
 * @param must the id and then other columns
 * @param set the columns that get a value
 */
export function rewriteRows(
  tx: Tx,
  table: string,
  must: readonly string[],
  set: readonly string[],
  rows: readonly Rewrite[],
): Fenced[] {
  if (!isMysql(tx)) {
    const sql = `UPDATE \`${table}\` SET ${set.map((c) => `\`${c}\` = ?`).join(', ')} WHERE ${must.map((c) => `\`${c}\` = ?`).join(' AND ')}`;
    return rows.map((row) => ({ sql, values: [...row.set, ...row.must], rows: 1, table, id: row.must[0]! }));
  }
  const statements: Fenced[] = [];
  for (let done = 0; done < rows.length; done += REWRITE_CHUNK)
    statements.push(rewriteChunk(table, must, set, rows.slice(done, done + REWRITE_CHUNK)));
  return statements;
}

/**
 * Updates by primary key. Without the hint MariaDB scans a small table, and waits for rows that other transactions have
 * locked.
 */
function rewriteChunk(
  table: string,
  must: readonly string[],
  set: readonly string[],
  rows: readonly Rewrite[],
): Fenced {
  const [id] = must as [string];
  const ids = rows.map((row) => row.must[0]!);
  const when = ' WHEN ? THEN ?'.repeat(rows.length);
  const cases =
    rows.length === 1 ? set.map((c) => `\`${c}\` = ?`) : set.map((c) => `\`${c}\` = CASE \`${id}\`${when} END`);
  const values = set.flatMap((_, i) =>
    rows.length === 1 ? [rows[0]!.set[i]!] : rows.flatMap((row) => [row.must[0]!, row.set[i]!]),
  );
  return {
    sql: `UPDATE \`${table}\` FORCE INDEX (PRIMARY) SET ${cases.join(', ')} WHERE \`${id}\` IN (?) AND (${must.map((c) => `\`${c}\``).join(', ')}) IN (?)`,
    values: [...values, ids, rows.map((row) => row.must)],
    rows: rows.length,
    table,
    id: ids[0]!,
  };
}

/**
 * Fails unless the last statement matched as many rows as it must. The table and the id route the query to its shard;
 * COUNT returns a row even when that id is missing.
 */
function fence({ table, id, rows }: Fenced): Statement {
  const two = '(SELECT 1 AS n UNION ALL SELECT 2) two';
  return {
    sql: `SELECT (SELECT two.n FROM ${two} WHERE ROW_COUNT() <> ?) AS fence, COUNT(*) FROM \`${table}\` WHERE id = ?`,
    values: [rows, id],
  };
}

/**
 * Reads with several statements, in one round trip on the MySQL family (not on Galera). Every caller in a batch waits
 * for its round trips.
 */
export async function ask<Row>(tx: Tx, statements: readonly Statement[]): Promise<Row[][]> {
  if (isInOneText(tx)) return (await send(tx, statements)) as Row[][];
  if (isOnDriver(tx)) {
    const prepare = await preparer(tx);
    return statements.map(({ sql, values }) => prepare(sql).all(values as Value[]) as Row[]);
  }
  const rows: Row[][] = [];
  for (const { sql, values } of statements) rows.push((await tx.query(sql, values as Value[])) as Row[]);
  return rows;
}

/**
 * Executes writes in their order, in one round trip on the MySQL family (not on Galera). The first failure ends them.
 * @param fenced the statements that come first
 * @param commit whether to commit after the last one
 * @throws FenceLost when a fenced statement matches another number of rows, or a unique key is taken
 */
export async function write(
  tx: Tx,
  fenced: readonly Fenced[],
  statements: readonly Statement[],
  commit: boolean,
): Promise<void> {
  try {
    if (isInOneText(tx)) {
      tx.data[COMMITTED] = commit;
      const rewrites = fenced.flatMap((each) => [each, fence(each)]);
      await send(tx, [...rewrites, ...statements, ...(commit ? [{ sql: 'COMMIT', values: [] }] : [])]);
    } else {
      for (const { sql, values, rows } of fenced)
        if ((await affectedRows(tx, sql, values as Value[])) !== rows) throw new FenceLost();
      await execute(tx, statements);
    }
  } catch (error) {
    throw isFenced(error) ? new FenceLost() : error;
  }
}

/** Executes writes in their order. */
export async function execute(tx: Tx, statements: readonly Statement[]): Promise<void> {
  if (isOnDriver(tx)) {
    const prepare = await preparer(tx);
    for (const { sql, values } of statements) prepare(sql).run(values);
    return;
  }
  for (const { sql, values } of statements) await affectedRows(tx, sql, values as Value[]);
}

/**
 * Sends statements straight to the connection. TypeORM's `query` and its promises capture a stack for each one, which
 * costs a batch more than its rows do. A lean transaction's BEGIN goes with its first statements.
 */
async function send(tx: Tx, statements: readonly Statement[]): Promise<unknown[]> {
  if (statements.length === 0) return [];
  const begin = tx.data[BEGIN] as string | undefined;
  const all = begin === undefined ? statements : [{ sql: begin, values: [] }, ...statements];
  delete tx.data[BEGIN];
  const connection = (await tx.connect()) as PoolConnection;
  // The caller may have given up waiting for the connection, and have succeeded with another attempt.
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
  if (results.length !== all.length)
    throw new Error(`Connection lost: ${results.length} of ${all.length} statements were answered.`);
  return begin === undefined ? results : results.slice(1);
}

/** Locks the rows of a SELECT that decides something. SQLite has one writer at a time and needs no lock. */
export function forUpdate(tx: Tx): string {
  return isMysql(tx) ? ' FOR UPDATE' : '';
}

/** Executes a write, and returns the number of rows that it matched, changed or not. */
export async function affectedRows(tx: Tx, sql: string, values: Value[]): Promise<number> {
  if (isOnDriver(tx)) return (await preparer(tx))(sql).run(values).changes;
  const result = (await tx.query(sql, values, true)) as { affected?: number };
  return result.affected ?? 0;
}

export function isMysql(tx: Tx): boolean {
  return engineOf(tx.dataSource) === 'mysql';
}

function isOnDriver(tx: Tx): boolean {
  return !isMysql(tx) && !tx.data[ONE_BY_ONE];
}

function isInOneText(tx: Tx): boolean {
  return isMysql(tx) && !tx.data[ONE_BY_ONE];
}

function conflictClause(mysql: boolean, { key, how, columns = [] }: OnConflict): string {
  const given = (column: string) => (mysql ? `VALUES(\`${column}\`)` : `excluded.\`${column}\``);
  const value = (column: string) => {
    if (how === 'set') return given(column);
    if (how === 'add') return `\`${column}\` + ${given(column)}`;
    return `${mysql ? 'GREATEST' : 'MAX'}(\`${column}\`, ${given(column)})`;
  };
  const sets = columns.map((c) => `\`${c}\` = ${value(c)}`).join(', ');
  if (mysql) return ` ON DUPLICATE KEY UPDATE ${sets || `\`${key[0]}\` = \`${key[0]}\``}`;
  return how === 'keep'
    ? ' ON CONFLICT DO NOTHING'
    : ` ON CONFLICT (${key.map((c) => `\`${c}\``).join(', ')}) DO UPDATE SET ${sets}`;
}
