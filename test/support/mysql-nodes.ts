import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { eventually } from './eventually.js';
import { freePort } from './server.js';

const run = promisify(execFile);
/** The folder that the script of TEST_MYSQL_CONTROL installs MySQL into, and the user that it makes there. */
const ROOT = process.env['MYSQL_TEST_ROOT'] ?? '/opt/mysql-test';
const USER = '--user=mysqltest';
const WITHIN_MS = 120_000;

/** The server program that the nodes run. */
export const MYSQLD = join(ROOT, 'usr/sbin/mysqld');

/** One of several MySQLs. */
export class Node {
  private child?: ChildProcess;

  constructor(
    /** As the server sees it. */
    private readonly data: string,
    private readonly id: number,
    readonly port: number,
    /** Where it talks to its group. */
    readonly groupPort: number,
  ) {}

  /** The folder that the nodes share. */
  get directory(): string {
    return join(ROOT, dirname(this.data));
  }

  async start(options: readonly string[] = []): Promise<void> {
    const file = `${join(ROOT, this.data)}.log`;
    const log = openSync(file, 'a');
    const own = [
      `--datadir=${this.data}`,
      `--socket=${this.data}/socket`,
      `--port=${this.port}`,
      `--server-id=${this.id}`,
    ];
    const report = [
      '--bind-address=127.0.0.1',
      '--report-host=127.0.0.1',
      `--report-port=${this.port}`,
      '--mysqlx=OFF',
    ];
    const gtid = ['--gtid-mode=ON', '--enforce-gtid-consistency=ON', '--log-bin=binlog'];
    const more = ['--innodb-buffer-pool-size=64M', '--secure-file-priv=', ...options];
    this.child = spawn('chroot', [ROOT, 'mysqld', '--no-defaults', USER, ...own, ...report, ...gtid, ...more], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = once(this.child, 'exit').then(() => {
      throw new Error(`node ${this.id} ended:\n${readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')}`);
    });
    await Promise.race([ended, eventually(() => this.query('SELECT 1'), WITHIN_MS)]);
    // From now on it may end when it is told to.
    ended.catch(() => undefined);
  }

  /** Runs statements one after the other on one connection, and gives the rows of the last. */
  async query<Row = Record<string, unknown>>(...statements: readonly string[]): Promise<Row[]> {
    const connection = await createConnection({ host: '127.0.0.1', port: this.port, user: 'root' });
    try {
      let rows: unknown;
      for (const statement of statements) [rows] = await connection.query(statement);
      return rows as Row[];
    } finally {
      connection.destroy();
    }
  }

  async value(expression: string): Promise<string> {
    return (await this.query<{ value: string }>(`SELECT ${expression} AS value`))[0]!.value;
  }

  /** As the machine would end it. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** Makes the data of several MySQLs: that of one, and copies of it. */
export async function makeNodes(count: number): Promise<Node[]> {
  const directory = join('/var/lib', basename(mkdtempSync(join(ROOT, 'var/lib/credits-'))));
  const folder = (id: number) => join(directory, String(id));
  try {
    await run('chroot', [ROOT, 'chown', 'mysqltest', directory]);
    await run('chroot', [
      ROOT,
      'mysqld',
      '--no-defaults',
      '--secure-file-priv=',
      '--initialize-insecure',
      USER,
      `--datadir=${folder(1)}`,
    ]);
    rmSync(join(ROOT, folder(1), 'auto.cnf'));
    const nodes = [];
    for (let id = 1; id <= count; id++) {
      if (id > 1) await run('cp', ['-a', join(ROOT, folder(1)), join(ROOT, folder(id))]);
      nodes.push(new Node(folder(id), id, await freePort(), await freePort()));
    }
    return nodes;
  } catch (error) {
    rmSync(join(ROOT, directory), { recursive: true, force: true });
    throw error;
  }
}

/** Ends them, and removes their data. */
export async function removeNodes(nodes: readonly Node[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.kill()));
  for (const node of nodes) rmSync(node.directory, { recursive: true, force: true });
}
