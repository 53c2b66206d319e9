import type { QueryRunner } from 'typeorm';

const isMysql = (runner: QueryRunner) => runner.dataSource.options.type === 'mysql';

/** Text is compared byte by byte on both engines: `user:A` and `user:a` are two owners. */
export function tableOptions(runner: QueryRunner): string {
  return isMysql(runner) ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
}

/** A primary key that the database counts. */
export function autoIncrementKey(runner: QueryRunner): string {
  return isMysql(runner) ? 'integer NOT NULL AUTO_INCREMENT PRIMARY KEY' : 'integer PRIMARY KEY AUTOINCREMENT NOT NULL';
}
