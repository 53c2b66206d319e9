import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { migrate as migrateOn } from '../../src/common/database/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { connectTo } from '../support/ledger.js';
import { Server, spawnServer, startServer } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';
import { expectError } from '../support/words.js';

const run = promisify(execFile);

describeEachDatabase((database) => {
  const env = () => ({
    PATH: process.env['PATH'],
    DATABASE_URL: database.engine === 'mariadb' ? database.url.replace('mysql:', 'mariadb:') : database.url,
    JWT_SECRET,
  });
  const typeorm = async (...args: string[]) => {
    const { stdout } = await run(
      process.execPath,
      ['--import', 'tsx', resolve('node_modules/typeorm/cli.js'), ...args, '-d', 'ormconfig.ts'],
      { env: env() },
    );
    return stdout;
  };
  const migrate = () => run(process.execPath, [resolve('dist/commands/migrate.js')], { env: env() });

  it('a database of an earlier development version is refused at the start, in a line', async () => {
    const dataSource = await connectTo(database);
    try {
      await dataSource.query(
        'CREATE TABLE schema_migration (id integer NOT NULL PRIMARY KEY, timestamp bigint NOT NULL, name varchar(255) NOT NULL)',
      );
      await dataSource.query(
        "INSERT INTO schema_migration (id, timestamp, name) VALUES (1, 1600000000000, 'Ledger1600000000000')",
      );
      const server: Server = await spawnServer({ DATABASE_URL: database.url });
      expect(await server.exited).toBe(1);
      expect(server.output).toMatch(/made by an earlier development version \(its migration Ledger1600000000000\)/);
      expect(server.output).not.toMatch(/\n\s+at /);
    } finally {
      await dataSource.query('DROP TABLE schema_migration');
      await dataSource.destroy();
    }
  });

  it('a server whose migrations can not be read is not ready, and asking it uses no connection up', async () => {
    const dataSource = await connectTo(database);
    const server: Server = await spawnServer({ DATABASE_URL: database.url, MIGRATE_ON_START: 'false' });
    try {
      await server.line((line) => line.includes('listening'));
      await dataSource.query('CREATE TABLE schema_migration (unreadable integer)');
      // More often than the pool has connections.
      for (let times = 0; times < 20; times++) {
        const { body } = await server.client.get('/api/ready');
        expect(body.error.details).toEqual({ status: 'migrations pending' });
      }
    } finally {
      await server.stop();
      await dataSource.query('DROP TABLE IF EXISTS schema_migration');
      await dataSource.destroy();
    }
  });

  it('a server that may not migrate is not ready before `npm run migrate`, and is after it', async () => {
    const server: Server = await spawnServer({ DATABASE_URL: database.url, MIGRATE_ON_START: 'false' });
    try {
      await server.line((line) => line.includes('listening'));
      expect(server.lines.filter((line) => line.includes('npm run migrate'))).toEqual([
        expect.stringMatching(/"level":"warn".*lacks \d+ migrations/),
      ]);
      for (const path of ['/api/ready', '/api/pricing/models'])
        expectError(await server.client.get(path), 503, 'OVERLOADED');
      // Two at once take turns.
      const said = await Promise.all([migrate(), migrate()]);
      for (const { stdout } of said)
        expect(stdout).toMatch(/^Database: .*\n[^]*(No migration was pending|\d+ migrations? (was|were) pending)/);
      expect((await migrate()).stdout).toContain('No migration was pending.');
      expect((await server.client.get('/api/ready')).status).toBe(200);
      // The server makes the first rate card then.
      await eventually(async () => expect((await server.client.get('/api/pricing/models')).status).toBe(200), 5_000);
    } finally {
      await server.stop();
    }
  });

  it('the migrations have made exactly what the entities say, and another start adds nothing', async () => {
    await (await startServer({ DATABASE_URL: database.url })).stop();
    expect(await typeorm('schema:log')).toMatch(/schema is up to date/);
  });

  it('a difference would be seen', async () => {
    await typeorm('query', 'ALTER TABLE entry ADD COLUMN surplus integer NULL');
    expect(await typeorm('schema:log')).toMatch(/surplus|temporary_entry/);
  });
});

describeEachDatabase((database) =>
  it('who loses the race for a table tries again, and who fails leaves no lock behind', async () => {
    const [failing, losing] = [await connectTo(database), await connectTo(database)];
    try {
      failing.runMigrations = () => Promise.reject(new Error('failed'));
      await expect(migrateOn(failing)).rejects.toThrow('failed');
      await losing.query('CREATE TABLE account (id integer)');
      const runMigrations = losing.runMigrations.bind(losing);
      let lost = 0;
      losing.runMigrations = (options) =>
        runMigrations(options).catch(async (error) => {
          lost += 1;
          await losing.query('DROP TABLE account');
          throw error;
        });
      await migrateOn(losing);
      expect(lost).toBe(1);
      expect(await losing.showMigrations()).toBe(false);
    } finally {
      await failing.destroy();
      await losing.destroy();
    }
  }),
);

describe('npm run migrate', () => {
  it('names a bad environment and ends with 1', async () => {
    await expect(
      run(process.execPath, [resolve('dist/commands/migrate.js')], { env: { DATABASE_URL: 'postgres://x' } }),
    ).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('DATABASE_URL') });
  });
});
