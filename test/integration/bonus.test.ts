import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BONUS_PACKAGE, catalogFile } from '../support/catalog.js';
import { describeEachDatabase } from '../support/databases.js';
import { expectVerified } from '../support/ledger.js';
import { begin, type Sale, Shop } from '../support/shop.js';
import { newName } from '../support/words.js';

const DAY_MS = 86_400_000;
const PLAN = { id: 'basic', name: 'Basic', tokens: 1_000_000, price: 10, currency: 'USD', bonus: { amount: 33_333 } };
const SMALL_PLAN = { id: 'growth', name: 'Small', tokens: 9, price: 10, currency: 'USD', bonus: { amount: 5 } };
const CATALOG = catalogFile([BONUS_PACKAGE], [PLAN, SMALL_PLAN]);

describeEachDatabase((database) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open(database, { CATALOG_FILE: CATALOG });
  });
  afterAll(() => shop?.close());

  /** The grants that a purchase made, the oldest first; their lives in days. */
  async function grantsOf({ client, kind, id }: Pick<Sale, 'client' | 'kind' | 'id'>) {
    const { data } = (await client.get(`/api/${kind}/grants`)).body;
    return data
      .filter((grant: any) => grant.purchase_id === id)
      .map(({ created_at: createdAt, expires_at: expiresAt, ...grant }: any) => ({
        ...grant,
        days: expiresAt && (Date.parse(expiresAt) - Date.parse(createdAt)) / DAY_MS,
      }));
  }

  const shares = async (sale: Sale, share: string) => (await grantsOf(sale)).map((grant: any) => grant[share]);

  /** The purchase, paid, with its bonus. */
  async function sell(sub = newName()): Promise<Sale> {
    const sale = await shop.buy('credits', sub);
    await shop.tell(...shop.stripe.pay(sale.session));
    await shop.expectEnd(sale, { status: 'paid', entries: [100, 10] });
    return sale;
  }

  it('the catalog shows the terms, and nothing where there are none', async () => {
    const packages = (await shop.server.client.get('/api/credits/packages')).body.data;
    expect(packages).toContainEqual(BONUS_PACKAGE);
    expect(packages).toContainEqual({
      id: 'starter',
      name: 'Starter',
      description: expect.any(String),
      amount: 25,
      price: 25,
      currency: 'USD',
    });
    expect((await shop.server.client.get('/api/tokens/plans')).body.data).toContainEqual(PLAN);
  });

  it('a purchase brings two entries and two grants, each with its terms', async () => {
    const sale = await sell();
    const { data } = (await sale.client.get('/api/credits/transactions')).body;
    expect(data).toEqual([
      expect.objectContaining({
        type: 'deposit',
        amount: 100,
        balance_after: 100,
        description: 'Pro package purchase',
      }),
      expect.objectContaining({ type: 'deposit', amount: 10, balance_after: 110 }),
    ]);
    expect(data.map((entry: any) => entry.purchase_id)).toEqual([sale.id, sale.id]);
    const untouched = { account: sale.account, purchase_id: sale.id, status: 'active', taken_back: 0 };
    expect(await grantsOf(sale)).toEqual([
      expect.objectContaining({
        ...untouched,
        source: 'purchase',
        category: 'paid',
        amount: 100,
        price: 90,
        priority: 50,
        days: 365,
        remaining: 100,
      }),
      expect.objectContaining({
        ...untouched,
        source: 'bonus',
        category: 'promotional',
        amount: 10,
        price: 0,
        priority: 20,
        days: 90,
        remaining: 10,
      }),
    ]);
    await expectVerified(database);
  });

  it('a plan of tokens too; without days nothing expires, and its price is in dollars', async () => {
    const sale = await shop.buy('tokens');
    await shop.tell(...shop.stripe.pay(sale.session));
    await shop.expectEnd(sale, { status: 'paid', entries: [1_000_000, 33_333] });
    expect(await grantsOf(sale)).toEqual([
      expect.objectContaining({ source: 'purchase', price: 10, days: undefined, priority: 50 }),
      expect.objectContaining({ source: 'bonus', price: 0, days: undefined, priority: 50 }),
    ]);
    // 33.3 % of the money: 333,000 and 11,099.889, each rounded down by itself.
    await shop.tell(...shop.stripe.refund(sale.session, 333).events);
    await shop.expectEnd(sale, { status: 'paid', entries: [1_000_000, 33_333, -333_000 - 11_099], refunded: 3.33 });
    expect((await shop.reconcile()).problems).toEqual([]);
    await expectVerified(database);
  });

  it('without days and bonus a purchase is what it was', async () => {
    const client = await shop.server.clientFor({ sub: newName() });
    const { body } = await client.post('/api/credits/purchase', { package_id: 'starter' });
    expect(Object.keys(body.data)).not.toEqual(expect.arrayContaining(['bonus']));
    expect(Object.keys(body.data)).not.toEqual(expect.arrayContaining(['expires_in_days']));
    await shop.tell(...shop.stripe.pay(shop.stripe.sessionOf(body.data.purchase_id)));
    expect((await client.get('/api/credits/transactions')).body.data.map(({ amount }: any) => amount)).toEqual([25]);
  });

  it('the purchase says what it brings, and what was taken back of all of it', async () => {
    const client = await shop.server.clientFor({ sub: newName() });
    const terms = { amount: 100, expires_in_days: 365, bonus: { amount: 10, expires_in_days: 90, priority: 20 } };
    const { body } = await begin(client, 'credits', 'told-twice');
    expect(body.data).toMatchObject(terms);
    expect((await begin(client, 'credits', 'told-twice')).body).toEqual(body);
    const session = shop.stripe.sessionOf(body.data.purchase_id);
    await shop.tell(...shop.stripe.pay(session), ...shop.stripe.refund(session, 4500).events);
    const found = (await client.get(`/api/payments/purchases/${body.data.purchase_id}`)).body.data;
    expect(found).toMatchObject({ ...terms, status: 'paid', refunded_amount: 45, reversed: 55 });
  });

  it('keeps what it promised when it began, whatever the catalog says when it is paid', async () => {
    const sale = await shop.buy();
    await shop.crash({ CATALOG_FILE: '' });
    try {
      await shop.tell(...shop.stripe.pay(sale.session));
      const client = await shop.server.clientFor({ sub: sale.account.slice('user:'.length) });
      await shop.expectEnd({ ...sale, client }, { status: 'paid', entries: [100, 10] });
      expect((await grantsOf({ ...sale, client })).map(({ days, priority }: any) => [days, priority])).toEqual([
        [365, 50],
        [90, 20],
      ]);
    } finally {
      await shop.crash();
    }
  });

  describe('refunds and disputes', () => {
    it('half of the money takes half of each, the rest takes the rest', async () => {
      const sale = await sell();
      await shop.tell(...shop.stripe.refund(sale.session, 4500).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, 10, -55], refunded: 45 });
      expect(await shares(sale, 'taken_back')).toEqual([50, 5]);
      await expectVerified(database);
      await shop.tell(...shop.stripe.refund(sale.session, 4500).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, 10, -55, -55], refunded: 90 });
      expect(await shares(sale, 'taken_back')).toEqual([100, 10]);
      await expectVerified(database);
    });

    it('thirds, rounded in favour of the buyer, come to all of it', async () => {
      const sale = await sell();
      for (const refunded of [30, 60, 90]) {
        await shop.tell(...shop.stripe.refund(sale.session, 3000).events);
        expect(await shop.endOf(sale)).toMatchObject({ refunded });
      }
      await shop.expectEnd(sale, {
        status: 'paid',
        entries: [100, 10, -36.666666, -36.666666, -36.666668],
        refunded: 90,
      });
      expect(await shares(sale, 'remaining')).toEqual([0, 0]);
    });

    it('of each its own share, to the token', async () => {
      const client = await shop.server.clientFor({ sub: newName() });
      const { body } = await client.post('/api/tokens/checkout', { plan_id: 'growth' });
      const session = shop.stripe.sessionOf(body.data.purchase_id);
      const sale: Sale = { client, account: '', kind: 'tokens', id: body.data.purchase_id, session };
      await shop.tell(...shop.stripe.pay(session));
      // 10 % to 100 % of 9 and of 5, each rounded down.
      for (const taken of [
        [0, 0],
        [1, 1],
        [2, 1],
        [3, 2],
        [4, 2],
        [5, 3],
        [6, 3],
        [7, 4],
        [8, 4],
        [9, 5],
      ]) {
        await shop.tell(...shop.stripe.refund(session, 100).events);
        expect(await shares(sale, 'taken_back')).toEqual(taken);
      }
      await expectVerified(database);
    });

    it('an administrator refunds, and what is left shows when it answers', async () => {
      const sale = await sell();
      const refund = await (await shop.admin()).post(`/api/payments/purchases/${sale.id}/refund`, { amount: 9 });
      expect(refund.status).toBe(201);
      expect(await shares(sale, 'remaining')).toEqual([90, 9]);
    });

    it('a dispute takes both, and being won gives both back', async () => {
      const sale = await sell();
      const { dispute, events } = shop.stripe.dispute(sale.session);
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, 10, -110], disputed: 90 });
      expect(await shares(sale, 'remaining')).toEqual([0, 0]);
      await expectVerified(database);
      await shop.tell(...shop.stripe.changeDispute(dispute, 'won'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, 10, -110, 110] });
      expect(await shares(sale, 'remaining')).toEqual([100, 10]);
      await expectVerified(database);
    });

    it('after everything was spent a refund leaves a debt of both', async () => {
      const sale = await sell();
      expect((await sale.client.post('/api/credits/debit', { amount: 110, description: 'x' })).status).toBe(201);
      await shop.tell(...shop.stripe.refund(sale.session, 9000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, 10, -110, -110], refunded: 90 });
      await expectVerified(database);
    });

    it('events in any order, twice and late, come to the same', async () => {
      const sale = await shop.buy();
      const paid = shop.stripe.pay(sale.session);
      const refund = shop.stripe.refund(sale.session, 3000);
      const { dispute, events } = shop.stripe.dispute(sale.session, 3000);
      const won = shop.stripe.changeDispute(dispute, 'won');
      await shop.tell(...won, ...events, ...refund.events, ...events);
      await shop.tell(...paid, ...refund.events, ...won);
      const { status, entries } = await shop.endOf(sale);
      expect([status, entries.slice(0, 2)]).toEqual(['paid', [100, 10]]);
      expect((await sale.client.get('/api/credits/balance')).body.data.balance).toBe(73.333334);
      expect(await shares(sale, 'remaining')).toEqual([66.666667, 6.666667]);
      await expectVerified(database);
    });
  });

  it('reconciliation holds the sum of both against the ledger', async () => {
    const sale = await sell();
    await shop.tell(...shop.stripe.refund(sale.session, 1000).events);
    expect((await shop.reconcile()).problems).toEqual([]);
    await shop.sql.query('UPDATE purchase SET bonus_amount = bonus_amount + 1 WHERE id = ?', [sale.id]);
    expect((await shop.reconcile()).problems).toEqual([`purchase ${sale.id} brought 110000000 in place of 110000001`]);
    await shop.sql.query('UPDATE purchase SET bonus_amount = bonus_amount - 1 WHERE id = ?', [sale.id]);
  });
});
