import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2';
import {
  type AfterQueryEvent,
  DataSource,
  type DataSourceOptions,
  type EntitySubscriberInterface,
  EventSubscriber,
} from 'typeorm';
import type { DatabaseConfig } from '../config/index.js';
import { engineOf } from './engine.js';
import { takesNoWrites } from './errors.js';
import { abandonEra, createRenewedPool } from './pool.js';

/** Migrations, oldest first; they come from the modules that own the tables. */
export type Migrations = NonNullable<DataSourceOptions['migrations']>;

/**
 * Describes the database for the server, the commands and the TypeORM command line. Never `synchronize`: only
 * migrations change the schema.
 */
export function dataSourceOptions(
  database: DatabaseConfig,
  entities: NonNullable<DataSourceOptions['entities']>,
  migrations: Migrations,
): DataSourceOptions {
  const common = {
    entities,
    migrations,
    migrationsTableName: 'schema_migration',
    synchronize: false,
    logging: false,
  } as const;
  if (database.kind === 'sqlite') {
    makeFile(database.file);
    return {
      ...common,
      type: 'better-sqlite3',
      driver: Libsql,
      database: database.file,
      enableWAL: true,
      statementCacheSize: 200,
      prepareDatabase: (db: { pragma(text: string): unknown }) => {
        db.pragma('busy_timeout = 5000');
        db.pragma('synchronous = FULL');
      },
    };
  }
  return {
    ...common,
    // TypeORM reads MariaDB's schema correctly only under its own type; nothing else depends on it.
    type: database.url.startsWith('mariadb:') ? 'mariadb' : 'mysql',
    driver: { ...mysql, createPool },
    subscribers: [Disowner],
    url: database.url.replace(/^mariadb:/, 'mysql:'),
    ...(database.tls && { ssl: database.tls }),
    charset: 'utf8mb4_bin',
    supportBigNumbers: true,
    bigNumberStrings: false,
    // A batch sends its writes in one text. Every value is a parameter.
    multipleStatements: true,
    connectTimeout: 5_000,
    poolSize: 16,
  };
}

/** Creates the file for its owner alone. SQLite gives its mode to the journal files beside it. */
function makeFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
}

/**
 * A DataSource that accepts MySQL's `mediumtext` on SQLite too, where any type name will do. Metadata can be longer
 * than MySQL's `text`.
 */
export function newDataSource(options: DataSourceOptions): DataSource {
  const dataSource = new DataSource(options);
  if (engineOf(dataSource) === 'sqlite') dataSource.driver.supportedDataTypes.push('mediumtext');
  return dataSource;
}

/** Abandons connections to a server that accepts no writes, because new ones may reach a server that does. */
@EventSubscriber()
class Disowner implements EntitySubscriberInterface {
  afterQuery({ error, queryRunner }: AfterQueryEvent): void {
    if (error && takesNoWrites(error)) void queryRunner.connect().then(abandonEra);
  }
}

/**
 * A pool whose connections start with the session settings that the ledger relies on. READ COMMITTED takes no gap
 * locks, and strict mode refuses values that don't fit instead of truncating them. A primary that becomes read-only
 * first lets every lock wait end, so lock waits are kept short.
 */
function createPool(options: mysql.PoolOptions): mysql.Pool {
  const pool = createRenewedPool(options);
  pool.on('connection', (connection) => {
    // A connection without these settings must not serve. Closing it fails the next query, which is retried on another
    // one.
    const closeOnError = (error: unknown) => {
      if (error) connection.destroy();
    };
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', closeOnError);
    connection.query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 2, time_zone = '+00:00'",
      closeOnError,
    );
  });
  return pool;
}
