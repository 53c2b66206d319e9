import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../database/index.js';

/** What administrators and managers did. */
export class Audit1764000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE audit (
        id varchar(36) NOT NULL PRIMARY KEY,
        created_at bigint NOT NULL,
        actor varchar(210) NOT NULL,
        action varchar(40) NOT NULL,
        account varchar(205) NULL,
        target varchar(255) NOT NULL,
        state_before text NULL,
        state_after text NULL,
        trace_id varchar(32) NOT NULL,
        client_address varchar(64) NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE INDEX audit_actor ON audit (actor, id)');
    await runner.query('CREATE INDEX audit_action ON audit (action, id)');
    await runner.query('CREATE INDEX audit_account ON audit (account, id)');
    await runner.query('CREATE INDEX audit_target ON audit (target, id)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
