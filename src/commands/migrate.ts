import { migrate, pendingMigrations } from '../common/database/index.js';
import { run, say, withDatabase } from './run.js';

/** Applies pending migrations, for installations that start with MIGRATE_ON_START=false. */
run('npm run migrate', () =>
  withDatabase(
    [],
    async (dataSource) => {
      const pending = await pendingMigrations(dataSource);
      await migrate(dataSource);
      say(
        pending.length === 0
          ? 'No migration was pending.'
          : `${pending.length} migrations were pending and are applied:`,
      );
      for (const name of pending) say(`  ${name}`);
    },
    true,
  ),
);
