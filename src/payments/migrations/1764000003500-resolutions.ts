import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../common/database/index.js';

/** How administrators resolved reviews, and the indexes of their list of all purchases. */
export class Resolutions1764000003500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE purchase ADD COLUMN resolution varchar(10) NULL');
    await runner.query('CREATE INDEX purchase_created ON purchase (created_at, id)');
    await runner.query('CREATE INDEX purchase_status_created ON purchase (status, created_at, id)');
    await runner.query(
      `CREATE TABLE purchase_resolution (
        id varchar(40) NOT NULL PRIMARY KEY,
        purchase_id varchar(40) NOT NULL,
        account varchar(205) NOT NULL,
        idempotency_key varchar(255) NULL,
        request_hash varchar(43) NOT NULL,
        decision varchar(10) NOT NULL,
        note varchar(500) NOT NULL,
        answer text NULL,
        created_at bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query(
      'CREATE UNIQUE INDEX purchase_resolution_idempotency ON purchase_resolution (account, idempotency_key)',
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
