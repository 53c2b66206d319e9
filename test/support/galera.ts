import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { eventually } from './eventually.js';
import { freePort } from './server.js';

const run = promisify(execFile);
const PROVIDER = '/usr/lib/galera/libgalera_smm.so';
const JOINS_WITHIN_MS = 120_000;
/** What copies the data to a node that joins must not run as root, who would be nobody in it. */
const { username, uid } = userInfo();
const USER = uid === 0 ? 'mysql' : username;

/** What this machine lacks to run a Galera, if it lacks something. */
export function lackOfGalera(): string | undefined {
  const onPath = (name: string) =>
    (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, name)));
  const missing = ['mariadbd', 'mariadb-install-db', 'rsync'].filter((name) => !onPath(name));
  if (!existsSync(PROVIDER)) missing.push(PROVIDER);
  return missing.length > 0 ? `this machine has no ${missing.join(', ')}` : undefined;
}

/** One of the nodes, which a test may kill, stop and continue. */
export class Node {
  private child?: ChildProcess;

  constructor(
    private readonly directory: string,
    private readonly number: number,
    readonly port: number,
    private readonly group: number,
    private readonly transfer: number,
  ) {}

  /** For `DATABASE_URL`. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}/credits`;
  }

  /** @param others whom it asks for the cluster; without one it makes a new one */
  async start(others: readonly Node[]): Promise<void> {
    const log = openSync(this.path('log'), 'a');
    const listen = `tcp://127.0.0.1:${this.group}`;
    this.child = spawn(
      'mariadbd',
      [
        '--no-defaults',
        `--user=${USER}`,
        `--datadir=${this.path('data')}`,
        `--port=${this.port}`,
        '--bind-address=127.0.0.1',
        `--socket=${this.path('data')}/socket`,
        `--pid-file=${this.path('data')}/pid`,
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-buffer-pool-size=64M',
        '--binlog-format=ROW',
        '--innodb-autoinc-lock-mode=2',
        '--wsrep-on=ON',
        `--wsrep-provider=${PROVIDER}`,
        `--wsrep-provider-options=base_host=127.0.0.1;base_port=${this.group};gmcast.listen_addr=${listen};ist.recv_addr=127.0.0.1:${this.transfer + 1};gcache.size=128M`,
        '--wsrep-cluster-name=credits',
        `--wsrep-cluster-address=gcomm://${others.map(({ group }) => `127.0.0.1:${group}`).join(',')}`,
        `--wsrep-node-name=node${this.number}`,
        '--wsrep-node-address=127.0.0.1',
        '--wsrep-sst-method=rsync',
        `--wsrep-sst-receive-address=127.0.0.1:${this.transfer}`,
        '--wsrep-slave-threads=2',
        // As docs/operations.md asks.
        '--wsrep-sync-wait=1',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    await eventually(async () => {
      if (this.child?.exitCode !== null) throw new Error(`node ${this.number} ended:\n${this.log}`);
      const { wsrep_local_state_comment: state, wsrep_ready: ready } = await this.status();
      if (state !== 'Synced' || ready !== 'ON') throw new Error(`node ${this.number} is ${state}`);
    }, JOINS_WITHIN_MS);
  }

  /** The counters and states that Galera shows. */
  async status(): Promise<Record<string, string>> {
    const rows = await this.query<{ Variable_name: string; Value: string }>("SHOW STATUS LIKE 'wsrep%'");
    return Object.fromEntries(rows.map(({ Variable_name: name, Value: value }) => [name, value]));
  }

  async query<T = unknown>(sql: string): Promise<T[]> {
    const connection = await createConnection({ host: '127.0.0.1', port: this.port, user: 'root' });
    try {
      return (await connection.query(sql))[0] as T[];
    } finally {
      connection.destroy();
    }
  }

  /** Sends a signal; of one that ends it, waits for the end. */
  async signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal === 'SIGKILL') await once(child, 'exit');
  }

  private get log(): string {
    return readFileSync(this.path('log'), 'utf8').split('\n').slice(-40).join('\n');
  }

  private path(name: string): string {
    return join(this.directory, `${name}${this.number}`);
  }
}

/** Three nodes of MariaDB on loopback, all of which take writes. */
export class Galera {
  private constructor(
    private readonly directory: string,
    readonly nodes: readonly [Node, Node, Node],
  ) {}

  static async start(): Promise<Galera> {
    const directory = mkdtempSync(join(tmpdir(), 'credits-galera-'));
    chmodSync(directory, 0o755);
    const node = async (number: number) => {
      const data = `--datadir=${join(directory, `data${number}`)}`;
      const user = `--user=${USER}`;
      await run('mariadb-install-db', [
        '--no-defaults',
        user,
        data,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ]);
      return new Node(directory, number, await freePort(), await freePort(), await freePort());
    };
    const galera = new Galera(directory, [await node(1), await node(2), await node(3)]);
    try {
      const [first, ...others] = galera.nodes;
      await first.start([]);
      await first.query('CREATE DATABASE credits');
      for (const other of others) await other.start([first]);
      return galera;
    } catch (error) {
      await galera.remove();
      throw error;
    }
  }

  /** Waits until every node has applied all that any of them committed. */
  async level(): Promise<void> {
    await eventually(async () => {
      const committed = await Promise.all(
        this.nodes.map(async (node) => (await node.status())['wsrep_last_committed']),
      );
      if (new Set(committed).size > 1) throw new Error(`the nodes have come to ${committed.join(', ')}`);
    }, JOINS_WITHIN_MS);
  }

  /** Ends all of them and removes what they left. */
  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.signal('SIGKILL')));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
