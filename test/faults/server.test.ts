import { describe, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { Fleet } from '../support/fleet.js';
import { Workload } from '../support/workload.js';

const SOAK_MS = 3_600_000;

describeEachDatabase((database) => {
  const env = { DATABASE_URL: database.url, LOG_LEVEL: 'warn' };

  describe.each([
    { name: 'one server that is killed and stopped', servers: 1, signals: ['SIGKILL', 'SIGTERM', 'SIGKILL'] },
    { name: 'two servers', servers: 2, signals: [] },
    { name: 'four servers, one of them killed', servers: 4, signals: ['SIGKILL'] },
  ] as const)('$name, under load', ({ name, servers, signals }) => {
    it(
      'nothing acknowledged is missing, nothing is there twice, no balance was ever negative',
      async () => {
        const fleet = new Fleet(env);
        try {
          await fleet.start(servers);
          const workload = new Workload(fleet);
          const running = workload.run();
          for (const [i, signal] of signals.entries()) {
            await workload.done((i + 1) / (signals.length + 1));
            const ended = await fleet.replace(signal);
            expect(ended).toBe(signal === 'SIGTERM' ? 0 : signal);
          }
          await running;
          await workload.audit(name, database);
        } finally {
          await fleet.stop('SIGKILL');
        }
      },
      SOAK_MS,
    );
  });

  describe('two servers without locks', () => {
    it(
      'the fence makes retries of it and never a wrong ledger',
      async () => {
        const fleet = new Fleet(env, ['test/support/no-locks.mjs']);
        try {
          await fleet.start(2);
          const workload = new Workload(fleet);
          await workload.run();
          await workload.audit('two servers without locks', database);
          await fleet.stop();
          const written = [...fleet.output.matchAll(/without locks: (.*)/g)].map(([, json]) => JSON.parse(json!) as Record<string, number>);
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
});
