import 'reflect-metadata';
import { ConfigError, currentConfig } from './common/config/index.js';
import { dataSourceOptions, migrate, newDataSource } from './common/database/index.js';

/** Brings the database's schema up to date, for installations that start with MIGRATE_ON_START=false. */
async function main(): Promise<void> {
  const dataSource = await newDataSource(dataSourceOptions(currentConfig().database, [])).initialize();
  try {
    await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
