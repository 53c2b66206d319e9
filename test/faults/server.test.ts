import { expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { Workload } from '../support/workload.js';

const SOAK_MS = 3_600_000;

describeEachDatabase((database) => {
  const env = { DATABASE_URL: database.url, LOG_LEVEL: 'warn' };

  it(
    'one server that is killed and stopped under load: nothing acknowledged is missing, nothing is there twice, no balance was ever negative',
    async () => {
      const fleet = new Fleet(env);
      try {
        await fleet.start();
        const workload = new Workload(fleet);
        const running = workload.run();
        await workload.done(1 / 3);
        expect(await fleet.end('SIGKILL')).toBe('SIGKILL');
        await fleet.start();
        await workload.done(2 / 3);
        expect(await fleet.end('SIGTERM')).toBe(0);
        await fleet.start();
        await running;
        expect(workload.retries).toBeGreaterThan(0);
        await workload.audit('one server that is killed and stopped', database);
      } finally {
        await fleet.stop('SIGKILL');
      }
    },
    SOAK_MS,
  );

  it(
    'four servers, of which two are killed under load: the same',
    async () => {
      const fleet = new Fleet(env);
      try {
        await fleet.start(4);
        const workload = new Workload(fleet);
        const running = workload.run();
        for (const part of [1 / 3, 2 / 3]) {
          await workload.done(part);
          expect(await fleet.end('SIGKILL')).toBe('SIGKILL');
        }
        await running;
        expect(workload.retries).toBeGreaterThan(0);
        await workload.audit('four servers, of which two are killed', database);
      } finally {
        await fleet.stop('SIGKILL');
      }
    },
    SOAK_MS,
  );

  it(
    'two servers without locks: the fence makes retries of it and never a wrong ledger',
    async () => {
      const fleet = new Fleet(env, ['test/support/no-locks.mjs']);
      try {
        await fleet.start(2);
        const workload = new Workload(fleet);
        await workload.run();
        await workload.audit('two servers without locks', database);
        await fleet.stop();
        const written = [...fleet.output.matchAll(/without locks: (.*)/g)].map(
          ([, json]) => JSON.parse(json!) as Record<string, number>,
        );
        expect(written).toHaveLength(2);
        for (const { unlocked } of written) expect(unlocked).toBeGreaterThan(0);
        expect(written.reduce((sum, { undone }) => sum + undone!, 0)).toBeGreaterThan(0);
      } finally {
        await fleet.stop('SIGKILL');
      }
    },
    SOAK_MS,
  );
});
