import type { MigrationInterface, QueryRunner } from 'typeorm';
import { engineOf, tableOptions } from '../../../common/database/index.js';

/** What questions across accounts are answered from. Accounts and entries get no index, which every debit would pay. */
export class Overview1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const orders = {
      owner: 'unit, owner',
      balance: 'unit, balance, account_id',
      debt: 'unit, debt, account_id',
      spent: 'unit, spent_30d, account_id',
      activity: 'unit, last_at, account_id',
      created: 'unit, created_at, account_id',
    };
    await runner.query(
      `CREATE TABLE account_overview (
        account_id bigint NOT NULL PRIMARY KEY,
        unit varchar(10) NOT NULL,
        owner varchar(205) NOT NULL,
        balance bigint NOT NULL,
        debt bigint NOT NULL,
        spent_30d bigint NOT NULL,
        rolls_on integer NULL,
        last_at bigint NOT NULL,
        created_at bigint NOT NULL,
        watermark bigint NOT NULL
      )${tableOptions(runner)}`,
    );
    for (const [name, columns] of Object.entries(orders))
      await runner.query(`CREATE INDEX account_overview_${name} ON account_overview (${columns})`);
    // Narrow rows that are found by their key alone: on SQLite one tree holds both.
    await runner.query(
      `CREATE TABLE entry_lookup (
        value_hash bigint NOT NULL,
        created_at bigint NOT NULL,
        account_id bigint NOT NULL,
        last_sequence bigint NOT NULL,
        first_sequence bigint NOT NULL,
        PRIMARY KEY (value_hash, created_at, account_id, last_sequence)
      )${engineOf(runner.dataSource) === 'mysql' ? tableOptions(runner) : ' WITHOUT ROWID'}`,
    );
    await runner.query(
      `CREATE TABLE follow_lease (
        name varchar(20) NOT NULL PRIMARY KEY,
        next_at bigint NOT NULL,
        done_until bigint NOT NULL
      )${tableOptions(runner)}`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
