import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../common/database/index.js';

/** Rate cards, quotes, parked usage, and the leases of the jobs that look after them. */
export class Pricing1764000008000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const options = tableOptions(runner);
    await runner.query(
      `CREATE TABLE rate_card (
        version integer NOT NULL PRIMARY KEY,
        effective_from bigint NOT NULL,
        markup varchar(40) NOT NULL,
        body mediumtext NOT NULL,
        created_by varchar(210) NOT NULL,
        created_at bigint NOT NULL,
        request_id varchar(43) NOT NULL,
        request_hash varchar(43) NOT NULL
      )${options}`,
    );
    await runner.query('CREATE UNIQUE INDEX rate_card_request ON rate_card (request_id)');
    await runner.query(
      `CREATE TABLE quote (
        id varchar(40) NOT NULL PRIMARY KEY,
        account varchar(205) NOT NULL,
        amount bigint NOT NULL,
        rate_card integer NOT NULL,
        model varchar(255) NULL,
        meter varchar(255) NULL,
        usage_text text NOT NULL,
        created_at bigint NOT NULL,
        expires_at bigint NOT NULL
      )${options}`,
    );
    await runner.query('CREATE INDEX quote_expiry ON quote (expires_at)');
    await runner.query(
      `CREATE TABLE parked_usage (
        id varchar(40) NOT NULL PRIMARY KEY,
        account varchar(205) NOT NULL,
        status varchar(10) NOT NULL,
        request mediumtext NOT NULL,
        actor varchar(210) NOT NULL,
        idempotency_key varchar(255) NULL,
        trace_id varchar(32) NOT NULL,
        reason mediumtext NOT NULL,
        transaction_id bigint NULL,
        created_at bigint NOT NULL,
        tried_at bigint NOT NULL
      )${options}`,
    );
    await runner.query('CREATE INDEX parked_usage_list ON parked_usage (status, created_at, id)');
    await runner.query('CREATE INDEX parked_usage_account ON parked_usage (account, status, created_at, id)');
    await runner.query('CREATE INDEX parked_usage_tried ON parked_usage (status, tried_at, created_at, id)');
    await runner.query(
      `CREATE TABLE parked_account (
        account varchar(205) NOT NULL PRIMARY KEY,
        parked integer NOT NULL
      )${options}`,
    );
    await runner.query(
      `CREATE TABLE pricing_job (
        name varchar(40) NOT NULL PRIMARY KEY,
        next_at bigint NOT NULL,
        done_until bigint NOT NULL
      )${options}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
