import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Why an account is frozen, and what administrators noted of it. */
export class Freeze1764000001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account ADD COLUMN frozen varchar(500) NULL');
    await runner.query('ALTER TABLE account ADD COLUMN note varchar(2000) NULL');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
