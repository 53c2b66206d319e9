import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../../common/database/index.js';

/**
 * Accounts, their entries, grants and holds, the operations that made them, the daily totals derived from them, and the
 * commit markers of the lanes.
 */
export class Ledger1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE account (
        id bigint NOT NULL PRIMARY KEY,
        owner varchar(205) NOT NULL,
        unit varchar(10) NOT NULL,
        balance bigint NOT NULL,
        held bigint NOT NULL,
        sequence bigint NOT NULL,
        types text NOT NULL,
        holds bigint NOT NULL,
        hold_events bigint NOT NULL,
        open_holds integer NOT NULL,
        operations bigint NOT NULL,
        next_expiry bigint NULL,
        last_at bigint NOT NULL,
        version bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE UNIQUE INDEX account_owner_unit ON account (owner, unit)');
    await runner.query('CREATE INDEX account_next_expiry ON account (next_expiry)');
    await runner.query(
      `CREATE TABLE entry (
        account_id bigint NOT NULL,
        sequence bigint NOT NULL,
        type varchar(20) NOT NULL,
        type_sequence bigint NOT NULL,
        type_total bigint NOT NULL,
        amount bigint NOT NULL,
        balance_after bigint NOT NULL,
        description varchar(500) NULL,
        metadata mediumtext NULL,
        actor varchar(210) NOT NULL,
        agent varchar(100) NULL,
        run_id varchar(100) NULL,
        model varchar(100) NULL,
        trace_id varchar(32) NULL,
        idempotency_key varchar(300) NULL,
        purchase_id varchar(40) NULL,
        hold bigint NULL,
        slices mediumtext NULL,
        reverses bigint NULL,
        expired_at bigint NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (account_id, sequence)
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE UNIQUE INDEX entry_type_sequence ON entry (account_id, type, type_sequence)');
    await runner.query(
      `CREATE TABLE operation (
        account_id bigint NOT NULL,
        scope varchar(20) NOT NULL,
        idempotency_key varchar(300) NOT NULL,
        request_hash varchar(43) NOT NULL,
        sequence bigint NULL,
        hold bigint NULL,
        refusal text NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (account_id, scope, idempotency_key)
      )${tableOptions(runner)}`,
    );
    await runner.query(
      `CREATE TABLE hold (
        account_id bigint NOT NULL,
        number bigint NOT NULL,
        status varchar(10) NOT NULL,
        amount bigint NOT NULL,
        captured bigint NOT NULL,
        description varchar(500) NULL,
        metadata mediumtext NULL,
        actor varchar(210) NOT NULL,
        agent varchar(100) NULL,
        run_id varchar(100) NULL,
        model varchar(100) NULL,
        expires_at bigint NOT NULL,
        created_at bigint NOT NULL,
        opened_after bigint NOT NULL,
        closed_after bigint NULL,
        opened_event bigint NOT NULL,
        closed_event bigint NULL,
        slices mediumtext NOT NULL,
        PRIMARY KEY (account_id, number)
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE INDEX hold_status_expires ON hold (account_id, status, expires_at)');
    await runner.query(
      `CREATE TABLE balance_grant (
        account_id bigint NOT NULL,
        id bigint NOT NULL,
        source varchar(10) NOT NULL,
        category varchar(11) NOT NULL,
        priority integer NOT NULL,
        expires_at bigint NULL,
        price bigint NOT NULL,
        purchase_id varchar(40) NULL,
        extends bigint NULL,
        amount bigint NOT NULL,
        used bigint NOT NULL,
        held bigint NOT NULL,
        expired bigint NOT NULL,
        voided bigint NOT NULL,
        taken_back bigint NOT NULL,
        remaining bigint NOT NULL,
        is_open integer NOT NULL,
        carried bigint NOT NULL,
        extended_by bigint NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (account_id, id)
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE INDEX balance_grant_open ON balance_grant (account_id, is_open)');
    await runner.query('CREATE INDEX balance_grant_expiry ON balance_grant (account_id, expires_at)');
    await runner.query('CREATE INDEX balance_grant_purchase ON balance_grant (account_id, purchase_id)');
    await runner.query(
      `CREATE TABLE reversal (
        account_id bigint NOT NULL,
        sequence bigint NOT NULL,
        amount bigint NOT NULL,
        PRIMARY KEY (account_id, sequence)
      )${tableOptions(runner)}`,
    );
    await runner.query(
      `CREATE TABLE daily_total (
        account_id bigint NOT NULL,
        day integer NOT NULL,
        type varchar(20) NOT NULL,
        amount bigint NOT NULL,
        count bigint NOT NULL,
        PRIMARY KEY (account_id, day, type)
      )${tableOptions(runner)}`,
    );
    await runner.query(
      `CREATE TABLE commit_marker (
        bucket integer NOT NULL,
        id varchar(40) NOT NULL,
        number bigint NOT NULL,
        written_at bigint NOT NULL,
        PRIMARY KEY (bucket, id)
      )${tableOptions(runner)}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
