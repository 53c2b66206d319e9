import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../../common/database/index.js';

/** Which spendings raised the price of an entry. */
export class Repricing1764000007000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE repricing (
        account_id bigint NOT NULL,
        sequence bigint NOT NULL,
        repricing bigint NOT NULL,
        PRIMARY KEY (account_id, sequence, repricing)
      )${tableOptions(runner)}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
