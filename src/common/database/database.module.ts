import { Global, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DataSourceOptions } from 'typeorm';
import { Config, ConfigModule } from '../config/index.js';
import { dataSourceOptions, newDataSource } from './data-source.js';
import { migrate } from './migrate.js';
import { Transactions } from './transactions.js';

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
        migrationsRun: config.migrateOnStart,
        retryAttempts: 10,
        retryDelay: 1000,
        verboseRetryLog: true,
      }),
      dataSourceFactory: async (options) => {
        const { migrationsRun, ...rest } = options as DataSourceOptions;
        const dataSource = await newDataSource({ ...rest, migrationsRun: false }).initialize();
        try {
          if (migrationsRun) await migrate(dataSource);
          return dataSource;
        } catch (error) {
          // The next attempt has one of its own.
          await dataSource.destroy();
          throw error;
        }
      },
    }),
  ],
  providers: [Transactions],
  exports: [Transactions],
})
export class DatabaseModule {}
