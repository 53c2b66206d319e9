import type { MigrationInterface, QueryRunner } from 'typeorm';
import { tableOptions } from '../../common/database/index.js';

/** Purchases, refunds, customers, the inbox of the provider's events, and what the sandbox keeps. */
export class Payments1763800001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE TABLE purchase (
        id varchar(40) NOT NULL PRIMARY KEY,
        account varchar(205) NOT NULL,
        actor varchar(210) NOT NULL,
        kind varchar(10) NOT NULL,
        idempotency_key varchar(255) NULL,
        request_hash varchar(43) NOT NULL,
        item varchar(100) NOT NULL,
        name varchar(200) NOT NULL,
        amount bigint NOT NULL,
        price bigint NOT NULL,
        currency varchar(3) NOT NULL,
        expires_in_days integer NULL,
        bonus_amount bigint NOT NULL,
        bonus_expires_in_days integer NULL,
        bonus_priority integer NULL,
        provider varchar(10) NOT NULL,
        livemode integer NOT NULL,
        status varchar(10) NOT NULL,
        review_reason varchar(500) NULL,
        attempt integer NOT NULL,
        session_id varchar(255) NULL,
        checkout_url text NULL,
        payment_intent varchar(255) NULL,
        checkout_terms text NOT NULL,
        return_token varchar(43) NOT NULL,
        paid bigint NULL,
        refunded bigint NOT NULL,
        disputed bigint NOT NULL,
        reversed bigint NOT NULL,
        receipt_url text NULL,
        asked_at bigint NOT NULL,
        version bigint NOT NULL,
        expires_at bigint NOT NULL,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        paid_at bigint NULL
      )${tableOptions(runner)}`,
    );
    // Without a key the column is null, and both engines let any number of nulls stand in a unique index.
    await runner.query('CREATE UNIQUE INDEX purchase_idempotency ON purchase (account, kind, idempotency_key)');
    await runner.query('CREATE UNIQUE INDEX purchase_session ON purchase (session_id)');
    await runner.query('CREATE INDEX purchase_history ON purchase (account, created_at, id)');
    await runner.query('CREATE INDEX purchase_payment_intent ON purchase (payment_intent)');
    await runner.query('CREATE INDEX purchase_status ON purchase (status, updated_at)');
    await runner.query('CREATE INDEX purchase_updated ON purchase (updated_at)');
    await runner.query(
      `CREATE TABLE purchase_refund (
        id varchar(40) NOT NULL PRIMARY KEY,
        purchase_id varchar(40) NOT NULL,
        account varchar(205) NOT NULL,
        actor varchar(210) NOT NULL,
        idempotency_key varchar(255) NULL,
        request_hash varchar(43) NOT NULL,
        amount bigint NOT NULL,
        reason varchar(30) NULL,
        attempt integer NOT NULL,
        status varchar(20) NOT NULL,
        refund_id varchar(255) NULL,
        refusal text NULL,
        created_at bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE UNIQUE INDEX purchase_refund_idempotency ON purchase_refund (account, idempotency_key)');
    await runner.query('CREATE INDEX purchase_refund_purchase ON purchase_refund (purchase_id)');
    await runner.query('CREATE INDEX purchase_refund_status ON purchase_refund (status, created_at)');
    await runner.query(
      `CREATE TABLE payment_customer (
        account varchar(205) NOT NULL,
        provider varchar(10) NOT NULL,
        livemode integer NOT NULL,
        creation_key varchar(60) NOT NULL,
        customer_id varchar(255) NULL,
        PRIMARY KEY (account, provider, livemode)
      )${tableOptions(runner)}`,
    );
    await runner.query(
      `CREATE TABLE reconciliation (
        name varchar(20) NOT NULL PRIMARY KEY,
        next_at bigint NOT NULL,
        done_until bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query(
      `CREATE TABLE webhook_event (
        id varchar(255) NOT NULL PRIMARY KEY,
        type varchar(100) NOT NULL,
        session_id varchar(255) NULL,
        payment_intent varchar(255) NULL,
        purchase_id varchar(40) NULL,
        received_at bigint NOT NULL,
        processed_at bigint NULL,
        outcome varchar(20) NULL,
        attempts integer NOT NULL,
        next_attempt_at bigint NOT NULL,
        lease varchar(40) NULL,
        last_error varchar(500) NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE INDEX webhook_event_due ON webhook_event (processed_at, next_attempt_at)');
    await runner.query('CREATE INDEX webhook_event_lease ON webhook_event (lease)');
    await runner.query(
      `CREATE TABLE sandbox_session (
        id varchar(60) NOT NULL PRIMARY KEY,
        idempotency_key varchar(255) NOT NULL,
        purchase_id varchar(40) NOT NULL,
        name varchar(200) NOT NULL,
        description varchar(200) NOT NULL,
        price bigint NOT NULL,
        currency varchar(3) NOT NULL,
        status varchar(10) NOT NULL,
        payment_status varchar(10) NOT NULL,
        payment_failed integer NOT NULL,
        payment_intent varchar(60) NULL,
        success_url text NOT NULL,
        cancel_url text NOT NULL,
        expires_at bigint NOT NULL,
        created_at bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE UNIQUE INDEX sandbox_session_idempotency ON sandbox_session (idempotency_key)');
    await runner.query('CREATE INDEX sandbox_session_payment_intent ON sandbox_session (payment_intent)');
    await runner.query(
      `CREATE TABLE sandbox_reversal (
        id varchar(60) NOT NULL PRIMARY KEY,
        payment_intent varchar(60) NOT NULL,
        kind varchar(10) NOT NULL,
        amount bigint NOT NULL,
        status varchar(20) NOT NULL,
        idempotency_key varchar(255) NULL,
        request_id varchar(40) NULL,
        created_at bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    await runner.query('CREATE INDEX sandbox_reversal_payment_intent ON sandbox_reversal (payment_intent)');
    await runner.query('CREATE UNIQUE INDEX sandbox_reversal_idempotency ON sandbox_reversal (idempotency_key)');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
