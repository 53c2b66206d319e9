import { type DataSource, In, type QueryRunner } from 'typeorm';
import { isMysql } from '../../common/database/index.js';
import type { Entry, Grant, Hold } from '../domain/index.js';
import { AccountRow, EntryRow, GrantRow, HoldRow } from '../store/index.js';

const CHUNK = 2_000;

/** The ids of the accounts, in order. */
export async function* accountIds(dataSource: DataSource, owner?: string): AsyncGenerator<number> {
  const accounts = dataSource.getRepository(AccountRow);
  const read = async (last: number) => {
    const query = accounts
      .createQueryBuilder('a')
      .select('a.id', 'id')
      .where('a.id > :last', { last })
      .orderBy('a.id')
      .limit(CHUNK);
    if (owner !== undefined) query.andWhere('a.owner = :owner', { owner });
    return (await query.getRawMany<{ id: number | string }>()).map(({ id }) => Number(id));
  };
  for await (const ids of pages(read, (id) => id, 0)) yield* ids;
}

/** One moment of the database, so that writers at work look like no divergence. */
export async function inSnapshot<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    if (isMysql(runner)) await runner.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await runner.query(isMysql(runner) ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT' : 'BEGIN');
    try {
      return await work(runner);
    } finally {
      await runner.query('ROLLBACK');
    }
  } finally {
    await runner.release();
  }
}

/** The account's entries in order, a chunk at a time. */
export function entries(runner: QueryRunner, accountId: number): AsyncGenerator<Entry[]> {
  const read = async (after: number) => {
    const { entities, raw } = await runner.manager
      .createQueryBuilder(EntryRow, 'e')
      .addSelect('CAST(e.type_total AS CHAR)', 'type_total')
      .where('e.accountId = :accountId AND e.sequence > :after AND e.sequence <= :upTo', {
        accountId,
        after,
        upTo: after + CHUNK,
      })
      .orderBy('e.sequence')
      .getRawAndEntities<{ type_total: string }>();
    return entities.map((entry, i): Entry => Object.assign(entry, { typeTotal: BigInt(raw[i]!.type_total) }));
  };
  return pages(read, ({ sequence }) => sequence, 0);
}

/** The account's holds in the order in which they were opened, a chunk at a time. */
export function holds(runner: QueryRunner, accountId: number): AsyncGenerator<Hold[]> {
  const read = (after: number) =>
    runner.manager
      .createQueryBuilder(HoldRow, 'h')
      .where('h.accountId = :accountId AND h.number > :after', { accountId, after })
      .orderBy('h.number')
      .limit(CHUNK)
      .getMany();
  return pages(read, ({ number }) => number, 0);
}

/** All grants of an account, by the entry that made each. */
export async function grants(runner: QueryRunner, accountId: number): Promise<Map<number, Grant>> {
  const read = (after: number) =>
    runner.manager
      .createQueryBuilder(GrantRow, 'g')
      .where('g.accountId = :accountId AND g.id > :after', { accountId, after })
      .orderBy('g.id')
      .limit(CHUNK)
      .getMany();
  const found = new Map<number, Grant>();
  for await (const chunk of pages(read, ({ id }) => id, 0)) for (const grant of chunk) found.set(grant.id, grant);
  return found;
}

/** The entries that those of a chunk reverse or reprice, by number. */
export async function correctedIn(runner: QueryRunner, chunk: readonly Entry[]): Promise<Map<number, Entry>> {
  const numbers = chunk.flatMap(({ reverses, reprices }) => [reverses ?? [], reprices ?? []].flat());
  if (numbers.length === 0) return new Map();
  const found = await runner.manager.findBy(EntryRow, { accountId: chunk[0]!.accountId, sequence: In(numbers) });
  return new Map(found.map((entry) => [entry.sequence, entry]));
}

/** Reads on from the last row of a page, so that no page costs more than the first. */
export async function* pages<T, C>(
  read: (after: C) => Promise<T[]>,
  cursor: (row: T) => C,
  start: C,
): AsyncGenerator<T[]> {
  for (let after = start; ;) {
    const rows = await read(after);
    if (rows.length > 0) yield rows;
    if (rows.length < CHUNK) return;
    after = cursor(rows.at(-1)!);
  }
}
