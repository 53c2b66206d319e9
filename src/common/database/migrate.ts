import { setTimeout } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf } from './engine.js';

const LOCK = 'assimetria_credits_migrate';

/** Applies what is pending. Processes that start together take turns, so that each migration runs once. */
export async function migrate(dataSource: DataSource): Promise<void> {
  if (engineOf(dataSource) === 'sqlite') return migrateFile(dataSource);
  const holder = dataSource.createQueryRunner();
  try {
    // Vitess forgets what a column of this kind is to be called.
    const [row = {}] = (await holder.query(`SELECT GET_LOCK('${LOCK}', 60)`)) as Record<string, unknown>[];
    if (Number(Object.values(row)[0]) !== 1) throw new Error('another process has been migrating the database for a minute');
    await dataSource.runMigrations({ transaction: 'each' });
    await holder.query(`SELECT RELEASE_LOCK('${LOCK}')`);
  } finally {
    await holder.release();
  }
}

/** SQLite has no named locks: the process that loses the race finds the file busy or the table made, and sees on its next try that nothing is pending. */
async function migrateFile(dataSource: DataSource): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await dataSource.runMigrations({ transaction: 'each' });
      return;
    } catch (error) {
      if (attempt === 5) throw error;
      await setTimeout(50 * attempt + Math.random() * 100);
    }
  }
}
