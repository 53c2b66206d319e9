import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type NaiveSum, naiveUsage, type Spent } from '../support/naive-usage.js';
import { makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { Sql } from '../support/sql.js';
import { expectError, historyOf, newName, type Words, WORDS } from '../support/words.js';

const FOREVER = { exp: Math.floor(Date.parse('2099-01-01') / 1000) };
const HOUR = 3_600_000;
const NOW = '2026-03-10T15:00:00Z';

const MODEL = { id: 'large-2026', prices: { input: '3', cache_read: '0.3', output: '15', requests: '1' } };

/** When something happened, and what: an amount that is spent, and for what. */
const STORY: [at: string, amount: number, by?: Record<string, string>][] = [
  ['2025-12-31T23:59:58Z', 10, { agent: 'a', model: 'large' }],
  ['2026-01-01T00:00:01Z', 20, { agent: 'A', model: 'large' }],
  ['2026-02-28T10:00:00Z', 5, { agent: 'a', model: 'small', run_id: 'r-1' }],
  ['2026-02-28T10:30:00Z', 6],
  ['2026-03-09T23:59:59Z', 7, { agent: 'a' }],
  ['2026-03-10T00:00:00Z', 7, { agent: 'b', run_id: 'r-1' }],
  ['2026-03-10T09:00:00Z', 3, { agent: 'a', model: 'Large' }],
];

const PERIODS: { readonly from?: string; readonly to?: string }[] = [
  {},
  { from: '2025-01-01', to: '2027-01-01' },
  { from: '2026-02-28T10:15:00Z', to: '2026-03-10T00:00:00Z' },
  { from: '2026-03-10T08:30:00Z' },
  { from: '2020-01-01', to: '2020-01-02' },
];
const GROUPS = ['model', 'agent', 'actor', 'run_id', 'type'];

/** The start of an interval of a time. */
const STARTS: Record<string, (at: number) => number> = {
  hour: (at) => at - (at % HOUR),
  day: (at) => at - (at % (24 * HOUR)),
  month: (at) => Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth()),
};

describeEachDatabase((database) => {
  let sql: Sql;
  let server: Server;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    await makeCard(await server.clientFor({ sub: 'root', admin: true, claims: FOREVER }), { models: [MODEL] });
    sql = new Sql(database);
  });
  afterAll(async () => {
    await sql?.close();
    await server?.stop();
  });

  /** Waits until the sums of all accounts are up to date, so that nothing is left to be added to them. */
  const summedUp = () =>
    eventually(async () => {
      const behind = await sql.query(
        'SELECT a.id FROM account a LEFT JOIN usage_watermark w ON w.account_id = a.id WHERE a.sequence > COALESCE(w.watermark, 0)',
      );
      expect(behind).toEqual([]);
    });

  const whole = (words: Words, amount: number) => BigInt(Math.round(amount / words.smallest));

  function spentOf(words: Words, { id, type, amount, created_at, reverses, ...by }: any): Spent {
    return { id, type, amount: whole(words, amount), at: Date.parse(created_at), by, corrects: reverses };
  }

  /** The same sums with their amounts as the API prints them, without those of nothing. */
  function naive(words: Words, history: any[], group_by: string, from: string, to: string, interval: string) {
    const [low, high] = [Date.parse(from), Date.parse(to)];
    const start = STARTS[interval] ?? (() => low);
    const sums = naiveUsage(
      history.map((each) => spentOf(words, each)),
      group_by,
      (at) => (at >= low && at < high ? start(at) : undefined),
    );
    return new Map(
      [...sums].map(([at, values]) => [
        new Date(at).toISOString(),
        new Map([...values].map(([value, sum]) => [value, printed(words, sum)])),
      ]),
    );
  }
  const printed = (words: Words, { amount, count }: NaiveSum) => ({
    amount: Number((Number(amount) * words.smallest).toFixed(6)),
    count,
  });

  describe.each(WORDS)('$name', (words) => {
    const { add, spend, base, spendType } = words;
    let client: Client;
    let admin: Client;
    let account: string;
    let history: any[];

    const usage = (query: Record<string, string | number | undefined>, by = client) => by.get(`${base}/usage`, query);

    async function opened(amount: number): Promise<[Client, string]> {
      const sub = newName();
      const body = { amount, description: 'in', account: `user:${sub}` };
      expect((await admin.post(add, body)).status).toBe(201);
      return [await server.clientFor({ sub, claims: FOREVER }), `user:${sub}`];
    }

    beforeAll(async () => {
      await server.setClock('2025-12-01T00:00:00Z');
      admin = await server.clientFor({ sub: 'root', admin: true, claims: FOREVER });
      [client, account] = await opened(1_000);
      for (const [at, amount, by] of STORY) {
        await server.setClock(at);
        const who = by?.['agent'] === 'b' ? admin : client;
        expect((await who.post(spend, { amount, description: at, account, ...by })).status).toBe(201);
      }
      await server.setClock('2026-03-10T10:00:00Z');
      const hold = (await client.post(`${base}/holds`, { amount: 50, agent: 'c', run_id: 'r-2' })).body.data;
      const captured = await client.post(`${base}/holds/${hold.id}/capture`, { amount: 9, model: 'large' });
      expect(captured.body.data).toMatchObject({ type: spendType, agent: 'c' });
      // Of the third spending, and of the deposit, which is no spending.
      for (const [id, amount] of [
        [4, 2],
        [1, 1],
      ] as const) {
        const body = { account, amount, reason: 'An error' };
        expect((await admin.post(`${base}/transactions/${id}/reverse`, body)).status).toBe(201);
      }
      await server.setClock(NOW);
      history = await historyOf(client, words);
    });

    describe.each(['at once', 'when all is summed up'])('%s', (when) => {
      beforeAll(async () => {
        if (when !== 'at once') await summedUp();
      });

      it.each(GROUPS)('is what the transactions come to, by %s', async (group_by) => {
        for (const period of PERIODS)
          for (const interval of ['hour', 'day', 'month', 'total']) {
            if (interval === 'hour' && period.from?.startsWith('2025')) continue;
            const { status, body } = await usage({ ...period, group_by, interval });
            expect(status).toBe(200);
            const { from, to } = body.data.period;
            const must = naive(words, history, group_by, from, to, interval);
            expect(body.data.series.map(({ start }: any) => start)).toEqual([...must.keys()].sort());
            const names = body.data.totals.map(({ value }: any) => value);
            for (const { start, groups, other } of body.data.series) {
              expect(groups.map(({ value }: any) => value)).toEqual(names);
              const some = groups.filter(({ amount, count }: any) => amount !== 0 || count > 0);
              expect(new Map(some.map(({ value = '', ...sums }: any) => [value, sums]))).toEqual(must.get(start));
              expect(other).toEqual({ amount: 0, count: 0 });
            }
            const all = [...must.values()].flatMap((values) => [...values.values()]);
            expect(body.data.total).toEqual({
              amount: Number(all.reduce((sum, { amount }) => sum + amount, 0).toFixed(6)),
              count: all.reduce((sum, { count }) => sum + count, 0),
            });
          }
      });

      it('shows the largest groups of the whole period in every interval, and the sum of the rest', async () => {
        const query = { from: '2026-02-28', to: NOW, group_by: 'agent', limit: 2 };
        const { data } = (await usage(query)).body;
        expect(data).toEqual({
          period: { from: '2026-02-28T00:00:00.000Z', to: '2026-03-11T00:00:00.000Z' },
          series: [
            {
              start: '2026-02-28T00:00:00.000Z',
              groups: [
                { value: 'a', amount: 5, count: 1 },
                { value: 'c', amount: 0, count: 0 },
              ],
              other: { amount: 6, count: 1 },
            },
            {
              start: '2026-03-09T00:00:00.000Z',
              groups: [
                { value: 'a', amount: 7, count: 1 },
                { value: 'c', amount: 0, count: 0 },
              ],
              other: { amount: 0, count: 0 },
            },
            {
              start: '2026-03-10T00:00:00.000Z',
              groups: [
                { value: 'a', amount: 1, count: 1 },
                { value: 'c', amount: 9, count: 1 },
              ],
              other: { amount: 7, count: 1 },
            },
          ],
          totals: [
            { value: 'a', amount: 13, count: 3 },
            { value: 'c', amount: 9, count: 1 },
            { amount: 13, count: 2 },
          ],
          total: { amount: 35, count: 6 },
        });
      });

      it('is exported whole, a row for each interval and group', async () => {
        const query = { from: '2026-02-28', to: NOW, group_by: 'agent', format: 'csv' };
        const { text, headers } = await client.get(`${base}/usage/export`, query);
        expect(headers['content-disposition']).toMatch(/attachment; filename="(credits|tokens)-usage-.*\.csv"/);
        expect(
          text
            .replace(/^\uFEFF/, '')
            .trim()
            .split('\r\n')
            .map((line) => line.split(',')),
        ).toEqual([
          ['start', 'value', 'amount', 'count'],
          ['2026-02-28T00:00:00.000Z', '', '6', '1'],
          ['2026-02-28T00:00:00.000Z', 'a', '5', '1'],
          ['2026-03-09T00:00:00.000Z', 'a', '7', '1'],
          ['2026-03-10T00:00:00.000Z', 'c', '9', '1'],
          ['2026-03-10T00:00:00.000Z', 'b', '7', '1'],
          ['2026-03-10T00:00:00.000Z', 'a', '1', '1'],
        ]);
        const lines = (await client.get(`${base}/usage/export`, { ...query, format: 'ndjson' })).text
          .trim()
          .split('\n');
        expect(lines.map((line) => JSON.parse(line))[0]).toEqual({
          start: '2026-02-28T00:00:00.000Z',
          amount: 6,
          count: 1,
        });
        expect(lines).toHaveLength(6);
      });
    });

    it('has what was used by pool and by meter, of which a reversal takes nothing back', async () => {
      const [who, name] = await opened(10_000);
      const isTokens = words.name === 'tokens';
      const { id: model } = MODEL;
      const bodies = [
        { usage: { model, input: 1_200, output: 300 } },
        { usage: { model, input: 800, requests: 2, cache_read: 10 } },
        ...(isTokens ? [] : [{ usage: { meter: 'compute_second', quantity: 12.5 } }]),
        ...(isTokens ? [] : [{ usage: { meter: 'compute_second', quantity: 0.000001 } }]),
        { amount: 5 },
      ];
      const made = [];
      for (const body of bodies) made.push(await who.post(spend, { ...body, description: 'x' }));
      expect(made.map(({ status }) => status)).toEqual(bodies.map(() => 201));
      const spent = made.map(({ body }) => body.data);
      const reason = { account: name, reason: 'An error' };
      expect((await admin.post(`${base}/transactions/${spent[0].id}/reverse`, reason)).status).toBe(201);
      const sum = (amounts: number[]) => -Number(amounts.reduce((total, amount) => total + amount, 0).toFixed(6));
      const others = {
        amount: sum(spent.slice(2).map(({ amount }) => amount)),
        count: isTokens ? 1 : 3,
        ...(isTokens ? {} : { quantities: { 'meter:compute_second': 12.500001 } }),
      };
      const ofModel = {
        value: model,
        amount: -spent[1].amount,
        count: 2,
        quantities: { input: 2_000, cache_read: 10, output: 300, requests: 2 },
      };
      for (const isSummedUp of [false, true]) {
        if (isSummedUp) await summedUp();
        const { totals } = (await usage({ group_by: 'model' }, who)).body.data;
        const groups = [ofModel, others].sort((a, b) => b.amount - a.amount);
        expect(totals).toEqual(groups);
        const { text } = await who.get(`${base}/usage/export`, { group_by: 'model' });
        const columns = `start,value,amount,count,input,cache_read,output,requests${isTokens ? '' : ',meter:compute_second'}`;
        expect(text.split('\r\n')[0]).toBe(`\ufeff${columns}`);
        expect(text).toContain(`,${model},${ofModel.amount},2,2000,10,300,2${isTokens ? '' : ','}\r\n`);
        const lines = (await who.get(`${base}/usage/export`, { group_by: 'model', format: 'ndjson' })).text;
        expect(
          lines
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        ).toContainEqual({
          ...{ start: '2026-03-10T00:00:00.000Z', value: model, amount: ofModel.amount, count: 2 },
          ...ofModel.quantities,
        });
      }
    });

    it('by default covers the last thirty days, today included', async () => {
      const { period } = (await usage({})).body.data;
      expect(period).toEqual({ from: '2026-02-09T00:00:00.000Z', to: '2026-03-11T00:00:00.000Z' });
    });

    it('of an account without spending, or that is none, is empty', async () => {
      const [nobody] = await opened(1);
      const other = await server.clientFor({ sub: newName(), claims: FOREVER });
      for (const who of [nobody, other])
        expect((await usage({ group_by: 'model' }, who)).body.data).toEqual({
          period: expect.anything(),
          series: [],
          totals: [],
          total: { amount: 0, count: 0 },
        });
    });

    it.each([
      ['interval', 'week'],
      ['group_by', 'account'],
      ['limit', '0'],
      ['limit', '201'],
      ['from', '2026-02-30'],
      ['currency', 'EUR'],
    ])('refuses %s=%s', async (field, value) => {
      expectError(await usage({ [field]: value }), 400, 'VALIDATION_ERROR');
    });

    it('refuses more than 31 days by the hour, a period that ends before it begins, and strangers', async () => {
      const hours = (from: string) => usage({ from, to: '2026-03-10T15:00:00Z', interval: 'hour' });
      expect((await hours('2026-02-07T15:00:00Z')).status).toBe(200);
      expectError(await hours('2026-02-07T14:59:59Z'), 400, 'VALIDATION_ERROR');
      expectError(await usage({ from: '2026-03-02', to: '2026-03-01' }), 400, 'VALIDATION_ERROR');
      const stranger = await server.clientFor({ sub: newName(), claims: FOREVER });
      expectError(await usage({ account }, stranger), 403, 'FORBIDDEN');
      expectError(await stranger.get(`${base}/usage/export`, { account }), 403, 'FORBIDDEN');
      expect((await usage({ account }, admin)).status).toBe(200);
    });

    it('adds up and prints exactly what no double holds', async () => {
      const [rich, name] = await opened(words.greatest);
      for (let round = 0; round < 3; round++) {
        if (round > 0) await admin.post(add, { amount: words.greatest, description: 'in', account: name });
        expect((await rich.post(spend, { amount: words.greatest, description: 'out' })).status).toBe(201);
      }
      const thrice = words.name === 'credits' ? '25769803775.999997' : '27021597764222973';
      for (const isSummedUp of [false, true]) {
        if (isSummedUp) await summedUp();
        const { text } = await usage({}, rich);
        expect(text).toContain(`"total":{"amount":${thrice},"count":3}`);
        for (const format of ['csv', 'ndjson'])
          expect((await rich.get(`${base}/usage/export`, { format })).text).toContain(thrice);
      }
    });

    it('is exact while others spend: never less than was acknowledged, never more than was asked for', async () => {
      const [busy] = await opened(100_000);
      let [sent, done] = [0, 0];
      const spending = async () => {
        for (let i = 0; i < 60; i++) {
          sent += 1;
          expect((await busy.post(spend, { amount: 1, description: 'x', agent: `agent-${i % 7}` })).status).toBe(201);
          done += 1;
        }
      };
      const running = Promise.all(Array.from({ length: 8 }, spending));
      let isOver = false;
      void running.then(() => (isOver = true));
      while (!isOver) {
        const least = done;
        const { data } = (await usage({ group_by: 'agent' }, busy)).body;
        expect(data.total.count).toBeGreaterThanOrEqual(least);
        expect(data.total.count).toBeLessThanOrEqual(sent);
        expect(data.total.amount).toBe(data.total.count);
        const sum = data.totals.reduce((total: number, { count }: any) => total + count, 0);
        expect(sum).toBe(data.total.count);
      }
      await running;
      expect((await usage({}, busy)).body.data.total).toEqual({ amount: 480, count: 480 });
    });
  });
});
