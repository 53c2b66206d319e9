import type { QueryRunner } from 'typeorm';
import { engineOf } from '../engine.js';

/** Text is compared byte by byte on both engines: `user:A` and `user:a` are two owners. */
export function tableOptions(runner: QueryRunner): string {
  return engineOf(runner.dataSource) === 'mysql' ? ' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin' : '';
}

