import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { eventually } from './eventually.js';
import { makeNodes, type Node, removeNodes } from './mysql-nodes.js';
import { Proxy } from './proxy.js';
import { freePort } from './server.js';

const run = promisify(execFile);
const WITHIN_MS = 120_000;
const BIN = process.env['VITESS_BIN'] ?? '';
/** Vitess does not run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const USERS = ['app', 'dba', 'repl', 'filtered', 'allprivs', 'appdebug', 'erepl'].flatMap((name) => [
  `--db_${name}_user`,
  'root',
]);
const LOOPBACK = ['--bind-address', '127.0.0.1', '--grpc_bind_address', '127.0.0.1'];

/** A program that may be killed and started again. */
class Program {
  private child?: ChildProcess;

  constructor(
    private readonly name: string,
    private readonly args: readonly string[],
    private readonly directory: string,
    private readonly owner: { uid?: number; gid?: number } = {},
  ) {}

  start(): void {
    const log = openSync(join(this.directory, `${this.name}.log`), 'a');
    const options = {
      env: { ...process.env, VTDATAROOT: this.directory },
      stdio: ['ignore', log, log] as ['ignore', number, number],
    };
    this.child = spawn(join(BIN, this.name), this.args, { ...options, ...this.owner });
    closeSync(log);
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  get log(): string {
    return readFileSync(join(this.directory, `${this.name}.log`), 'utf8')
      .split('\n')
      .slice(-10)
      .join('\n');
  }
}

/** A MySQL, and the tablet in front of it. */
class Tablet {
  constructor(
    readonly alias: string,
    readonly mysql: Node,
    readonly proxy: Proxy,
    readonly program: Program,
  ) {}
}

/** An unsharded keyspace on two tablets behind one gateway, all on loopback. */
export class Vitess {
  readonly engine = 'mysql';
  private readonly directory = mkdtempSync(join(tmpdir(), 'credits-vitess-'));
  private readonly tablets: Tablet[] = [];
  private nodes: Node[] = [];
  private etcd: Program;
  private gateway: Program;
  private port: number;
  private topology: string[];

  /** For `DATABASE_URL`. */
  get url(): string {
    return `mysql://root@127.0.0.1:${this.port}/credits`;
  }

  private get primary(): Tablet {
    return this.tablets[0]!;
  }

  static async open(): Promise<Vitess> {
    const vitess = new Vitess();
    try {
      await vitess.start();
      return vitess;
    } catch (error) {
      await vitess.remove();
      throw error;
    }
  }

  /** Makes the other tablet the primary, as an operator does. */
  async reparent(): Promise<void> {
    this.tablets.reverse();
    await this.ctl('PlannedReparentShard', '--new-primary', this.primary.alias, 'credits/0');
  }

  /** Kills the primary's tablet, and starts it again. */
  async killTablet(): Promise<void> {
    await this.primary.program.kill();
    this.primary.program.start();
  }

  /** Kills the primary's MySQL, and starts it again. */
  async killMysql(): Promise<void> {
    await this.primary.mysql.kill();
    await this.primary.mysql.start();
  }

  async killGateway(): Promise<void> {
    await this.gateway.kill();
    this.gateway.start();
  }

  async remove(): Promise<void> {
    await Promise.all(
      [this.etcd, this.gateway, ...this.tablets.map(({ program }) => program)].map((program) => program?.kill()),
    );
    await removeNodes(this.nodes);
    for (const { proxy } of this.tablets) await proxy.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async start(): Promise<void> {
    chmodSync(this.directory, 0o777);
    const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const clients = ['--listen-client-urls', client, '--advertise-client-urls', client];
    const peers = [
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `default=${peer}`,
    ];
    this.etcd = new Program('etcd', ['--data-dir', join(this.directory, 'etcd'), ...clients, ...peers], this.directory);
    this.etcd.start();
    const address = new URL(client).host;
    this.topology = [
      '--topo_implementation',
      'etcd2',
      '--topo_global_server_address',
      address,
      '--topo_global_root',
      '/vitess/global',
    ];
    await eventually(
      () => this.ctl('AddCellInfo', '--root', '/vitess/zone1', '--server-address', address, 'zone1'),
      WITHIN_MS,
    );
    await this.ctl('CreateKeyspace', '--durability-policy', 'none', 'credits');
    this.nodes = await makeNodes(2);
    for (const [i, node] of this.nodes.entries()) await this.startTablet(`zone1-${101 + i}`, node);
    // A tablet is there when it has told the topology so.
    await eventually(
      () => this.ctl('PlannedReparentShard', '--new-primary', this.primary.alias, 'credits/0'),
      WITHIN_MS,
    );
    await this.startGateway();
  }

  private async startTablet(alias: string, mysql: Node): Promise<void> {
    await mysql.start();
    // Vitess 22 takes a server for an ancient one whose version does not begin with 8, though all that it asks of one
    // of 8.4 is there in 9.7.
    const proxy = await Proxy.to(
      `mysql://127.0.0.1:${mysql.port}`,
      (greeting) => void (greeting[5] === 0x39 && greeting.write('8.4', 5)),
    );
    const directory = join(this.directory, alias);
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    const place = [
      '--tablet-path',
      alias,
      '--tablet_hostname',
      '127.0.0.1',
      '--init_keyspace',
      'credits',
      '--init_shard',
      '0',
    ];
    const ports = ['--port', String(await freePort()), '--grpc_port', String(await freePort())];
    const services = [
      '--init_tablet_type',
      'replica',
      '--service_map',
      'grpc-queryservice,grpc-tabletmanager',
      '--logtostderr',
    ];
    const database = [
      '--db_host',
      '127.0.0.1',
      '--db_port',
      new URL(proxy.url).port,
      '--init_db_name_override',
      'credits',
      ...USERS,
    ];
    const args = [...this.topology, ...place, ...ports, ...LOOPBACK, ...services, ...database];
    const tablet = new Tablet(alias, mysql, proxy, new Program('vttablet', args, directory, NOBODY));
    this.tablets.push(tablet);
    tablet.program.start();
  }

  private async startGateway(): Promise<void> {
    this.port = await freePort();
    const cell = [
      '--cell',
      'zone1',
      '--cells_to_watch',
      'zone1',
      '--tablet_types_to_wait',
      'PRIMARY,REPLICA',
      '--logtostderr',
    ];
    const mysql = [
      '--mysql_server_port',
      String(this.port),
      '--mysql_server_bind_address',
      '127.0.0.1',
      '--mysql_auth_server_impl',
      'none',
    ];
    const ports = ['--port', String(await freePort()), '--grpc_port', String(await freePort())];
    this.gateway = new Program(
      'vtgate',
      [...this.topology, ...cell, ...mysql, ...ports, ...LOOPBACK],
      this.directory,
      NOBODY,
    );
    this.gateway.start();
    await eventually(async () => {
      const connection = await createConnection(this.url);
      try {
        await connection.query('SELECT 1');
      } finally {
        connection.destroy();
      }
    }, WITHIN_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.gateway.log}\n${this.primary.program.log}`);
    });
  }

  private async ctl(...args: string[]): Promise<void> {
    await run(join(BIN, 'vtctldclient'), [
      '--server',
      'internal',
      ...this.topology.map((flag) => (flag.startsWith('--') ? flag.replaceAll('_', '-') : flag)),
      ...args,
    ]);
  }
}
