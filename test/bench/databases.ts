import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Libsql from 'libsql';
import { type Connection, createConnection } from 'mysql2/promise';
import { freePort } from '../support/server.js';

/** A MariaDB, and the databases that the bench makes on it. */
export class MariaDb {
  private readonly made: string[] = [];

  private constructor(
    private readonly url: string,
    private readonly process?: ChildProcess,
  ) {}

  /**
   * The server that TEST_MARIADB_URL names, or else one of our own in a directory of its own, as durable as its
   * defaults are.
   */
  static async start(directory: string): Promise<MariaDb> {
    const given = process.env['TEST_MARIADB_URL'];
    if (given) return new MariaDb(given.replace(/^mariadb:/, 'mysql:'));
    const [socket, log, port] = [join(directory, 'mariadb.sock'), join(directory, 'mariadb.log'), await freePort()];
    const server = spawnServer(directory, socket, log, port);
    const root = await whenItAnswers(server, socket, log);
    await root.query("CREATE USER 'bench'@'127.0.0.1' IDENTIFIED BY 'bench'");
    await root.query("GRANT ALL ON *.* TO 'bench'@'127.0.0.1'");
    await root.end();
    return new MariaDb(`mysql://bench:bench@127.0.0.1:${port}`, server);
  }

  /** Makes an empty database. */
  async database(name: string): Promise<string> {
    const url = new URL(this.url);
    url.pathname = `/credits_bench_${process.pid}_${name}`;
    await this.query(`CREATE DATABASE \`${url.pathname.slice(1)}\``);
    this.made.push(url.pathname.slice(1));
    return url.href;
  }

  async conditions(): Promise<string> {
    const [row] = (await this.query(
      `SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS flush, @@innodb_doublewrite AS doublewrite, @@log_bin AS log_bin,
              @@innodb_buffer_pool_size / 1048576 AS pool`,
    )) as Record<string, unknown>[];
    return `${String(row!['version'])}: innodb_flush_log_at_trx_commit=${String(row!['flush'])}, doublewrite ${String(row!['doublewrite'])}, log_bin ${String(row!['log_bin'])}, buffer pool ${Number(row!['pool'])} MB${this.process ? ', otherwise its defaults' : ''}`;
  }

  /** Stops our own server; of a given one, only our databases go. */
  async stop(): Promise<void> {
    if (this.process) {
      this.process.kill();
      if (this.process.exitCode === null) await once(this.process, 'exit');
    } else {
      for (const name of this.made) await this.query(`DROP DATABASE IF EXISTS \`${name}\``);
    }
  }

  private async query(sql: string): Promise<unknown> {
    const connection = await createConnection(this.url);
    try {
      return (await connection.query(sql))[0];
    } finally {
      await connection.end();
    }
  }
}

function spawnServer(directory: string, socket: string, log: string, port: number): ChildProcess {
  // Debian keeps servers where only root's PATH looks.
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
  const common = ['--no-defaults', `--user=${userInfo().username}`, `--datadir=${join(directory, 'mariadb')}`];
  const installed = spawnSync(
    'mariadb-install-db',
    [...common, '--auth-root-authentication-method=normal', '--skip-test-db'],
    {
      encoding: 'utf8',
      env,
    },
  );
  if (installed.status !== 0) {
    const reason = installed.error?.message ?? installed.stdout;
    throw new Error(`MariaDB can not be started here; name a server with TEST_MARIADB_URL. ${reason}`);
  }
  const output = openSync(log, 'w');
  const own = [`--socket=${socket}`, `--pid-file=${socket}.pid`, '--bind-address=127.0.0.1', `--port=${port}`];
  const server = spawn('mariadbd', [...common, ...own, '--innodb-flush-log-at-trx-commit=1'], {
    stdio: ['ignore', output, output],
    env,
  });
  closeSync(output);
  return server;
}

async function whenItAnswers(server: ChildProcess, socketPath: string, log: string): Promise<Connection> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await createConnection({ socketPath, user: 'root' });
    } catch (error) {
      if (server.exitCode !== null || attempt === 300) {
        server.kill();
        throw new Error(`MariaDB did not start: ${readFileSync(log, 'utf8')}`, { cause: error });
      }
      await setTimeout(100);
    }
  }
}

export function sqliteConditions(): string {
  const row = new Libsql(':memory:').prepare('SELECT sqlite_version() AS version').get() as { version: string };
  return `SQLite ${row.version}: journal_mode=WAL, synchronous=FULL`;
}
