import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { Proxy } from '../support/proxy.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

describeEachDatabase(
  (database) => {
    let proxy: Proxy;
    let server: Server;
    let client: Client;
    beforeAll(async () => {
      proxy = await Proxy.to(database.url);
      server = await startServer({ DATABASE_URL: proxy.url });
      client = await server.clientFor({ sub: '42' });
    });
    afterAll(async () => {
      await server?.stop();
      await proxy?.close();
    });

    it('while the database is away each refused request is a line at warn, without a stack', async () => {
      proxy.cut();
      for (const ask of [
        () => client.get('/api/credits/balance'),
        () => client.get('/api/credits/transactions'),
        () => client.post('/api/credits/debit', { amount: 1, description: 'x' }),
        () => client.get('/api/health'),
        () => client.get('/api/ready'),
      ]) {
        const answer = await ask();
        expectError(answer, 503, 'OVERLOADED');
        const trace = answer.headers['x-trace-id'] as string;
        await server.line((line) => line.includes(trace) && line.includes('"msg":"request"'));
        const lines = server.lines.filter((line) => line.includes(trace)).map((line) => JSON.parse(line) as object);
        expect(lines).toEqual([
          expect.objectContaining({
            level: 'warn',
            code: 'OVERLOADED',
            reason: expect.stringMatching(/\S/),
            msg: 'request refused',
          }),
          expect.objectContaining({ level: 'info', status: 503, msg: 'request' }),
        ]);
      }
      expect(server.output).not.toMatch(/"level":"error"|"stack"|\bat .*\.js:\d/);
      proxy.mend();
    });
  },
  ['mariadb', 'mysql'],
);
