import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from './ddl.js';

/** Who committed which batch last, in place of a row for each operation without a key; and how many rows an account has that are kept. */
export class Writer1763600002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE writer (
        id varchar(40) NOT NULL PRIMARY KEY,
        number bigint NOT NULL,
        written_at bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('ALTER TABLE account ADD COLUMN operations bigint NOT NULL DEFAULT 0');
    await runner.query('UPDATE account SET operations = (SELECT COUNT(*) FROM operation WHERE operation.account_id = account.id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
