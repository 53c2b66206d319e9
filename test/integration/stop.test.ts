import { describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { head, RawConnection } from '../support/raw.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';
import { expectUnbroken, historyOf, newName, WORDS } from '../support/words.js';

const [words] = WORDS;
const WORKERS = 64;
const ENOUGH = 600;

/** Spends one by one under a key each, on many connections, until the server takes no more. */
class Load {
  readonly acknowledged = new Map<string, any>();
  readonly statuses = new Set<number>();
  private readonly sent: string[] = [];
  private readonly workers: Promise<void>[];
  /** Resolves when a good number is done and many are under way. */
  readonly underWay: Promise<void>;
  private enough: () => void = () => undefined;

  constructor(private readonly client: Client) {
    this.underWay = new Promise((resolve) => (this.enough = resolve));
    this.workers = Array.from({ length: WORKERS }, () => this.work());
  }

  /** Every key that was sent, once the server is gone. */
  async keys(): Promise<string[]> {
    await Promise.all(this.workers);
    return this.sent;
  }

  private async work(): Promise<void> {
    for (;;) {
      const key = `k${this.sent.length}`;
      this.sent.push(key);
      // A connection that the server has closed, or never took, acknowledges nothing.
      const answer = await this.client
        .post(words!.spend, { amount: 0.01, description: key }, { key })
        .catch(() => undefined);
      if (!answer) return;
      this.statuses.add(answer.status);
      if (answer.status !== 201) return;
      this.acknowledged.set(key, answer.body.data);
      if (this.acknowledged.size === ENOUGH) this.enough();
    }
  }
}

describeEachDatabase((database) => {
  describe.each([
    { signal: 'SIGTERM', says: 'refuses new work with 503, finishes what it took, and loses nothing' },
    { signal: 'SIGKILL', says: 'loses nothing that it has acknowledged' },
  ] as const)('$signal under load', ({ signal, says }) => {
    it(`${says}; a retry of every key completes the history without a second effect`, async () => {
      const sub = newName();
      let server: Server = await startServer({ DATABASE_URL: database.url });
      try {
        const admin = await server.clientFor({ sub: 'root', admin: true });
        await admin.post(words!.add, { amount: 10_000, description: 'Opening', account: `user:${sub}` });
        const load = new Load(await server.clientFor({ sub }));
        await load.underWay;
        const ended = await server.stop(signal);
        const keys = await load.keys();
        expect([...load.statuses].filter((status) => status !== 201 && status !== 503)).toEqual([]);
        if (signal === 'SIGTERM') expect(ended).toBe(0);

        server = await startServer({ DATABASE_URL: database.url });
        const client = await server.clientFor({ sub });
        const before = await historyOf(client, words!);
        expectUnbroken(before, words!);
        for (const transaction of load.acknowledged.values()) expect(before[transaction.id - 1]).toEqual(transaction);
        // What was written is what somebody asked for, each thing once.
        const written = before.slice(1).map(({ description }) => description as string);
        expect(new Set(written).size).toBe(written.length);
        if (signal === 'SIGTERM') expect(written).toHaveLength(load.acknowledged.size);

        const again = await Promise.all(
          keys.map((key) => client.post(words!.spend, { amount: 0.01, description: key }, { key })),
        );
        expect(new Set(again.map(({ status }) => status))).toEqual(new Set([201]));
        const after = await historyOf(client, words!);
        expectUnbroken(after, words!);
        expect(
          after
            .slice(1)
            .map(({ description }) => description as string)
            .sort(),
        ).toEqual([...keys].sort());
      } finally {
        await server.stop('SIGKILL');
      }
    });
  });

  it('SIGTERM ends the connections whose requests never come in full, and what was accepted is done', async () => {
    const sub = newName();
    const server = await startServer({ DATABASE_URL: database.url });
    try {
      const admin = await server.clientFor({ sub: 'root', admin: true });
      await admin.post(words!.add, { amount: 10, description: 'Opening', account: `user:${sub}` });
      const Authorization = `Bearer ${await mintToken({ sub })}`;
      const body = JSON.stringify({ amount: 1, description: 'accepted' });
      const debit = (headers: object, length: number) =>
        head(`POST ${words!.spend}`, { 'Content-Type': 'application/json', 'Content-Length': length, ...headers });
      // The first answer says that the server has read what came with its request.
      const first = head('GET /api/version');
      const half = [
        '',
        'GET /api/version HTTP/1.1\r\nHost:',
        debit({ Authorization }, body.length + 1) + body,
        debit({}, body.length + 1) + body,
      ].map((text) => new RawConnection(server.port, first + text));
      half.push(new RawConnection(server.port));
      const release = database.engine === 'sqlite' ? () => Promise.resolve() : await lockAccount(`user:${sub}`);
      const accepted = new RawConnection(server.port, first + debit({ Authorization }, body.length) + body);
      for (const connection of [...half.slice(0, 4), accepted]) await connection.answer();

      const ended = server.stop();
      await server.line((line) => line.includes('"msg":"stopping"'));
      await release();
      expect(await accepted.answer()).toMatchObject({
        status: 201,
        body: { data: { description: 'accepted', balance_after: 9 } },
      });
      await Promise.all(half.map(({ closed }) => closed));
      expect(await ended).toBe(0);
    } finally {
      await server.stop('SIGKILL');
    }
  });

  /** Keeps the account's row until the function that it gives is called. */
  async function lockAccount(owner: string): Promise<() => Promise<void>> {
    const dataSource = await connectTo(database);
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT id FROM account WHERE owner = ? FOR UPDATE', [owner]);
    return async () => {
      await runner.rollbackTransaction();
      await runner.release();
      await dataSource.destroy();
    };
  }
});
