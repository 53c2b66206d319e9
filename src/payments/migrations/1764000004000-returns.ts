import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the buyer of each purchase returns to, and the refunds that the provider has of it. */
export class Returns1764000004000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const column of ['success_url', 'cancel_url', 'refunds'])
      await runner.query(`ALTER TABLE purchase ADD COLUMN ${column} text NULL`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
