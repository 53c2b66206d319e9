import { Global, Logger, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { Config, ConfigModule, currentConfig } from '../config/index.js';
import { dataSourceOptions } from './data-source.js';
import { nameOf, openDatabase, pendingMigrations } from './open.js';
import { Transactions } from './transactions.js';

/** A database that starts at the same moment as the server has so long to come. */
const PATIENCE_MS = 10_000;

/** Opens the database, brings its schema up to date unless told otherwise, and gives the others `Transactions` to write with. */
@Global()
@Module({
  imports: [
    ConfigModule,
    TypeOrmModule.forRootAsync({
      inject: [Config],
      // The entities come from the modules that own them.
      useFactory: (config: Config) => ({
        ...dataSourceOptions(config.database, []),
        autoLoadEntities: true,
        // The factory below waits, and says so once.
        toRetry: () => false,
      }),
      dataSourceFactory: async (options) => {
        const { database, migrateOnStart } = currentConfig();
        const logger = new Logger('Database');
        const dataSource = await openDatabase(database, options as DataSourceOptions, {
          migrations: migrateOnStart,
          patienceMs: PATIENCE_MS,
          onWait: ({ message }) => logger.warn(`${message}; waiting ${PATIENCE_MS / 1000} s for it`),
        });
        const pending = migrateOnStart ? [] : await pendingMigrations(dataSource);
        if (pending.length > 0)
          logger.warn(`${nameOf(database)} lacks ${pending.length} migrations: run npm run migrate; the server is not ready before`);
        return dataSource;
      },
    }),
  ],
  providers: [Transactions],
  exports: [Transactions],
})
export class DatabaseModule {}
