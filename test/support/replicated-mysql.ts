import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
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

/** One of several MySQLs that replicate. */
class Node {
  private child?: ChildProcess;

  constructor(
    /** As the server sees it. */
    private readonly data: string,
    private readonly id: number,
    readonly port: number,
    /** Where it talks to its group. */
    readonly groupPort: number,
  ) {}

  async start(options: readonly string[] = []): Promise<void> {
    const file = `${join(ROOT, this.data)}.log`;
    const log = openSync(file, 'a');
    const own = [`--datadir=${this.data}`, `--socket=${this.data}/socket`, `--port=${this.port}`, `--server-id=${this.id}`];
    const report = ['--bind-address=127.0.0.1', '--report-host=127.0.0.1', `--report-port=${this.port}`, '--mysqlx=OFF'];
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

  async end(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

type Promote = (next: Node, old: Node) => Promise<unknown>;

/** Several MySQLs on loopback, of which one at a time takes writes. */
export class ReplicatedMysql {
  readonly engine = 'mysql';
  /** As the servers see it. */
  private readonly directory = join('/var/lib', basename(mkdtempSync(join(ROOT, 'var/lib/credits-'))));
  private readonly nodes: Node[] = [];
  private primary: Node;

  private constructor(private readonly promote: Promote) {}

  /** Three members of Group Replication with a single primary. */
  static group(): Promise<ReplicatedMysql> {
    const promote: Promote = async (next, old) =>
      old.query(`SELECT group_replication_set_as_primary('${await next.value('@@server_uuid')}')`);
    return ReplicatedMysql.open(3, promote, formGroup);
  }

  /** A primary and a replica that follows it asynchronously, promoted as an operator does by hand. The old primary follows nobody until it is to be promoted again. */
  static pair(): Promise<ReplicatedMysql> {
    const promote: Promote = async (next, old) => {
      await old.query('SET GLOBAL super_read_only = ON');
      await follow(next, old);
      await next.query(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${(await old.value('@@gtid_executed')).replaceAll('\n', '')}')`);
      await next.query('STOP REPLICA', 'RESET REPLICA ALL', 'SET GLOBAL super_read_only = OFF', 'SET GLOBAL read_only = OFF');
    };
    return ReplicatedMysql.open(2, promote, async ([primary, replica]) => {
      await Promise.all([primary!.start(), replica!.start()]);
      await primary!.query('CREATE DATABASE credits');
      await follow(replica!, primary!);
    });
  }

  /** Of the one that takes writes now, for `DATABASE_URL`. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.primary.port}/credits`;
  }

  /** Makes the next one the primary; the old one stays up, and lets nobody write any more. */
  async switchOver(): Promise<void> {
    const next = this.nodes[(this.nodes.indexOf(this.primary) + 1) % this.nodes.length]!;
    await this.promote(next, this.primary);
    this.primary = next;
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end()));
    rmSync(join(ROOT, this.directory), { recursive: true, force: true });
  }

  private static async open(count: number, promote: Promote, connect: (nodes: readonly Node[]) => Promise<void>): Promise<ReplicatedMysql> {
    const replicated = new ReplicatedMysql(promote);
    try {
      await replicated.initialize(count);
      await connect(replicated.nodes);
      return replicated;
    } catch (error) {
      await replicated.remove();
      throw error;
    }
  }

  /** Makes the data of one, and copies it. */
  private async initialize(count: number): Promise<void> {
    const folder = (id: number) => join(this.directory, String(id));
    await run('chroot', [ROOT, 'chown', 'mysqltest', this.directory]);
    await run('chroot', [ROOT, 'mysqld', '--no-defaults', '--secure-file-priv=', '--initialize-insecure', USER, `--datadir=${folder(1)}`]);
    rmSync(join(ROOT, folder(1), 'auto.cnf'));
    for (let id = 1; id <= count; id++) {
      if (id > 1) await run('cp', ['-a', join(ROOT, folder(1)), join(ROOT, folder(id))]);
      this.nodes.push(new Node(folder(id), id, await freePort(), await freePort()));
    }
    this.primary = this.nodes[0]!;
  }
}

/** Starts the nodes as a group, of which the first is the primary. */
async function formGroup(nodes: readonly Node[]): Promise<void> {
  const name = randomUUID();
  const seeds = nodes.map(({ groupPort }) => `127.0.0.1:${groupPort}`).join(',');
  const options = ({ groupPort }: Node) => [
    '--plugin-load-add=group_replication.so',
    `--loose-group-replication-group-name=${name}`,
    `--loose-group-replication-local-address=127.0.0.1:${groupPort}`,
    `--loose-group-replication-group-seeds=${seeds}`,
    '--loose-group-replication-start-on-boot=OFF',
  ];
  await Promise.all(nodes.map((node) => node.start(options(node))));
  const [primary] = nodes as [Node];
  for (const node of nodes) {
    if (node === primary) await node.query('SET GLOBAL group_replication_bootstrap_group = ON');
    const recovery = "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'root' FOR CHANNEL 'group_replication_recovery'";
    await node.query(recovery, 'START GROUP_REPLICATION');
    if (node === primary) await node.query('SET GLOBAL group_replication_bootstrap_group = OFF', 'CREATE DATABASE credits');
  }
  await eventually(async () => {
    const online = await primary.value("(SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE')");
    if (Number(online) !== nodes.length) throw new Error(`${online} of ${nodes.length} members are online`);
  }, WITHIN_MS);
}

/** Lets a node replicate another, unless it does already. */
async function follow(replica: Node, source: Node): Promise<void> {
  if ((await replica.query('SHOW REPLICA STATUS')).length > 0) return;
  await replica.query(
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${source.port}, SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1`,
    'SET GLOBAL super_read_only = ON',
    'START REPLICA',
  );
}
