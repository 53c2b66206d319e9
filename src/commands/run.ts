import 'reflect-metadata';
import { existsSync } from 'node:fs';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { currentConfig } from '../common/config/index.js';
import { dataSourceOptions, nameOf, openDatabase, pendingMigrations } from '../common/database/index.js';
import { explain } from '../common/logging/index.js';
import { MIGRATIONS } from '../migrations.js';

/** A command was called in a way that it does not know. */
export class UsageError extends Error {
  readonly code = 'ERR_USAGE';
}

/** A command can't do its work on the database that it was given. */
class NotReady extends Error {
  readonly code = 'ERR_NOT_READY';
}

/** Says something on standard output. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Says something on standard error, where standard output is for the result alone. */
export const remark = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Runs a command. What it throws is told on standard error.
 * @param usage is told as well when the command was called in a way that it does not know
 * @param failed the exit code then
 */
export function run(usage: string, command: () => Promise<void>, failed = 1): void {
  command().catch((error: unknown) => {
    remark(explain(error));
    if (/^ERR_(USAGE|PARSE_ARGS)/.test(String((error as { code?: unknown }).code))) remark(usage);
    process.exitCode = failed;
  });
}

/**
 * Says which database it is, opens it, and closes it when the work is done or has failed.
 * @param mayBeNew whether a database that lacks migrations will do
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
    throw new NotReady(`There is no file ${database.file}.`);
  const dataSource = await openDatabase(database, dataSourceOptions(database, entities, MIGRATIONS));
  try {
    const pending = mayBeNew ? [] : await pendingMigrations(dataSource);
    if (pending.length > 0)
      throw new NotReady(`The database lacks ${pending.length} migrations; run npm run migrate first.`);
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}
