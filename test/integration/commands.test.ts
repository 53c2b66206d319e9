import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { freePort, startServer } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';

const TIME_MS = 120_000;
const COMMANDS = ['migrate', 'verify', 'rebuild-totals', 'reconcile'];
const directory = mkdtempSync(join(tmpdir(), 'credits-commands-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a built command, or the server, on a database; everything that it said, line by line. */
function run(file: string, url: string): Promise<{ code: number; said: string[] }> {
  const env = { PATH: process.env['PATH'], DATABASE_URL: url, JWT_SECRET, LOG_LEVEL: 'warn', HOST: '127.0.0.1' };
  return new Promise((done) =>
    execFile(process.execPath, [resolve('dist', file)], { cwd: directory, env }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? -1) : 0, said: `${stdout}${stderr}`.trimEnd().split('\n') }),
    ),
  );
}

describeEachDatabase(
  (database) => {
    beforeAll(async () => void (await (await startServer({ DATABASE_URL: database.url })).stop()));

    it.each([
      ['migrate', ['No migration was pending.']],
      ['verify', ['0 accounts and 0 entries are consistent.']],
      ['rebuild-totals', ['The daily totals of 0 accounts were rebuilt.']],
      ['reconcile', ['Payments: sandbox', '  0 changes made', '  0 problems']],
    ])('%s says which database it works on, without the password, and what it did', async (command, did) => {
      const { code, said } = await run(`commands/${command}.js`, database.url);
      expect({ code, said }).toEqual({
        code: 0,
        said: expect.arrayContaining([`Database: ${database.url.replace(/:\w+@/, '@')}`, ...did]),
      });
    });

    if (database.engine === 'sqlite') {
      it(
        'a file that is not there is not made, but by migrate',
        async () => {
          const file = join(directory, 'none.sqlite');
          for (const command of COMMANDS.filter((each) => each !== 'migrate')) {
            const { code, said } = await run(`commands/${command}.js`, `sqlite:${file}`);
            expect({ command, code: code > 0, said }).toEqual({
              command,
              code: true,
              said: [`Database: sqlite:${file}`, `There is no database file ${file}. Check DATABASE_URL.`],
            });
            expect(existsSync(file)).toBe(false);
          }
          expect((await run('commands/migrate.js', `sqlite:${file}`)).said[1]).toMatch(
            /^\d+ migrations were pending and are applied:$/,
          );
        },
        TIME_MS,
      );
    } else {
      it.each([...COMMANDS.map((command) => `commands/${command}.js`), 'main.js'])(
        '%s says in one line that a database does not exist',
        async (file) => {
          const { code, said } = await run(file, `${database.url}_unknown`);
          expect({ code: code > 0, said: said.filter((line) => !line.startsWith('Database: ')) }).toEqual({
            code: true,
            said: [expect.stringMatching(/^The database mysql:\/\/\S+_unknown cannot be opened: Unknown database/)],
          });
          expect(said.join('\n')).not.toContain('test:test');
        },
      );
    }
  },
  ['sqlite', 'mariadb'],
);

describe('a database that can not be reached', () => {
  // Of those that open it themselves one stands for all.
  it.each(['verify', 'reconcile'])('%s says so in one line', async (command) => {
    const address = `mysql://somebody:hunter2@localhost:${await freePort()}/credits`;
    const { code, said } = await run(`commands/${command}.js`, address);
    expect({ code: code > 0, said }).toEqual({
      code: true,
      said: [
        `Database: ${address.replace(':hunter2', '')}`,
        expect.stringMatching(/^The database mysql:\/\/somebody@\S+ cannot be opened: .*ECONNREFUSED/),
      ],
    });
  });

  it('the server says that it waits, and in one line that it waited in vain', async () => {
    const { code, said } = await run('main.js', `mysql://somebody:hunter2@127.0.0.1:${await freePort()}/credits`);
    expect(code).toBe(1);
    expect(said).toEqual([
      expect.stringMatching(/"level":"warn".*ECONNREFUSED.*waiting 10 s/),
      expect.stringMatching(/^The database mysql:\/\/somebody@\S+ cannot be opened: .*ECONNREFUSED/),
    ]);
  });
});
