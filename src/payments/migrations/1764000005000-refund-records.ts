import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the audit says of each refund once the provider has carried it out. */
export class RefundRecords1764000005000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE purchase_refund ADD COLUMN record text NULL');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
