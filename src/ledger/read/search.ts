import { setImmediate } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf } from '../../common/database/index.js';
import type { Entry, EntryType, HoldName, Stored } from '../domain/index.js';
import { hasWords, wordsOf } from './words.js';

/** A request looks through no more entries than this. */
export const MOST_SEARCHED = 50_000;
/** A statement looks through no more than this. The first ones look through fewer: most pages are full soon. */
const CHUNK = 5_000;
const FIRST_CHUNK = 500;

/** What an entry must be. */
export interface EntryFilter extends Partial<Pick<Entry, 'agent' | 'model' | 'actor' | 'runId' | 'purchaseId'>> {
  readonly hold?: HoldName;
  /** The least and the greatest amount, without its sign. */
  readonly least?: Stored;
  readonly most?: Stored;
  /** Words of the description, in whatever case. */
  readonly words?: string;
}

/** Where to look, and for how many. */
export interface Search {
  readonly accountId: number;
  /** Only among the entries of this type, whose own numbers the range has then. */
  readonly type?: EntryType;
  readonly filter: EntryFilter;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
}

/** Numbers of entries, both ends included; empty when `low` is above `high`. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The entries that were found, and where to go on; nowhere when there are no more. */
export interface Found {
  readonly sequences: readonly number[];
  readonly rest?: Range;
}

interface Row extends Record<string, unknown> {
  readonly sequence: string | number;
  readonly number: string | number;
  readonly description: string | null;
}

const COLUMNS = { agent: 'agent', model: 'model', actor: 'actor', runId: 'run_id', purchaseId: 'purchase_id' } as const;

/**
 * Looks through a range of an account's entries, a chunk of a unique key at a time. The database compares columns; the
 * words are looked for here, because SQLite knows the case of ASCII letters only.
 */
export async function search(dataSource: DataSource, wanted: Search, range: Range): Promise<Found> {
  const { order, limit } = wanted;
  const matches = matcher(wanted.filter);
  const found: Row[] = [];
  let [rest, left, size] = [range, MOST_SEARCHED, FIRST_CHUNK];
  while (rest.low <= rest.high && left > 0) {
    const chunk = begin(rest, Math.min(size, left), order);
    for (const row of (await read(dataSource, wanted, chunk)).filter(matches)) {
      if (found.length === limit)
        return { sequences: found.map(sequenceOf), rest: after(range, Number(found.at(-1)!.number), order) };
      found.push(row);
    }
    left -= chunk.high - chunk.low + 1;
    size = Math.min(size * 4, CHUNK);
    rest = after(rest, order === 'asc' ? chunk.high : chunk.low, order);
    // Where the driver waits for nothing, neither do other requests get a turn.
    await setImmediate();
  }
  return { sequences: found.map(sequenceOf), ...(rest.low <= rest.high ? { rest } : {}) };
}

function begin({ low, high }: Range, size: number, order: Search['order']): Range {
  return order === 'asc'
    ? { low, high: Math.min(high, low + size - 1) }
    : { low: Math.max(low, high - size + 1), high };
}

function after({ low, high }: Range, number: number, order: Search['order']): Range {
  return order === 'asc' ? { low: number + 1, high } : { low, high: number - 1 };
}

/** Reads a range of a unique key. MySQL has to be told: it was seen to merge two indexes, and to sort. */
function read(
  dataSource: DataSource,
  { accountId, type, filter, order }: Search,
  { low, high }: Range,
): Promise<Row[]> {
  const [number, key] = type === undefined ? ['sequence', 'PRIMARY'] : ['type_sequence', 'entry_type_sequence'];
  const from = engineOf(dataSource) === 'mysql' ? `entry FORCE INDEX (${key})` : 'entry';
  const terms: [sql: string, value: string | number][] = [['account_id = ?', accountId]];
  if (type !== undefined) terms.push(['type = ?', type]);
  terms.push([`${number} >= ?`, low], [`${number} <= ?`, high]);
  for (const [column, value] of equalities(filter)) terms.push([`${column} = ?`, value]);
  if (filter.hold) terms.push(['hold = ?', filter.hold.number]);
  if (filter.least !== undefined) terms.push(['ABS(amount) >= ?', filter.least]);
  if (filter.most !== undefined) terms.push(['ABS(amount) <= ?', filter.most]);
  const columns = equalities(filter).map(([column]) => `, ${column}`);
  return dataSource.query<Row[]>(
    `SELECT sequence, ${number} AS number, description${columns.join('')} FROM ${from}
     WHERE ${terms.map(([sql]) => sql).join(' AND ')} ORDER BY ${number} ${order}`,
    terms.map(([, value]) => value),
  );
}

/** The databases have compared the text already, but MySQL and MariaDB overlook spaces at its end. */
function matcher(filter: EntryFilter): (row: Row) => boolean {
  const words = wordsOf(filter.words ?? '');
  const equal = equalities(filter);
  return (row) => equal.every(([column, value]) => row[column] === value) && hasWords(row.description, words);
}

function equalities(filter: EntryFilter): [column: string, value: string][] {
  return Object.entries(COLUMNS).flatMap(([field, column]): [string, string][] => {
    const value = filter[field as keyof typeof COLUMNS];
    return typeof value === 'string' ? [[column, value]] : [];
  });
}

function sequenceOf({ sequence }: Row): number {
  return Number(sequence);
}
