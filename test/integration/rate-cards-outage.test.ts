import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { Proxy } from '../support/proxy.js';
import { makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

const MODELS = '/api/pricing/models';

describeEachDatabase(
  (database) => {
    let proxy: Proxy;
    let server: Server;
    beforeAll(async () => {
      proxy = await Proxy.to(database.url);
      server = await startServer({ DATABASE_URL: proxy.url });
    });
    afterAll(async () => {
      await server?.stop();
      await proxy?.close();
    });

    it('while the database is away prices are known, and change by the clock', async () => {
      const admin = await server.clientFor({ sub: 'root', admin: true });
      const inForce = async () => (await admin.get(MODELS)).body.data[0].rate_card as number;
      const now = (await makeCard(admin)).body.data.version;
      const at = Date.now() + 2_000;
      const next = (await makeCard(admin, { effective_from: new Date(at).toISOString() })).body.data.version;
      proxy.cut();
      await server.line((line) => line.includes('the rate cards could not be read'));
      expect(await inForce()).toBe(Date.now() < at ? now : next);
      await eventually(async () => expect(await inForce()).toBe(next), 3_000);
      expect(Date.now()).toBeGreaterThanOrEqual(at);
      expectError(await makeCard(admin), 503, 'OVERLOADED');
      proxy.mend();
      const made = await eventually(async () => {
        const answer = await makeCard(admin);
        expect(answer.status).toBe(201);
        return answer;
      });
      expect(made.body.data.version).toBe(next + 1);
      // Said once, however often it was tried.
      expect(server.lines.filter((line) => line.includes('could not be read'))).toHaveLength(1);
    });
  },
  ['mariadb', 'mysql'],
);
