import { describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
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
      const answer = await this.client.post(words!.spend, { amount: 0.01, description: key }, { key }).catch(() => undefined);
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

        const again = await Promise.all(keys.map((key) => client.post(words!.spend, { amount: 0.01, description: key }, { key })));
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
});
