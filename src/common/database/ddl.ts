import type { QueryRunner } from 'typeorm';
import { engineOf } from './engine.js';

/**
 * Both engines compare text byte by byte: `user:A` and `user:a` are two owners. MySQL and MariaDB ignore trailing
 * spaces all the same, because their collations without padding have different names. So no account, key or id may
 * contain a space; each is checked before it gets here.
 */
export function tableOptions(runner: QueryRunner): string {
  return engineOf(runner.dataSource) === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
}
