import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../../common/database/index.js';

/** The books by day, and the money that is owed with each account's debt. */
export class Finance1764000003000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account ADD COLUMN debt_price bigint NOT NULL DEFAULT 0');
    await runner.query(
      `CREATE TABLE finance_day (
        unit varchar(10) NOT NULL,
        line varchar(10) NOT NULL,
        day integer NOT NULL,
        shard integer NOT NULL,
        paid bigint NOT NULL,
        promotional bigint NOT NULL,
        dollars bigint NOT NULL,
        PRIMARY KEY (unit, line, day, shard)
      )${tableOptions(runner)}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
