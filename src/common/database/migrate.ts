import { setTimeout } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';
import { isTransient } from './errors.js';

const LOCK = 'assimetria_credits_migrate';
const PATIENCE_MS = 60_000;
const ALREADY_THERE = /already exists|Duplicate (key|column) name/i;

/** The database has migrations that lead to no version of ours. */
class ForeignDatabase extends Error {
  readonly code = 'FOREIGN_DATABASE';

  constructor(migration: string) {
    super(
      `The database was made by an earlier development version (its migration ${migration}), from which none leads to this one. Start with an empty database.`,
    );
  }
}

/**
 * Applies what is pending. Processes that start together take turns, so that each migration runs once.
 * @throws ForeignDatabase
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  await refuseForeign(dataSource);
  if (engineOf(dataSource) === 'sqlite') return race(dataSource);
  const holder = dataSource.createQueryRunner();
  try {
    // Vitess forgets what a column of this kind is to be called.
    const [row = {}] = (await holder.query(`SELECT GET_LOCK('${LOCK}', 60)`)) as Record<string, unknown>[];
    if (Number(Object.values(row)[0]) !== 1)
      throw new Error('another process has been migrating the database for a minute');
    try {
      await race(dataSource);
    } finally {
      await holder.query(`SELECT RELEASE_LOCK('${LOCK}')`);
    }
  } finally {
    await holder.release();
  }
}

/** A migration that is unknown and newer than ours is that of a later version, which must not stop an older server. */
async function refuseForeign(dataSource: DataSource): Promise<void> {
  const known = new Map(
    dataSource.migrations.map(({ name, constructor }) => [
      name ?? constructor.name,
      Number((name ?? constructor.name).slice(-13)),
    ]),
  );
  const newest = Math.max(...known.values());
  const table = String(dataSource.options.migrationsTableName);
  // A database without the table is empty.
  const applied = await dataSource
    .query<{ name: string; timestamp: number | string }[]>(`SELECT * FROM ${table}`)
    .catch(() => []);
  const foreign = applied.find(({ name, timestamp }) => !known.has(name) && Number(timestamp) < newest);
  if (foreign) throw new ForeignDatabase(foreign.name);
}

/**
 * SQLite has no named locks, and those of a Galera are each node's own. A migration begins with a table that it makes:
 * who loses that race finds the table there, or the database busy, until the winner has finished, and then that nothing
 * is pending.
 */
async function race(dataSource: DataSource): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; ;) {
    try {
      await dataSource.runMigrations({ transaction: 'each' });
      return;
    } catch (error) {
      if (Date.now() > end || !(isTransient(error) || ALREADY_THERE.test((error as Error).message))) throw error;
      await setTimeout(50 + Math.random() * 200);
    }
  }
}
