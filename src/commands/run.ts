import 'reflect-metadata';
import { existsSync } from 'node:fs';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { currentConfig } from '../common/config/index.js';
import { dataSourceOptions, nameOf, openDatabase, pendingMigrations } from '../common/database/index.js';
import { explain } from '../common/logging/index.js';
import { MIGRATIONS } from '../migrations.js';

/** A command was called with wrong arguments. */
export class UsageError extends Error {
  readonly code = 'ERR_USAGE';
}

/** The database is not ready for the command. */
class NotReady extends Error {
  readonly code = 'ERR_NOT_READY';
}

/** Writes a line to standard output. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Writes a line to standard error, for commands whose standard output is the result alone. */
export const remark = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Runs a command, and writes its error to standard error.
 * @param usage is written as well when the arguments are wrong
 * @param failed the exit code after an error
 */
export function run(usage: string, command: () => Promise<void>, failed = 1): void {
  command().catch((error: unknown) => {
    remark(explain(error));
    if (/^ERR_(USAGE|PARSE_ARGS)/.test(String((error as { code?: unknown }).code))) remark(usage);
    process.exitCode = failed;
  });
}

/**
 * Writes the database's name, opens it, and closes it after the work, even when that failed.
 * @param mayBeNew whether the database may be missing or lack migrations
 */
export async function withDatabase<T>(
  entities: NonNullable<DataSourceOptions['entities']>,
  work: (dataSource: DataSource) => Promise<T>,
  mayBeNew = false,
): Promise<T> {
  const { database } = currentConfig();
  const name = nameOf(database);
  say(`Database: ${name}`);
  if (!mayBeNew && database.kind === 'sqlite' && !existsSync(database.file))
    throw new NotReady(`There is no database file ${database.file}. Check DATABASE_URL.`);
  const dataSource = await openDatabase(database, dataSourceOptions(database, entities, MIGRATIONS));
  try {
    const pending = mayBeNew ? [] : await pendingMigrations(dataSource);
    if (pending.length > 0)
      throw new NotReady(`The database lacks ${pending.length} migrations. Run npm run migrate first.`);
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
