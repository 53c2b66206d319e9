import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithBinaries } from '../support/binaries.js';
import { eventually } from '../support/eventually.js';
import { Fleet } from '../support/fleet.js';
import { Proxy } from '../support/proxy.js';
import { MYSQLD } from '../support/mysql-nodes.js';
import { ReplicatedMysql } from '../support/replicated-mysql.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';
import { Workload } from '../support/workload.js';

const START_MS = 120_000;
const SOAK_MS = 3_600_000;
/** More than a server's pool has connections. */
const AT_ONCE = 32;
/** Promised are ten seconds; a busy machine may need some more. */
const WRITES_WITHIN_MS = 30_000;

/** What a server says when it is asked for a balance on all of its connections at once. */
async function balances(server: Server, sub: string): Promise<Set<number>> {
  const client = await server.clientFor({ sub });
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => client.get('/api/credits/balance')));
  return new Set(answers.map(({ body }) => body.data.balance));
}

/** Resolves when a server has taken a write, asked again within some time, and all of its reading shows it. */
async function worksAgain(server: Server, withinMs: number): Promise<void> {
  const sub = newName();
  const admin = await server.clientFor({ sub: 'root', admin: true });
  const deposit = { amount: 1, description: 'after the switchover', account: `user:${sub}` };
  const post = async () => expect((await admin.post('/api/credits/deposit', deposit, { key: sub })).status).toBe(201);
  await eventually(post, withinMs);
  // The old primary is still there to be read, and knows nothing of this.
  expect(await balances(server, sub)).toEqual(new Set([1]));
}

function switchoversOf(name: string, start: () => Promise<ReplicatedMysql>): void {
  let database: ReplicatedMysql;
  let proxy: Proxy;
  let fleet: Fleet;
  let idle: Server;

  beforeAll(async () => {
    database = await start();
    proxy = await Proxy.to(database.url);
    const env = { DATABASE_URL: proxy.url, LOG_LEVEL: 'silent' };
    fleet = new Fleet(env);
    await fleet.start(2);
    idle = await startServer(env);
  }, START_MS);
  afterAll(async () => {
    await Promise.all([fleet?.stop('SIGKILL'), idle?.stop('SIGKILL')]);
    await proxy?.close();
    await database?.remove();
  }, START_MS);

  it(
    'every server writes again by itself and reads from the new primary, and nothing is lost or doubled',
    async () => {
      const workload = new Workload(fleet);
      const running = workload.run();
      for (const part of [1 / 3, 2 / 3]) {
        await workload.done(part);
        await balances(idle, 'somebody');
        const begun = Date.now();
        await database.switchOver();
        const moved = Date.now();
        // Connections that are there stay with the old primary, which is up and read only: the worst that an operator's
        // proxy does.
        proxy.follow(database.url);
        // It has only connections to the old primary. One that is not sent requests before it is ready must find the
        // way by itself, …
        if (part > 0.5)
          await eventually(
            async () => expect((await idle.client.get('/api/ready')).status).toBe(200),
            WRITES_WITHIN_MS,
          );
        // … and one that is, with the first of them.
        await worksAgain(idle, 0);
        await Promise.all(fleet.alive.map((server) => worksAgain(server, WRITES_WITHIN_MS)));
        process.stdout.write(
          `${name}: writes again ${Date.now() - moved} ms after a switchover of ${moved - begun} ms\n`,
        );
      }
      await running;
      await workload.audit(`switchovers (${name})`, database);
    },
    SOAK_MS,
  );
}

describeWithBinaries('a planned switchover under load', [MYSQLD], () => {
  describe('Group Replication', () => switchoversOf('Group Replication', () => ReplicatedMysql.group()));
  describe('asynchronous replication', () => switchoversOf('asynchronous replication', () => ReplicatedMysql.pair()));
});
