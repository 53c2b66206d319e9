import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectUnbroken, historyOf, newName, WORDS } from '../support/words.js';

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** How many answers had each status. */
function statuses(answers: readonly Answer[]): Record<number, number> {
  const count: Record<number, number> = {};
  for (const { status } of answers) count[status] = (count[status] ?? 0) + 1;
  return count;
}

describeEachDatabase((database) => {
  let servers: [Server, Server];
  let admin: Client;

  // Both begin at once on an empty database: they also have to take turns with the migrations.
  beforeAll(async () => {
    servers = await Promise.all([
      startServer({ DATABASE_URL: database.url }),
      startServer({ DATABASE_URL: database.url }),
    ]);
    admin = await servers[0].clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => Promise.all((servers ?? []).map((server) => server.stop())));

  describe.each(WORDS)('$name', (words) => {
    const { add, spend, short, base } = words;

    /** One client per server, both of the same new account. */
    async function account(amount: number, sub = newName()): Promise<[Client, Client]> {
      expect((await admin.post(add, { amount, description: 'Opening', account: `user:${sub}` })).status).toBe(201);
      return [await servers[0].clientFor({ sub }), await servers[1].clientFor({ sub })];
    }

    it('of 3,000 requests at once, 2,000 of which can be paid, exactly 2,000 are', async () => {
      const [client] = await account(2_000);
      const answers = await Promise.all(times(3_000, (i) => client.post(spend, { amount: 1, description: `#${i}` })));
      expect(statuses(answers)).toEqual({ 201: 2_000, 402: 1_000 });
      const ids = answers.filter(({ status }) => status === 201).map(({ body }) => body.data.id as number);
      expect(ids.sort((a, b) => a - b)).toEqual(times(2_000, (i) => i + 2));
      expect(new Set(answers.filter(({ status }) => status === 402).map(({ body }) => body.error.code))).toEqual(
        new Set([short]),
      );
      const history = await historyOf(client, words);
      expect(history).toHaveLength(2_001);
      expectUnbroken(history, words);
      expect((await client.get(`${base}/balance`)).body.data).toMatchObject({ balance: 0, available: 0 });
      expect((await client.get(`${base}/usage-summary`)).body.data).toMatchObject({
        closing_balance: 0,
        total_debited: 2_000,
        transaction_count: 2_001,
      });
    });

    it('the same of two processes', async () => {
      const clients = await account(600);
      const answers = await Promise.all(
        times(1_000, (i) => clients[i % 2]!.post(spend, { amount: 1, description: `#${i}` })),
      );
      expect(statuses(answers)).toEqual({ 201: 600, 402: 400 });
      const history = await historyOf(clients[0], words);
      expect(history).toHaveLength(601);
      expectUnbroken(history, words);
      // Whatever an answer said is what the history says, from either process.
      const told = answers.filter(({ status }) => status === 201).map(({ body }) => body.data);
      expect(told.sort((a, b) => a.id - b.id)).toEqual(history.slice(1));
      expect(await historyOf(clients[1], words)).toEqual(history);
    });

    it.each([
      ['one process', 1],
      ['two processes', 2],
    ])('400 requests at once over 20 keys have 20 effects and 400 equal answers, in %s', async (_, processes) => {
      const clients = await account(1_000);
      const answers = await Promise.all(
        times(400, (i) =>
          clients[Math.floor(i / 20) % processes]!.post(
            spend,
            { amount: (i % 20) + 1, description: 'x' },
            { key: `k${i % 20}` },
          ),
        ),
      );
      for (let key = 0; key < 20; key++) {
        const same = answers.filter((_answer, i) => i % 20 === key);
        expect(statuses(same)).toEqual({ 201: 20 });
        expect(new Set(same.map(({ text }) => text)).size).toBe(1);
        expect(same.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(19);
      }
      const history = await historyOf(clients[0], words);
      expect(history).toHaveLength(21);
      expectUnbroken(history, words);
      expect((await clients[0].get(`${base}/balance`)).body.data.balance).toBe(1_000 - 210);
    });

    it('refusals under a key are equal too, and money that comes in between changes none of them', async () => {
      const name = newName();
      const clients = await account(5, name);
      const wave = () =>
        Promise.all(
          times(200, (i) => clients[i % 2]!.post(spend, { amount: 1, description: 'x' }, { key: `k${i % 20}` })),
        );
      const first = await wave();
      expect((await admin.post(add, { amount: 100, description: 'more', account: `user:${name}` })).status).toBe(201);
      const second = await wave();
      for (let key = 0; key < 20; key++) {
        expect(
          new Set(
            [...first, ...second].filter((_answer, i) => i % 20 === key).map(({ status, text }) => `${status} ${text}`),
          ).size,
        ).toBe(1);
      }
      expect(statuses(first)).toEqual({ 201: 50, 402: 150 });
      expect((await clients[0].get(`${base}/balance`)).body.data.balance).toBe(100);
    });

    it('many new accounts at once are all made once', async () => {
      const names = times(100, newName);
      const answers = await Promise.all(
        names.flatMap((name) =>
          servers.flatMap((server) =>
            times(2, async () =>
              (await server.clientFor({ sub: 'root', admin: true })).post(add, {
                amount: 1,
                description: 'x',
                account: `user:${name}`,
              }),
            ),
          ),
        ),
      );
      expect(statuses(answers)).toEqual({ 201: 400 });
      for (const name of names)
        expect((await admin.get(`${base}/balance`, { account: `user:${name}` })).body.data.balance).toBe(4);
    });
  });
});

it('a thousand connections that come while the server has no processor are all taken', async () => {
  const server = await startServer();
  server.process.kill('SIGSTOP');
  const crowd = times(1_000, () => connect(server.port, '127.0.0.1'));
  try {
    await Promise.all(crowd.map((socket) => once(socket, 'connect')));
  } finally {
    server.process.kill('SIGCONT');
    for (const socket of crowd) socket.destroy();
    await server.stop();
  }
});
