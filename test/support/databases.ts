import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';

/** A database of one test file, empty when its tests begin and gone when they have ended. */
export interface TestDatabase {
  readonly engine: Engine;
  /** For `DATABASE_URL`. */
  readonly url: string;
}

export type Engine = 'sqlite' | 'mariadb' | 'mysql';

/** Where the servers are that the tests may make databases on; SQLite needs none. */
const SERVERS: Record<Exclude<Engine, 'sqlite'>, string> = { mariadb: 'TEST_MARIADB_URL', mysql: 'TEST_MYSQL_URL' };

/**
 * Runs the same tests on each engine that belongs to the tier. One whose server is not in the environment is skipped by
 * name, or fails where all are required.
 */
export function describeEachDatabase(
  body: (database: TestDatabase) => void,
  engines: readonly Engine[] = ['sqlite', 'mariadb', 'mysql'],
): void {
  for (const engine of engines.filter(isInTier)) {
    if (engine === 'sqlite') describe('on sqlite', () => body(sqliteDatabase()));
    else describeOnServer(engine, body);
  }
}

/** The quick tier runs on SQLite, the rest runs its contract on the servers and everything else everywhere. */
function isInTier(engine: Engine): boolean {
  const tier = process.env['TEST_TIER'];
  if (tier === 'quick') return engine === 'sqlite';
  return tier !== 'rest' || engine !== 'sqlite' || !/[\\/]contract[\\/]/.test(expect.getState().testPath ?? '');
}

function describeOnServer(engine: 'mariadb' | 'mysql', body: (database: TestDatabase) => void): void {
  const variable = SERVERS[engine];
  const server = process.env[variable];
  if (server) {
    describe(`on ${engine}`, () => body(serverDatabase(engine, server)));
  } else if (process.env['REQUIRE_ALL_DATABASES'] === '1') {
    describe(`on ${engine}`, () => {
      it('has a server to run on', () => {
        throw new Error(`${variable} is not set, and REQUIRE_ALL_DATABASES=1 asks for every engine`);
      });
    });
  } else {
    describe.skip(`on ${engine}: SKIPPED, because ${variable} names no server`, () => body({ engine, url: '' }));
  }
}

function sqliteDatabase(): TestDatabase {
  const directory = mkdtempSync(join(tmpdir(), 'credits-database-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return { engine: 'sqlite', url: `sqlite:${join(directory, 'test.sqlite')}` };
}

function serverDatabase(engine: 'mariadb' | 'mysql', server: string): TestDatabase {
  const name = `credits_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  const admin = async (statement: string) => {
    const connection = await createConnection({
      host: url.hostname,
      port: Number(url.port || 3306),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
    });
    try {
      await connection.query(statement);
    } finally {
      await connection.end();
    }
  };
  beforeAll(() => admin(`CREATE DATABASE \`${name}\``));
  afterAll(() => admin(`DROP DATABASE IF EXISTS \`${name}\``));
  return { engine, url: url.href };
}
