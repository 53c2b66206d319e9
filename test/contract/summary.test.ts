import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, expectUnbroken, historyOf, newName, WORDS } from '../support/words.js';

/**
 * When what came in (+) or went out (−); several within a day, at the edges of days, months and a year, and days
 * without anything.
 */
const STORY: [at: string, amount: number][] = [
  ['2025-12-30T08:00:00Z', 500],
  ['2025-12-31T23:59:58Z', -10],
  ['2026-01-01T00:00:01Z', -20],
  ['2026-01-15T12:00:00Z', -1],
  ['2026-01-15T12:00:05Z', -2],
  ['2026-01-15T18:30:00Z', 50],
  ['2026-01-16T00:00:00Z', -3],
  ['2026-01-31T23:59:50Z', -4],
  ['2026-02-28T10:00:00Z', -5],
  ['2026-03-01T00:00:00Z', 100],
  ['2026-03-10T09:00:00Z', -6],
];
const NOW = '2026-03-10T15:00:00Z';
const FOREVER = { exp: Math.floor(Date.parse('2099-01-01') / 1000) };

const PERIODS = [
  {},
  { from: '2025-01-01', to: '2027-01-01' },
  { from: '2026-01-01', to: '2026-02-01' },
  { from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' },
  { from: '2026-01-15', to: '2026-01-16' },
  { from: '2026-01-15T12:00:03Z', to: '2026-01-15T18:30:00Z' },
  { from: '2026-01-15T12:00:03Z', to: '2026-01-16T00:00:00Z' },
  { from: '2026-01-15T12:00:03Z', to: '2026-01-16T12:00:00Z' },
  { from: '2026-01-15T12:00:03Z', to: '2026-01-31T23:59:55Z' },
  { from: '2025-12-31T23:59:59Z', to: '2026-03-01T00:00:00Z' },
  { from: '2025-12-31T12:00:00+13:00', to: '2026-01-01T01:00:00+01:00' },
  { from: '2026-02-01', to: '2026-02-28' },
  { from: '2026-03-05' },
  { from: '2026-03-10T08:00:00Z' },
  { to: '2026-01-16' },
  { from: '2020-01-01', to: '2020-02-01' },
];

describeEachDatabase((database) => {
  describe.each(WORDS)('$name over days, months and years', (words) => {
    const { add, spend, base } = words;
    let server: Server;
    let client: Client;
    let history: any[];

    beforeAll(async () => {
      server = await startServer({ DATABASE_URL: database.url });
      await server.setClock('2025-12-01T00:00:00Z');
      const sub = newName();
      client = await server.clientFor({ sub, claims: FOREVER });
      const admin = await server.clientFor({ sub: 'root', admin: true, claims: FOREVER });
      for (const [at, amount] of STORY) {
        await server.setClock(at);
        const body = { amount: Math.abs(amount), description: at };
        const { status } =
          amount < 0 ? await client.post(spend, body) : await admin.post(add, { ...body, account: `user:${sub}` });
        expect(status).toBe(201);
      }
      await server.setClock(NOW);
      history = await historyOf(client, words);
    });
    afterAll(() => server?.stop());

    it('the history has the times at which things happened', () => {
      expectUnbroken(history, words);
      history.forEach(({ created_at }, i) =>
        expect(Math.abs(Date.parse(created_at) - Date.parse(STORY[i]![0]))).toBeLessThan(2_000),
      );
    });

    describe.each(['day', 'month'] as const)('by %s', (group_by) => {
      it.each(PERIODS)('%j is what its transactions add up to', async (period: { from?: string; to?: string }) => {
        const { status, body } = await client.get(`${base}/usage-summary`, { ...period, group_by });
        expect(status).toBe(200);
        const { from, to } = body.data.period as { from: string; to: string };
        if (period.from) expect(Date.parse(from)).toBe(Date.parse(period.from));
        if (period.to) expect(Date.parse(to)).toBe(Date.parse(period.to));
        const inside = history.filter(({ created_at }) => created_at >= from && created_at < to);
        const series = new Map<string, any>();
        for (const { created_at, amount } of inside) {
          const name = created_at.slice(0, group_by === 'day' ? 10 : 7);
          const item = series.get(name) ?? {
            period: name,
            deposited: 0,
            debited: 0,
            refunded: 0,
            transaction_count: 0,
          };
          item[amount > 0 ? 'deposited' : 'debited'] += Math.abs(amount);
          item.transaction_count += 1;
          series.set(name, item);
        }
        const sum = (name: string) => [...series.values()].reduce((total, item) => total + item[name], 0);
        expect(body.data).toEqual({
          ...words.label,
          period: { from, to },
          opening_balance: history.findLast(({ created_at }) => created_at < from)?.balance_after ?? 0,
          closing_balance: history.findLast(({ created_at }) => created_at < to)?.balance_after ?? 0,
          total_deposited: sum('deposited'),
          total_debited: sum('debited'),
          total_refunded: 0,
          total_expired: 0,
          total_voided: 0,
          total_reversed: 0,
          transaction_count: inside.length,
          series: [...series.values()],
        });
      });
    });

    it('by default covers the last thirty days up to now', async () => {
      const { period } = (await client.get(`${base}/usage-summary`)).body.data;
      expect(period.from).toBe('2026-02-09T00:00:00.000Z');
      expect(Math.abs(Date.parse(period.to) - Date.parse(NOW))).toBeLessThan(60_000);
    });

    it.each(PERIODS)(
      'the history from and to %j is what happened then',
      async (period: { from?: string; to?: string }) => {
        const start = period.from ? Date.parse(period.from) : 0;
        const end = period.to ? Date.parse(period.to) : Infinity;
        const inside = history.filter(
          ({ created_at }) => Date.parse(created_at) >= start && Date.parse(created_at) < end,
        );
        for (const type of words.types) {
          const matching = inside.filter((transaction) => transaction.type === type).reverse();
          const { body } = await client.get(`${base}/transactions`, { ...period, type, order: 'desc' });
          expect(body).toEqual({ data: matching, meta: { total: matching.length, limit: 50, offset: 0 } });
        }
      },
    );

    it('adds up and prints exactly what no double holds', async () => {
      const sub = newName();
      const [rich, admin] = [
        await server.clientFor({ sub, claims: FOREVER }),
        await server.clientFor({ sub: 'root', admin: true, claims: FOREVER }),
      ];
      const body = (description: string) => ({ amount: words.greatest, description });
      for (let round = 0; round < 3; round++) {
        expect((await admin.post(add, { ...body('in'), account: `user:${sub}` })).status).toBe(201);
        expect((await rich.post(spend, body('out'))).status).toBe(201);
      }
      const thrice = words.name === 'credits' ? '25769803775.999997' : '27021597764222973';
      const day = NOW.slice(0, 10);
      for (const period of [{}, { from: `${day}T06:00:00Z`, to: `${day}T23:00:00Z` }]) {
        const { text, headers } = await rich.get(`${base}/usage-summary`, period);
        expect(headers['content-type']).toMatch(/^application\/json/);
        expect(text).toContain(
          `"total_deposited":${thrice},"total_debited":${thrice},"total_refunded":0,"total_expired":0,"total_voided":0,"total_reversed":0,"transaction_count":6`,
        );
        expect(text).toContain(`"deposited":${thrice},"debited":${thrice}`);
      }
    });

    it('a clock that goes back does not make time go back in the history', async () => {
      await server.setClock('2026-03-10T08:00:00Z');
      const { data } = (await client.post(spend, { amount: 1, description: 'early' })).body;
      expect(Date.parse(data.created_at)).toBeGreaterThanOrEqual(Date.parse(history.at(-1).created_at));
      await server.setClock(NOW);
    });
  });
});

describe('a token that was remembered', () => {
  it('is refused from the moment on at which it expires', async () => {
    const server = await startServer();
    try {
      await server.setClock('2026-01-01T00:00:00Z');
      const client = await server.clientFor({ claims: { exp: Math.floor(Date.parse('2026-01-01T00:02:00Z') / 1000) } });
      for (let i = 0; i < 2; i++) expect((await client.get('/api/credits/balance')).status).toBe(200);
      await server.setClock('2026-01-01T00:02:00Z');
      expectError(await client.get('/api/credits/balance'), 401, 'UNAUTHORIZED');
    } finally {
      await server.stop();
    }
  });
});
