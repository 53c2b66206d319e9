import { randomUUID } from 'node:crypto';
import { eventually } from './eventually.js';
import { makeNodes, type Node, removeNodes } from './mysql-nodes.js';

const WITHIN_MS = 120_000;

type Promote = (next: Node, old: Node) => Promise<unknown>;

/** Several MySQLs on loopback, of which one at a time takes writes. */
export class ReplicatedMysql {
  readonly engine = 'mysql';
  private primary: Node;

  private constructor(
    private readonly nodes: readonly Node[],
    private readonly promote: Promote,
  ) {
    this.primary = nodes[0]!;
  }

  /** Three members of Group Replication with a single primary. */
  static group(): Promise<ReplicatedMysql> {
    const promote: Promote = async (next, old) =>
      old.query(`SELECT group_replication_set_as_primary('${await next.value('@@server_uuid')}')`);
    return ReplicatedMysql.open(3, promote, formGroup);
  }

  /**
   * A primary and a replica that follows it asynchronously, promoted as an operator does by hand. The old primary
   * follows nobody until it is to be promoted again.
   */
  static pair(): Promise<ReplicatedMysql> {
    const promote: Promote = async (next, old) => {
      await old.query('SET GLOBAL super_read_only = ON');
      await follow(next, old);
      await next.query(
        `SELECT WAIT_FOR_EXECUTED_GTID_SET('${(await old.value('@@gtid_executed')).replaceAll('\n', '')}')`,
      );
      await next.query(
        'STOP REPLICA',
        'RESET REPLICA ALL',
        'SET GLOBAL super_read_only = OFF',
        'SET GLOBAL read_only = OFF',
      );
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

  remove(): Promise<void> {
    return removeNodes(this.nodes);
  }

  private static async open(
    count: number,
    promote: Promote,
    connect: (nodes: readonly Node[]) => Promise<void>,
  ): Promise<ReplicatedMysql> {
    const nodes = await makeNodes(count);
    try {
      await connect(nodes);
      return new ReplicatedMysql(nodes, promote);
    } catch (error) {
      await removeNodes(nodes);
      throw error;
    }
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
    if (node === primary)
      await node.query('SET GLOBAL group_replication_bootstrap_group = OFF', 'CREATE DATABASE credits');
  }
  await eventually(async () => {
    const online = await primary.value(
      "(SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE')",
    );
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
