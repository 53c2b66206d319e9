import type { DataSource } from 'typeorm';

/** The database's engine, for SQL that differs between the two. MariaDB counts as MySQL. */
export function engineOf({ options }: Pick<DataSource, 'options'>): 'sqlite' | 'mysql' {
  return options.type === 'better-sqlite3' ? 'sqlite' : 'mysql';
}
