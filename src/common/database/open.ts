import { setTimeout } from 'node:timers/promises';
import type { DataSource, DataSourceOptions } from 'typeorm';
import type { DatabaseConfig } from '../config/index.js';
import { newDataSource } from './data-source.js';
import { isTransient } from './errors.js';
import { migrate } from './migrate.js';

const EVERY_MS = 500;

/** The database's URL without the password. */
export function nameOf(database: DatabaseConfig): string {
  if (database.kind === 'sqlite') return `sqlite:${database.file}`;
  const { protocol, username, host, pathname } = new URL(database.url);
  return `${protocol}//${username}${username && '@'}${host}${pathname}`;
}

/** The database can't be opened. The message is one line for an operator. */
class DatabaseUnavailable extends Error {
  readonly code: string;

  constructor(database: DatabaseConfig, cause: unknown) {
    const { message, code } = cause as { message?: string; code?: string };
    // When none of a host's several addresses answers, the error has a code and no message.
    super(`The database ${nameOf(database)} cannot be opened: ${message || code}`, { cause });
    this.code = code ?? 'DATABASE_UNAVAILABLE';
  }
}

/** How to open a database. */
interface Opening {
  /** Whether to apply pending migrations. */
  migrations?: boolean;
  /** How long to wait for a database that can't be reached yet, in milliseconds. */
  patienceMs?: number;
  /** Called once, when the waiting begins. */
  onWait?: (why: DatabaseUnavailable) => void;
}

/**
 * Opens a database.
 * @throws DatabaseUnavailable when it refuses the connection, does not exist, or stays out of reach for that long
 */
export async function openDatabase(
  database: DatabaseConfig,
  options: DataSourceOptions,
  { migrations, patienceMs = 0, onWait }: Opening = {},
): Promise<DataSource> {
  const end = Date.now() + patienceMs;
  for (let tell = onWait; ; tell = undefined) {
    const dataSource = newDataSource(options);
    try {
      await dataSource.initialize();
      if (migrations) await migrate(dataSource);
      return dataSource;
    } catch (error) {
      const unavailable = new DatabaseUnavailable(database, error);
      const isOpen = dataSource.isInitialized;
      if (isOpen) await dataSource.destroy();
      // Once the database is open, only the migration can have failed.
      if (!isTransient(error) || Date.now() >= end) throw isOpen ? error : unavailable;
      tell?.(unavailable);
      await setTimeout(EVERY_MS);
    }
  }
}

/** The names of the migrations that the database lacks: all of them when it has no readable table of migrations. */
export async function pendingMigrations(dataSource: DataSource): Promise<string[]> {
  const all = dataSource.migrations.map(({ name, constructor }) => name ?? constructor.name);
  const applied = await dataSource
    .query<{ name: string }[]>(`SELECT name FROM ${dataSource.options.migrationsTableName}`)
    .catch(() => []);
  return all.filter((name) => !applied.some((row) => row.name === name));
}
