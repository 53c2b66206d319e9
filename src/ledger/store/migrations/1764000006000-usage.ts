import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was used, how its amount follows from it, and the prices that a hold binds. */
export class Usage1764000006000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE entry ADD COLUMN usage_text mediumtext NULL');
    await runner.query('ALTER TABLE entry ADD COLUMN pricing mediumtext NULL');
    await runner.query('ALTER TABLE entry ADD COLUMN reprices bigint NULL');
    await runner.query('ALTER TABLE hold ADD COLUMN rate_card integer NULL');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup to go back.');
  }
}
