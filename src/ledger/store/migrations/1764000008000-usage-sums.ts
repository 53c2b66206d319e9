import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, tableOptions } from '../../../common/database/index.js';

/** The sums of spending by dimension. They are derived, and no debit writes them. */
export class UsageSums1764000008000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE usage_sum (
        account_id bigint NOT NULL,
        dimension varchar(6) NOT NULL,
        grain varchar(4) NOT NULL,
        bucket integer NOT NULL,
        value varchar(211) NOT NULL,
        measure varchar(211) NOT NULL,
        billions bigint NOT NULL,
        units bigint NOT NULL,
        count bigint NOT NULL,
        PRIMARY KEY (account_id, dimension, grain, bucket, value, measure)
      )${engineOf(runner.dataSource) === 'mysql' ? tableOptions(runner) : ' WITHOUT ROWID'}`,
    );
    await runner.query(
      `CREATE TABLE usage_watermark (
        account_id bigint NOT NULL PRIMARY KEY,
        watermark bigint NOT NULL,
        epoch bigint NOT NULL
      )${tableOptions(runner)}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
