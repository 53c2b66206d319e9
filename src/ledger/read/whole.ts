import type { DataSource } from 'typeorm';
import { describeTable, engineOf, type Raw, type Table } from '../../common/database/index.js';
import {
  type AccountName,
  type Entry,
  type Grant,
  type GrantCategory,
  type GrantStatus,
  ownerAndUnit,
  statusOf,
} from '../domain/index.js';
import { AccountRow, EntryRow, GrantRow } from '../store/index.js';
import { atMoment, grantAt, type Source } from './moment.js';
import { type EntryFilter, type Range, type Search, search } from './search.js';

/** Few enough that others hardly notice a page. */
const PAGE = 1_000;

interface Wanted extends Pick<Search, 'accountId' | 'type' | 'order'> {
  readonly filter?: EntryFilter;
}

/** The grants to read; times are milliseconds since 1970, from inclusive, to exclusive. */
export interface GrantSelection {
  readonly status?: GrantStatus;
  readonly category?: GrantCategory;
  readonly from?: number;
  readonly to?: number;
  readonly order: 'asc' | 'desc';
}

/**
 * Reads a range of an account's entries, a page of a unique key at a time. Their numbers have no gap and entries never
 * change, so pages that are read one after the other are one snapshot, without a transaction that stays open.
 */
export async function* everyEntry(
  dataSource: DataSource,
  { filter, ...wanted }: Wanted,
  range: Range,
): AsyncGenerator<readonly Entry[]> {
  // Compiled readers cost a fraction of TypeORM's own, which tells at millions of rows.
  const table = describeTable(dataSource, EntryRow);
  let rest: Range | undefined = range;
  if (hasTerms(filter)) {
    while (rest) {
      const found = await search(dataSource, { ...wanted, filter, limit: PAGE }, rest);
      yield await entriesAt(dataSource, table, wanted, found.sequences);
      rest = found.rest;
    }
    return;
  }
  while (rest.low <= rest.high) {
    const [low, high]: [number, number] =
      wanted.order === 'asc'
        ? [rest.low, Math.min(rest.high, rest.low + PAGE - 1)]
        : [Math.max(rest.low, rest.high - PAGE + 1), rest.high];
    yield await entriesBetween(dataSource, table, wanted, { low, high });
    rest = wanted.order === 'asc' ? { low: high + 1, high: rest.high } : { low: rest.low, high: low - 1 };
  }
}

function hasTerms(filter: EntryFilter | undefined): filter is EntryFilter {
  return filter !== undefined && Object.values(filter).some((value) => value !== undefined);
}

/** Both bounds are given, because with one of them MariaDB was seen to plan a scan. */
function entriesBetween(
  dataSource: DataSource,
  table: Table<Entry>,
  { accountId, type, order }: Wanted,
  { low, high }: Range,
): Promise<Entry[]> {
  const [number, key] = type === undefined ? ['sequence', 'PRIMARY'] : ['type_sequence', 'entry_type_sequence'];
  const from = engineOf(dataSource) === 'mysql' ? `entry FORCE INDEX (${key})` : 'entry';
  const ofType = type === undefined ? '' : ' AND type = ?';
  return read(
    dataSource,
    table,
    `FROM ${from} WHERE account_id = ?${ofType} AND ${number} >= ? AND ${number} <= ? ORDER BY ${number} ${order}`,
    [accountId, ...(type === undefined ? [] : [type]), low, high],
  );
}

async function entriesAt(
  dataSource: DataSource,
  table: Table<Entry>,
  { accountId, order }: Wanted,
  sequences: readonly number[],
): Promise<Entry[]> {
  if (sequences.length === 0) return [];
  const among = `sequence IN (${sequences.map(() => '?').join(', ')})`;
  const rest = `FROM entry WHERE account_id = ? AND ${among} ORDER BY sequence ${order}`;
  return read(dataSource, table, rest, [accountId, ...sequences]);
}

async function read(
  dataSource: DataSource,
  table: Table<Entry>,
  rest: string,
  values: readonly (string | number)[],
): Promise<Entry[]> {
  return (await dataSource.query<Raw[]>(`SELECT ${table.select} ${rest}`, [...values])).map(table.read);
}

/** Each page shows its grants as they are when it is read, what is due by then included. */
export async function* everyGrant(
  source: Source,
  name: AccountName,
  { status, category, from, to, order }: GrantSelection,
): AsyncGenerator<readonly Grant[]> {
  const account = await source.manager.findOneBy(AccountRow, ownerAndUnit(name));
  if (!account) return;
  const bounds = { low: 1, high: account.sequence };
  for (;;) {
    const page = await atMoment(source, name, Date.now(), async (manager, moment) => {
      const query = manager
        .createQueryBuilder(GrantRow, 'g')
        .where('g.accountId = :id AND g.id >= :low AND g.id <= :high', { id: account.id, ...bounds })
        .orderBy('g.id', order === 'asc' ? 'ASC' : 'DESC')
        .limit(PAGE);
      if (category !== undefined) query.andWhere('g.category = :category', { category });
      if (from !== undefined) query.andWhere('g.createdAt >= :from', { from });
      if (to !== undefined) query.andWhere('g.createdAt < :to', { to });
      return (await query.getMany()).map((grant) => grantAt(moment, grant));
    });
    if (!page || page.length === 0) return;
    yield status === undefined ? page : page.filter((grant) => statusOf(grant) === status);
    const { id } = page.at(-1)!;
    if (order === 'asc') bounds.low = id + 1;
    else bounds.high = id - 1;
  }
}
