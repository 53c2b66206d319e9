import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { expectVerified } from '../support/ledger.js';
import { makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, historyOf, newName, WORDS } from '../support/words.js';

const REPRICE = '/api/pricing/reprice';
const DEBIT = '/api/credits/debit';
const MODEL = 'acme/large';
const DAY = 86_400_000;
const PERIOD = {
  from: new Date(Date.now() - DAY).toISOString(),
  to: new Date(Date.now() + DAY).toISOString(),
};

describeEachDatabase((database) => {
  let servers: Server[];
  let admin: Client;
  let other: Client;
  /** The versions of cards by which a thousand tokens of input cost so many dollars. */
  let cards: Record<number, number>;

  beforeAll(async () => {
    servers = await Promise.all([1, 2].map(() => startServer({ DATABASE_URL: database.url })));
    [admin, other] = (await Promise.all(servers.map((each) => each.clientFor({ sub: 'root', admin: true })))) as [
      Client,
      Client,
    ];
    cards = {};
    for (const dollars of [3, 2, 4, 1]) cards[dollars] = await card([{ id: MODEL, prices: pricesOf(dollars) }]);
  });
  afterAll(() => Promise.all((servers ?? []).map((each) => each.stop())));

  const pricesOf = (dollars: number) => ({ input: String(dollars * 1_000), output: '1' });
  async function card(models: object[]): Promise<number> {
    const meters = [{ id: 'compute_second', unit_price: '0.5', unit: 'second' }];
    const { status, body } = await makeCard(admin, { markup: '1', models, meters });
    expect(status).toBe(201);
    return body.data.version;
  }
  const reprice = async (body: object, client = admin): Promise<any> => {
    const answer = await client.post(REPRICE, { ...PERIOD, ...body });
    expect(answer.status).toBe(200);
    return answer.body.data;
  };

  describe('repricing', () => {
    let name: string;
    let client: Client;
    beforeEach(async () => {
      const sub = newName();
      name = `user:${sub}`;
      client = await servers[0]!.clientFor({ sub });
      expect((await admin.post(WORDS[0]!.add, { account: name, amount: 10, description: 'Opening' })).status).toBe(201);
    });
    /** Spends a dollar by the card in force, which is the last one. */
    const spend = async (more: object = {}): Promise<number> => {
      const body = { usage: { model: MODEL, input: 1_000 }, description: 'A run', agent: 'researcher', ...more };
      const answer = await client.post(DEBIT, body);
      expect(answer.status).toBe(201);
      return answer.body.data.id;
    };
    const moves = async (): Promise<any[]> =>
      (await historyOf(client, WORDS[0]!)).map(({ type, amount, reverses, reprices }: any) =>
        [type, amount, reverses, reprices].filter((each) => each !== undefined),
      );

    it('says what it would move and moves nothing, unless it is told to', async () => {
      const id = await spend();
      const said = { entries: 1, increase: 1, decrease: 0, skipped: [] };
      expect(await reprice({ account: name, rate_card: cards[2] })).toEqual(said);
      expect(await moves()).toHaveLength(2);
      expect(await reprice({ account: name, rate_card: cards[2], dry_run: false })).toEqual(said);
      expect((await moves()).at(-1)).toEqual(['debit', -1, id]);
      const { body } = await client.get(`/api/credits/transactions/${id + 1}`);
      expect(body.data).toMatchObject({
        ...{ reprices: id, agent: 'researcher', model: MODEL, actor: 'admin:root' },
        pricing: { rate_card: cards[2], exact: '2' },
      });
      expect(body.data.usage).toBeUndefined();
    });

    it('moves once for each transaction and card, however often and wherever it is asked', async () => {
      for (let i = 0; i < 20; i++) await spend({ usage: { model: MODEL, input: 100 } });
      const asked = { account: name, rate_card: cards[3], dry_run: false };
      const sums = await Promise.all([admin, other, admin, other].map((each) => reprice(asked, each)));
      expect(sums.reduce((sum, each) => sum + each.entries, 0)).toBe(20);
      expect(sums.reduce((sum, each) => sum + each.increase, 0)).toBeCloseTo(4, 6);
      const none = { entries: 0, increase: 0, decrease: 0, skipped: [] };
      expect(await reprice(asked)).toEqual(none);
      expect(await reprice({ ...asked, dry_run: true })).toEqual(none);
      expect((await client.get('/api/credits/balance')).body.data.balance).toBe(4);
    });

    it('counts reversals and earlier repricings, and gives back first what was charged last', async () => {
      const id = await spend();
      await admin.post(`/api/credits/transactions/${id}/reverse`, { account: name, amount: 0.25, reason: 'Goodwill' });
      const asked = { account: name, dry_run: false };
      expect(await reprice({ ...asked, rate_card: cards[4] })).toMatchObject({ increase: 3.25, decrease: 0 });
      expect(await reprice({ ...asked, rate_card: cards[1] })).toMatchObject({ increase: 0, decrease: 3 });
      expect(await reprice({ ...asked, rate_card: cards[2] })).toMatchObject({ increase: 1, decrease: 0 });
      const half = await card([{ id: MODEL, prices: pricesOf(0.25) }]);
      expect(await reprice({ ...asked, rate_card: half })).toMatchObject({ entries: 1, increase: 0, decrease: 1.75 });
      expect((await moves()).slice(3)).toEqual([
        ['debit', -3.25, id],
        ['reversal', 3, id + 2, id],
        ['debit', -1, id],
        ['reversal', 1, id + 4, id],
        ['reversal', 0.25, id + 2, id],
        ['reversal', 0.5, id, id],
      ]);
      await card([{ id: MODEL, prices: pricesOf(1) }]);
    });

    it('reprices captures and meters, and of one model alone when it is told to', async () => {
      const hold = await client.post('/api/credits/holds', { amount: 5, description: 'A task' });
      const usage = { model: MODEL, input: 1_000 };
      await client.post(`/api/credits/holds/${hold.body.data.id}/capture`, { usage });
      await client.post(DEBIT, { usage: { meter: 'compute_second', quantity: 2 }, description: 'Compute' });
      const dear = [{ id: 'compute_second', unit_price: '1', unit: 'second' }];
      const models = [{ id: MODEL, prices: pricesOf(4) }];
      const { version } = (await makeCard(admin, { markup: '1', models, meters: dear })).body.data;
      await makeCard(admin, { markup: '1', models: [{ id: MODEL, prices: pricesOf(1) }], meters: [] });
      const asked = { account: name, rate_card: version };
      expect(await reprice({ ...asked, model: MODEL })).toMatchObject({ entries: 1, increase: 3 });
      expect(await reprice({ ...asked, model: 'acme/small' })).toMatchObject({ entries: 0 });
      expect(await reprice({ ...asked, dry_run: false })).toMatchObject({ entries: 2, increase: 4 });
    });

    it('skips what the card does not price and what the balance does not cover, and posts it when it is asked later', async () => {
      const ids = [await spend(), await spend(), await spend()];
      const asked = { account: name, rate_card: cards[4] };
      const skipped = [{ transaction_id: ids[2], account: name, reason: 'INSUFFICIENT_CREDITS' }];
      expect(await reprice(asked)).toEqual({ entries: 2, increase: 6, decrease: 0, skipped });
      expect(await reprice({ ...asked, dry_run: false })).toEqual({ entries: 2, increase: 6, decrease: 0, skipped });
      await admin.post(WORDS[0]!.add, { account: name, amount: 2, description: 'More' });
      expect(await reprice({ ...asked, dry_run: false })).toMatchObject({ entries: 1, increase: 3, skipped: [] });
      const empty = await card([{ id: 'acme/small', prices: pricesOf(1) }]);
      expect((await reprice({ account: name, rate_card: empty })).skipped).toEqual(
        ids.map((transaction_id) => ({ transaction_id, account: name, reason: 'UNPRICED' })),
      );
      await card([{ id: MODEL, prices: pricesOf(1) }]);
    });

    it('charges a frozen account nothing, and gives back', async () => {
      await spend();
      const path = `/api/admin/accounts/${encodeURIComponent(name)}`;
      await admin.request('PATCH', path, { body: { frozen: true, reason: 'A dispute' } });
      for (const dry_run of [true, false])
        expect((await reprice({ account: name, rate_card: cards[2], dry_run })).skipped).toMatchObject([
          { reason: 'ACCOUNT_FROZEN' },
        ]);
      const cheap = await card([{ id: MODEL, prices: pricesOf(0.5) }]);
      expect(await reprice({ account: name, rate_card: cheap, dry_run: false })).toMatchObject({ decrease: 0.5 });
      await card([{ id: MODEL, prices: pricesOf(1) }]);
    });

    it('knows a model by its alias too, and a meter beside a model', async () => {
      const usage = { meter: 'compute_second', quantity: 2 };
      await client.post(DEBIT, { usage, model: MODEL, description: 'Compute' });
      await spend();
      const models = [{ id: MODEL, aliases: ['large'], prices: pricesOf(2) }];
      const dear = [{ id: 'compute_second', unit_price: '1', unit: 'second' }];
      const { version } = (await makeCard(admin, { markup: '1', models, meters: dear })).body.data;
      await card([{ id: MODEL, prices: pricesOf(1) }]);
      const asked = { account: name, rate_card: version };
      expect(await reprice({ ...asked, model: 'large' })).toMatchObject({ entries: 2, increase: 2, skipped: [] });
      expect(await reprice(asked)).toMatchObject({ entries: 2, increase: 2, skipped: [] });
    });

    it('counts as spending of who spent, however often it changes', async () => {
      await spend();
      const half = await card([{ id: MODEL, prices: pricesOf(0.5) }]);
      await card([{ id: MODEL, prices: pricesOf(1) }]);
      for (const rate_card of [cards[2], half]) await reprice({ account: name, rate_card, dry_run: false });
      const { body } = await client.get('/api/credits/usage', { group_by: 'actor', interval: 'total' });
      expect(body.data.totals).toEqual([{ value: name, amount: 0.5, count: 1, quantities: { input: 1_000 } }]);
    });

    it('leaves spending alone whose amount the client named', async () => {
      await client.post(DEBIT, { amount: 1, model: MODEL, description: 'By hand' });
      expect(await reprice({ account: name, rate_card: cards[2] })).toMatchObject({ entries: 0, skipped: [] });
    });

    it('is told of in the audit once, and not when it is dry', async () => {
      await spend();
      const audit = async () =>
        (await admin.get('/api/admin/audit', { account: name })).body.data.filter(
          ({ action }: { action: string }) => action === 'pricing.reprice',
        );
      await reprice({ account: name, rate_card: cards[2] });
      expect(await audit()).toEqual([]);
      await reprice({ account: name, rate_card: cards[2], dry_run: false });
      expect(await audit()).toMatchObject([{ actor: 'admin:root', target: String(cards[2]), after: PERIOD }]);
    });

    it('stands the proof', async () => {
      await expectVerified(database);
    });
  });

  describe('a repricing of nothing', () => {
    const asked = () => ({ ...PERIOD, rate_card: cards[2] });
    it.each([
      ['without a card', () => ({ ...PERIOD }), 'rate_card'],
      ['without a period', () => ({ rate_card: 1 }), 'from'],
      ['of a period that ends before it begins', () => ({ ...asked(), from: PERIOD.to, to: PERIOD.from }), 'from'],
      ['of more than 92 days', () => ({ ...asked(), from: '2026-01-01T00:00:00Z' }), 'from'],
      ['of an account that is none', () => ({ ...asked(), account: 'nobody' }), 'account'],
      ['with an unknown field', () => ({ ...asked(), agent: 'researcher' }), 'agent'],
    ])('%s is a 400', async (_, body, field) => {
      const answer: Answer = await admin.post(REPRICE, body());
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details.map((each: { field: string }) => each.field)).toContain(field);
    });

    it('by a card that there is not is a 404', async () => {
      expectError(await admin.post(REPRICE, { ...asked(), rate_card: 9_999 }), 404, 'NOT_FOUND');
    });

    it('is for administrators alone', async () => {
      const customer = await servers[0]!.clientFor({ sub: newName() });
      expectError(await customer.post(REPRICE, asked()), 403, 'FORBIDDEN');
    });
  });
});
