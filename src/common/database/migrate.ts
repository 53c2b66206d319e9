import { setTimeout } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';
import { isTransient } from './errors.js';

const LOCK = 'assimetria_credits_migrate';
const PATIENCE_MS = 60_000;
const ALREADY_THERE = /already exists|Duplicate (key|column) name/i;

/** The database has a migration of an earlier version that this one can't continue from. */
class ForeignDatabase extends Error {
  readonly code = 'FOREIGN_DATABASE';

  constructor(migration: string) {
    super(
      `The database was made by an earlier development version (its migration ${migration}), which cannot be migrated to this one. Start with an empty database.`,
    );
  }
}

/**
 * Applies the pending migrations. Processes that start together take turns, so each migration runs once.
 * @throws ForeignDatabase
 */
export async function migrate(dataSource: DataSource): Promise<void> {
  await refuseForeign(dataSource);
  if (engineOf(dataSource) === 'sqlite') return race(dataSource);
  const holder = dataSource.createQueryRunner();
  try {
    // Vitess gives this column another name.
    const [row = {}] = (await holder.query(`SELECT GET_LOCK('${LOCK}', 60)`)) as Record<string, unknown>[];
    if (Number(Object.values(row)[0]) !== 1)
      throw new Error('Another process has been migrating the database for a minute. Try again when it has finished.');
    try {
      await race(dataSource);
    } finally {
      await holder.query(`SELECT RELEASE_LOCK('${LOCK}')`);
    }
  } finally {
    await holder.release();
  }
}

/** An unknown migration that is newer than ours belongs to a later version, and must not stop an older server. */
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
 * SQLite has no named locks, and Galera's are local to a node. Each migration begins by creating a table. The loser of
 * the race finds that table, or a busy database, until the winner has finished; then nothing is pending.
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
