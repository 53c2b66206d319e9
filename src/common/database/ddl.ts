import type { QueryRunner } from 'typeorm';
import { engineOf } from './engine.js';

/**
 * Text is compared byte by byte on both engines: `user:A` and `user:a` are two owners. Only spaces at the end are
 * overlooked by MySQL and MariaDB (their collations without padding have different names), so no account, key or id may
 * have a space, and each is checked before it gets here.
 */
export function tableOptions(runner: QueryRunner): string {
  return engineOf(runner.dataSource) === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
}
