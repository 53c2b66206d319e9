import type { DataSource } from 'typeorm';

/**
 * The engine behind; SQL that differs between the two asks for it. TypeORM tells MariaDB and MySQL apart, we need not.
 */
export function engineOf({ options }: Pick<DataSource, 'options'>): 'sqlite' | 'mysql' {
  return options.type === 'better-sqlite3' ? 'sqlite' : 'mysql';
}
