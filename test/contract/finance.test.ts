import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

const FOREVER = { exp: Math.floor(Date.parse('2099-01-01') / 1000) };
const [SUMMARY, JOURNAL] = ['/api/admin/finance/summary', '/api/admin/finance/journal'];

/** The numbers of the worked example. */
const DOCUMENT = readFileSync('docs/month-end.md', 'utf8');
const block = (language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(DOCUMENT)![1]!;

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  const client = (sub: string) => server.clientFor({ sub, claims: FOREVER });
  const done = async (answer: Promise<{ status: number; body: any }>) => {
    const { status, body } = await answer;
    expect({ status, body }).toEqual({ status: 201, body: expect.anything() });
    return body.data;
  };
  const debit = async (sub: string, amount: number) =>
    done((await client(sub)).post('/api/credits/debit', { amount, description: 'run' }));
  const deposit = (sub: string, amount: number, more: object) =>
    done(admin.post('/api/credits/deposit', { account: `user:${sub}`, amount, description: 'by hand', ...more }));
  /** Buys something in the sandbox, and waits until it is there. */
  const buy = async (sub: string, path: string, body: object): Promise<string> => {
    const buyer = await client(sub);
    const { purchase_id: id, checkout_url: page } = await done(buyer.post(path, body));
    await server.client.request('POST', new URL(page).pathname, {
      raw: 'action=pay',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    await eventually(async () => {
      expect((await buyer.get(`/api/payments/purchases/${id}`)).body.data.status).toBe('paid');
    });
    return id;
  };
  const refund = async (id: string, amount: number, balance: number) => {
    await done(admin.post(`/api/payments/purchases/${id}/refund`, { amount }));
    await eventually(async () => {
      expect((await admin.get('/api/credits/balance', { account: 'user:ben' })).body.data.balance).toBe(balance);
    });
  };
  const usd = async (month: string) => (await admin.get(SUMMARY, { month })).body.data.units[0];

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    await server.setClock('2026-10-20T09:00:00Z');
    admin = await server.clientFor({ sub: 'root', admin: true, claims: FOREVER });
  });
  afterAll(() => server?.stop());

  it('is empty before anything happens', async () => {
    const { status, body } = await admin.get(SUMMARY, { month: '2026-10' });
    expect(status).toBe(200);
    expect(body.data.units.map(({ unit }: any) => unit)).toEqual(['USD', 'tokens']);
    for (const { unit: _, paid, promotional, total, ...money } of body.data.units)
      for (const amounts of [paid, promotional, total, money])
        expect(Object.values<number>(amounts).every((amount) => amount === 0)).toBe(true);
    expect((await admin.get(JOURNAL, { month: '2026-10' })).body).toEqual({
      data: [],
      meta: { month: '2026-10', debit: 0, credit: 0 },
    });
  });

  it('is for administrators', async () => {
    for (const path of [SUMMARY, JOURNAL]) {
      expectError(await server.client.get(path), 401, 'UNAUTHORIZED');
      expectError(await (await client('ada')).get(path), 403, 'FORBIDDEN');
      const owner = await server.clientFor({ sub: 'ada', claims: { ...FOREVER, org_id: '7', org_role: 'owner' } });
      expectError(await owner.get(path), 403, 'FORBIDDEN');
    }
  });

  it('refuses what is no month and no format', async () => {
    for (const month of ['2026-13', '2026-00', '2026-1', '2026', '2026-11-01', 'x', ''])
      expectError(await admin.get(SUMMARY, { month }), 400, 'VALIDATION_ERROR');
    expectError(await admin.get(JOURNAL, { month: '2026-11', format: 'xml' }), 400, 'VALIDATION_ERROR');
    expectError(await admin.get(SUMMARY, { moon: '2026-11' }), 400, 'VALIDATION_ERROR');
  });

  describe("the worked example of docs/month-end.md, November's closing", () => {
    beforeAll(async () => {
      await buy('ada', '/api/credits/purchase', { package_id: 'pro' });
      await debit('ada', 40);
      await server.setClock('2026-11-03T09:00:00Z');
      const bens = await buy('ben', '/api/credits/purchase', { package_id: 'pro' });
      await server.setClock('2026-11-04T09:00:00Z');
      await deposit('cleo', 50, { expires_at: '2026-11-20T00:00:00Z' });
      await deposit('cleo', 20, { category: 'promotional' });
      await server.setClock('2026-11-06T09:00:00Z');
      await buy('dan', '/api/tokens/checkout', { plan_id: 'basic' });
      await done((await client('dan')).post('/api/tokens/consume', { amount: 250_000, description: 'run' }));
      await server.setClock('2026-11-10T09:00:00Z');
      const run = await debit('ada', 30);
      await debit('ben', 50);
      await debit('cleo', 20);
      await server.setClock('2026-11-12T09:00:00Z');
      const reversal = { account: 'user:ada', amount: 10, reason: 'The run failed.' };
      await done(admin.post(`/api/credits/transactions/${run.id}/reverse`, reversal));
      await server.setClock('2026-11-15T09:00:00Z');
      await refund(bens, 45, 0);
      await server.setClock('2026-11-17T09:00:00Z');
      await refund(bens, 45, -50);
      await server.setClock('2026-11-18T09:00:00Z');
      await deposit('ben', 10, { category: 'promotional' });
      await server.setClock('2026-11-20T00:00:01Z');
      await eventually(async () => expect((await usd('2026-11')).total.expired).toBe(30));
      await server.setClock('2026-12-01T09:00:00Z');
    });

    it('has the summary that the document shows', async () => {
      expect((await admin.get(SUMMARY, { month: '2026-11' })).body).toEqual(JSON.parse(block('json')));
    });

    it('has the journal that the document shows, as JSON and as CSV', async () => {
      const csv = await admin.get(JOURNAL, { month: '2026-11', format: 'csv' });
      expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
      expect(csv.headers['content-disposition']).toBe('attachment; filename="journal-2026-11.csv"');
      expect(csv.text).toBe(block('csv').replaceAll('\n', '\r\n'));
      const { data, meta } = (await admin.get(JOURNAL, { month: '2026-11' })).body;
      const [header, ...rows] = block('csv').trim().split('\n');
      expect(
        data.map((line: any) =>
          header!
            .split(',')
            .map((name) => String(line[name]))
            .join(),
        ),
      ).toEqual(rows);
      expect(meta.debit).toBe(meta.credit);
    });

    it('each month opens as the one before has closed', async () => {
      const [october, november, december, next] = await Promise.all(
        ['2026-10', '2026-11', '2026-12', '2027-01'].map((month) => usd(month)),
      );
      expect(october.total).toMatchObject({ opening_liability: 0, sold: 100, spent: 40, closing_liability: 60 });
      expect(november.total.opening_liability).toBe(60);
      for (const empty of [december, next]) {
        expect(empty.total).toMatchObject({ opening_liability: november.total.closing_liability, sold: 0, spent: 0 });
        expect(empty.total.closing_liability).toBe(november.total.closing_liability);
        expect(empty).toMatchObject({ deferred_revenue: november.deferred_revenue, recognized_revenue: 0 });
        expect(empty.receivable).toBe(november.receivable);
      }
      expect((await usd('2026-09')).total).toMatchObject({ opening_liability: 0, sold: 0, closing_liability: 0 });
    });

    it('an absent month is the running one', async () => {
      const { data } = (await admin.get(SUMMARY)).body;
      expect(data.month).toBe('2026-12');
    });

    it('an extension is voided and granted again, and no sale', async () => {
      const { id } = await deposit('eve', 8, { expires_at: '2026-12-20T00:00:00Z' });
      await done(
        admin.post(`/api/credits/grants/${id}/extend`, {
          account: 'user:eve',
          expires_at: '2027-01-20T00:00:00Z',
          reason: 'More time.',
        }),
      );
      const { paid, breakage, deferred_revenue: deferred } = await usd('2026-12');
      expect({ paid, breakage }).toMatchObject({ paid: { sold: 8, voided: 8, granted: 8 }, breakage: 0 });
      expect(deferred).toBe((await usd('2026-11')).deferred_revenue + 8);
      const { data } = (await admin.get(JOURNAL, { month: '2026-12' })).body;
      expect(data.map(({ account }: any) => account)).toEqual(['cash', 'deferred_revenue']);
    });
  });
});
