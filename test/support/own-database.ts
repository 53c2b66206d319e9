import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import type { Engine } from './databases.js';
import { eventually } from './eventually.js';
import { freePort } from './server.js';

const run = promisify(execFile);
const STARTS_WITHIN_MS = 60_000;

/** A database server that a test may kill, because nobody else uses it. */
export interface OwnServer {
  readonly engine: Engine;
  /** For `DATABASE_URL`. */
  readonly url: string;
  /** As the machine would end: `kill -9`. */
  kill(): Promise<void>;
  /** Again on the same port and the same data, which it recovers. */
  start(): Promise<void>;
  /** Ends it and removes what it left. */
  remove(): Promise<void>;
}

/**
 * MariaDB on a data folder and a port of its own.
 * @param options more of the server's own, such as `--ssl-ca=…`
 */
export async function ownMariadb(...options: readonly string[]): Promise<OwnServer> {
  const directory = mkdtempSync(join(tmpdir(), 'credits-mariadb-'));
  const port = await freePort();
  const user = `--user=${userInfo().username}`;
  const data = `--datadir=${join(directory, 'data')}`;
  let child: ChildProcess;
  await run('mariadb-install-db', [
    '--no-defaults',
    user,
    data,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  const start = async () => {
    child = spawn(
      'mariadbd',
      [
        '--no-defaults',
        user,
        data,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${join(directory, 'socket')}`,
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-buffer-pool-size=64M',
        ...options,
      ],
      { stdio: 'ignore' },
    );
    await answers(port);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  await start();
  return {
    engine: 'mariadb',
    url: `mysql://root@127.0.0.1:${port}/credits`,
    start,
    kill: () => end('SIGKILL'),
    remove: async () => {
      await end('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** MySQL, which a script starts and kills by its port: `<script> start|kill|stop PORT`. */
export async function ownMysql(script: string): Promise<OwnServer> {
  // The script names the data by the port, so one that is used again is set up already.
  const port = 23_571;
  const start = async () => {
    await run(script, ['start', String(port)]);
    await answers(port);
  };
  await start();
  return {
    engine: 'mysql',
    url: `mysql://root@127.0.0.1:${port}/credits`,
    start,
    kill: async () => void (await run(script, ['kill', String(port)])),
    remove: async () => {
      const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
      await connection.query('DROP DATABASE credits');
      await connection.end();
      await run(script, ['stop', String(port)]);
    },
  };
}

/** Waits until the server answers, and has the database that the tests use. */
function answers(port: number): Promise<void> {
  return eventually(async () => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    try {
      await connection.query('CREATE DATABASE IF NOT EXISTS credits');
    } finally {
      connection.destroy();
    }
  }, STARTS_WITHIN_MS);
}
