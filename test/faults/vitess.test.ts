import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { Fleet } from '../support/fleet.js';
import { expectVerified } from '../support/ledger.js';
import { Vitess } from '../support/vitess.js';
import { newName } from '../support/words.js';
import { Workload } from '../support/workload.js';

const START_MS = 300_000;
const SOAK_MS = 3_600_000;
/** So many that some are under way whenever something dies. */
const OPERATIONS = 1500;

function onVitess(): void {
  let vitess: Vitess;
  let fleet: Fleet;

  beforeAll(async () => {
    vitess = await Vitess.open();
    fleet = new Fleet({ DATABASE_URL: vitess.url, LOG_LEVEL: 'silent' });
    await fleet.start(2);
  }, START_MS);
  afterAll(async () => {
    await fleet?.stop('SIGKILL');
    await vitess?.remove();
  }, START_MS);

  it('of twice as many debits at once as the balance covers, in two processes, half are posted', async () => {
    const sub = newName();
    const [one, two] = await Promise.all(fleet.alive.map((server) => server.clientFor({ sub })));
    const admin = await fleet.alive[0]!.clientFor({ sub: 'root', admin: true });
    expect(
      (await admin.post('/api/credits/deposit', { amount: 100, description: 'x', account: `user:${sub}` })).status,
    ).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        (i % 2 ? one : two)!.post('/api/credits/debit', { amount: 1, description: 'x' }),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(201), count(402)]).toEqual([100, 100]);
    expect((await two!.get('/api/credits/balance')).body.data.balance).toBe(0);
    await expectVerified(vitess);
  }, 120_000);

  it(
    'a reparent, and the death of the tablet, of its MySQL and of the gateway: nothing is lost or doubled',
    async () => {
      const workload = new Workload(fleet, OPERATIONS);
      const running = workload.run();
      const faults = [
        () => vitess.reparent(),
        () => vitess.killTablet(),
        () => vitess.killMysql(),
        () => vitess.killGateway(),
      ];
      for (const [i, fault] of faults.entries()) {
        await workload.done((i + 1) / (faults.length + 1));
        await fault();
      }
      await running;
      // The gateway lets in whoever comes, also while it knows no tablet yet.
      for (const { client } of fleet.alive)
        await eventually(async () => expect((await client.get('/api/ready')).status).toBe(200));
      await workload.audit('reparent and kills of Vitess', vitess);
    },
    SOAK_MS,
  );
}

if (process.env['VITESS_BIN']) describe('an unsharded keyspace of Vitess', onVitess);
else
  describe.skip('an unsharded keyspace of Vitess: SKIPPED, because VITESS_BIN names no folder of its programs (npm run test:vitess)', () =>
    it('is exact', () => undefined));
