import { type DynamicModule, Global, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { Config, ConfigModule, currentConfig } from '../config/index.js';
import { dataSourceOptions, type Migrations } from './data-source.js';
import { nameOf, openDatabase, pendingMigrations } from './open.js';
import { Transactions } from './transactions.js';

/** How long the server waits for a database that starts at the same time. */
const PATIENCE_MS = 10_000;

/** Opens the database, applies pending migrations unless `MIGRATE_ON_START` is false, and provides `Transactions`. */
@Global()
@Module({ providers: [Transactions], exports: [Transactions] })
export class DatabaseModule {
  /** @param migrations the migrations that make the schema */
  static forRoot({ migrations }: { migrations: Migrations }): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      inject: [Config],
      // Each module registers its own entities.
      useFactory: (config: Config) => ({
        ...dataSourceOptions(config.database, [], migrations),
        autoLoadEntities: true,
        // The factory below waits instead, and logs that once.
        toRetry: () => false,
      }),
      dataSourceFactory: (options) => open(options as DataSourceOptions),
    });
    return { module: DatabaseModule, imports: [ConfigModule, connection] };
  }
}

async function open(options: DataSourceOptions): Promise<DataSource> {
  const { database, migrateOnStart } = currentConfig();
  const logger = new Logger('Database');
  const dataSource = await openDatabase(database, options, {
    migrations: migrateOnStart,
    patienceMs: PATIENCE_MS,
    onWait: ({ message }) => logger.warn(`${message}; waiting ${PATIENCE_MS / 1000} s for it`),
  });
  const pending = migrateOnStart ? [] : await pendingMigrations(dataSource);
  if (pending.length > 0)
    logger.warn(
      `${nameOf(database)} lacks ${pending.length} migrations: run npm run migrate; the server is not ready until then`,
    );
  return dataSource;
}
