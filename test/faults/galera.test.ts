import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { Fleet } from '../support/fleet.js';
import { Galera, lackOfGalera } from '../support/galera.js';
import { Proxy } from '../support/proxy.js';
import { expectError } from '../support/words.js';
import { Workload } from '../support/workload.js';

const START_MS = 300_000;
const SOAK_MS = 3_600_000;
/** `FAULT_SECONDS` makes a soak of it. */
const LOAD_MS = 1000 * Number(process.env['FAULT_SECONDS'] ?? 60);
const SHORTER_MS = LOAD_MS / 4;

const lack = lackOfGalera();
const name = 'Galera, a server on each of three nodes, all of which are written';

function faults(): void {
  let galera: Galera;
  let fleet: Fleet;
  let workload: Workload;
  let proxies: Proxy[] = [];

  beforeAll(async () => {
    galera = await Galera.start();
  }, START_MS);
  afterAll(() => galera?.remove(), START_MS);
  afterEach(async () => {
    await fleet?.stop('SIGKILL');
    for (const proxy of proxies) await proxy.close();
    proxies = [];
  }, START_MS);

  /**
   * Servers that all start at once; the first ones find an empty database and migrate it, each through its own node.
   */
  async function begin(urls: readonly string[]): Promise<void> {
    fleet = new Fleet({ LOG_LEVEL: 'silent' });
    await fleet.start(
      urls.length,
      urls.map((url) => ({ DATABASE_URL: url })),
    );
    workload = new Workload(fleet);
  }

  /** The same on every node: no acknowledgement is missing there, nothing is there twice, and the ledger verifies. */
  async function auditAll(what: string): Promise<void> {
    await galera.level();
    for (const [i, server] of fleet.alive.entries()) {
      await eventually(async () => expect((await server.client.get('/api/ready')).status).toBe(200), START_MS);
      await workload.audit(`${what}, node ${i + 1},`, { engine: 'mariadb', url: galera.nodes[i]!.url }, server);
    }
  }

  it(
    'one is killed under load: exact on every node',
    async () => {
      await begin(galera.nodes.map(({ url }) => url));
      const running = workload.run(LOAD_MS);
      await setTimeout(LOAD_MS / 3);
      const [first, killed, third] = galera.nodes;
      await killed.signal('SIGKILL');
      await setTimeout(LOAD_MS / 3);
      await killed.start([first, third]);
      await running;
      await auditAll('a node that is killed');
    },
    SOAK_MS,
  );

  it(
    'one hears nothing for a while and is taken for dead: exact on every node',
    async () => {
      await begin(galera.nodes.map(({ url }) => url));
      const running = workload.run(SHORTER_MS);
      await setTimeout(SHORTER_MS / 5);
      const stopped = galera.nodes[2];
      await stopped.signal('SIGSTOP');
      await setTimeout(SHORTER_MS / 2);
      await stopped.signal('SIGCONT');
      await running;
      await auditAll('a node that is stopped');
    },
    SOAK_MS,
  );

  it(
    'connections are cut again and again: exact on every node',
    async () => {
      proxies = await Promise.all(galera.nodes.map(({ url }) => Proxy.to(url)));
      await begin(proxies.map(({ url }) => url));
      let running = true;
      const done = workload.run(SHORTER_MS).finally(() => (running = false));
      while (running) {
        const proxy = workload.random.of(proxies);
        proxy.cut();
        await setTimeout(100);
        proxy.mend();
        await setTimeout(200);
      }
      await done;
      await auditAll('connections that are cut');
    },
    SOAK_MS,
  );

  it(
    'one that has lost the others is not ready and writes nothing, and goes on when it is made the primary component',
    async () => {
      const [last, ...others] = galera.nodes;
      await begin([last.url]);
      const { client } = fleet.alive[0]!;
      const admin = await fleet.alive[0]!.clientFor({ sub: 'root', admin: true });
      const deposit = () =>
        admin.post('/api/credits/deposit', { amount: 1, description: 'x', account: 'user:last' }, { key: 'last' });
      for (const other of others) await other.signal('SIGKILL');
      await eventually(async () => {
        const { status, body } = await client.get('/api/ready');
        expect({ status, details: body.error?.details }).toEqual({
          status: 503,
          details: { status: 'without a quorum' },
        });
      }, START_MS);
      expectError(await deposit(), 503, 'OVERLOADED');
      await last.query("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'");
      await eventually(async () => expect((await client.get('/api/ready')).status).toBe(200), START_MS);
      await eventually(async () => expect((await deposit()).status).toBe(201), START_MS);
      expect(
        (await (await fleet.alive[0]!.clientFor({ sub: 'last' })).get('/api/credits/balance')).body.data.balance,
      ).toBe(1);
    },
    START_MS,
  );
}

if (lack === undefined) describe(name, faults);
else if (process.env['REQUIRE_ALL_DATABASES'] === '1')
  describe(name, () =>
    it('has what it needs', () => {
      throw new Error(`${lack}, and REQUIRE_ALL_DATABASES=1 asks for every engine`);
    }),
  );
else describe.skip(`${name}: SKIPPED, because ${lack}`, faults);
