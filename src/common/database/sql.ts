import { engineOf } from './engine.js';
import type { Tx } from './transactions.js';

type Value = string | number | null;

/** What to do when the key of an inserted row is taken: fail, leave the row that is there, or add the named columns to it. */
type OnConflict = { key: readonly string[]; add?: readonly string[] };

/** Sizes of a multi-row INSERT on SQLite: few, so that each stays a prepared statement. */
const SQLITE_CHUNKS = [64, 8, 1];

/** Inserts all rows in as few statements as the engine does well with. */
export async function insertRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly Value[][],
  onConflict?: OnConflict,
): Promise<void> {
  if (rows.length === 0) return;
  const mysql = isMysql(tx);
  const head = `INSERT INTO \`${table}\` (${columns.map((c) => `\`${c}\``).join(', ')}) VALUES `;
  const tail = onConflict ? conflictClause(mysql, onConflict) : '';
  if (mysql) {
    await tx.query(`${head}?${tail}`, [rows]);
    return;
  }
  const tuple = `(${columns.map(() => '?').join(', ')})`;
  for (let done = 0; done < rows.length;) {
    const size = SQLITE_CHUNKS.find((chunk) => chunk <= rows.length - done)!;
    const chunk = rows.slice(done, done + size);
    await tx.query(`${head}${Array.from({ length: size }, () => tuple).join(', ')}${tail}`, chunk.flat());
    done += size;
  }
}

/**
 * Rewrites rows by their key columns, all of them in one statement where the engine does well with that.
 * @param increment a column that each rewrite counts up by one
 * @returns how many rows were met
 */
export async function updateRows(
  tx: Tx,
  table: string,
  keys: readonly string[],
  columns: readonly string[],
  rows: readonly Value[][],
  increment?: string,
): Promise<number> {
  if (rows.length === 0) return 0;
  if (!isMysql(tx)) {
    const sets = [...columns.map((c) => `\`${c}\` = ?`), ...(increment ? [`\`${increment}\` = \`${increment}\` + 1`] : [])].join(', ');
    const sql = `UPDATE \`${table}\` SET ${sets} WHERE ${keys.map((c) => `\`${c}\` = ?`).join(' AND ')}`;
    let met = 0;
    for (const row of rows) met += await affectedRows(tx, sql, [...row.slice(keys.length), ...row.slice(0, keys.length)]);
    return met;
  }
  const names = [...keys, ...columns];
  const source = rows.map((_, i) => `SELECT ${names.map((c) => (i === 0 ? `? AS \`${c}\`` : '?')).join(', ')}`).join(' UNION ALL ');
  const sets = [
    ...columns.map((c) => `t.\`${c}\` = n.\`${c}\``),
    ...(increment ? [`t.\`${increment}\` = t.\`${increment}\` + 1`] : []),
  ].join(', ');
  // The new rows first, and then each row by its key: left to itself MariaDB walks over a small table and waits for rows of other transactions.
  return affectedRows(
    tx,
    `UPDATE (${source}) n STRAIGHT_JOIN \`${table}\` t FORCE INDEX (PRIMARY) ON ${keys.map((c) => `t.\`${c}\` = n.\`${c}\``).join(' AND ')} SET ${sets}`,
    rows.flat(),
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
