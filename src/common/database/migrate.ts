import { setTimeout } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';
import { isTransient } from './errors.js';

const LOCK = 'assimetria_credits_migrate';
const PATIENCE_MS = 60_000;
const ALREADY_THERE = /already exists|Duplicate (key|column) name/i;

/** Applies what is pending. Processes that start together take turns, so that each migration runs once. */
export async function migrate(dataSource: DataSource): Promise<void> {
  if (engineOf(dataSource) === 'sqlite') return race(dataSource);
  const holder = dataSource.createQueryRunner();
  try {
    // Vitess forgets what a column of this kind is to be called.
    const [row = {}] = (await holder.query(`SELECT GET_LOCK('${LOCK}', 60)`)) as Record<string, unknown>[];
    if (Number(Object.values(row)[0]) !== 1) throw new Error('another process has been migrating the database for a minute');
    try {
      await race(dataSource);
    } finally {
      await holder.query(`SELECT RELEASE_LOCK('${LOCK}')`);
    }
  } finally {
    await holder.release();
  }
}

/**
 * SQLite has no named locks, and those of a Galera are each node's own. A migration begins with a table that it makes: who loses that race finds
 * the table there, or the database busy, until the winner has finished, and then that nothing is pending.
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
