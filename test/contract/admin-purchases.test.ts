import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import type { FakeSession, Fault } from '../support/fake-stripe.js';
import { expectVerified } from '../support/ledger.js';
import { type Sale, Shop } from '../support/shop.js';
import { expectError, newName } from '../support/words.js';

const LIST = '/api/admin/purchases';

describeEachDatabase((database) => {
  let shop: Shop;
  let admin: Client;
  beforeAll(async () => {
    shop = await Shop.open(database);
    admin = await shop.admin();
  });
  afterAll(() => shop?.close());

  /** A purchase that was paid otherwise than it should have been. */
  async function inReview(change: Partial<FakeSession> = { amount_total: 8000 }): Promise<Sale> {
    const sale = await shop.buy();
    const events = shop.stripe.pay(sale.session);
    Object.assign(sale.session, change);
    const payment = shop.stripe.payments.get(sale.session.payment_intent!)!;
    if (change.amount_total !== undefined)
      Object.assign(payment, { amount: change.amount_total, amount_received: change.amount_total });
    await shop.tell(...events);
    await shop.expectEnd(sale, { status: 'review', entries: [] });
    return sale;
  }

  const resolve = (sale: Sale, body: object, key?: string, client = admin): Promise<Answer> =>
    client.post(`${LIST}/${sale.id}/resolve`, { note: 'Agreed on the phone.', ...body }, { key });
  const listed = async (query: object): Promise<any[]> => (await admin.get(LIST, { limit: 200, ...query })).body.data;
  const audited = async (sale: Sale): Promise<any[]> =>
    (await admin.get('/api/admin/audit', { target: sale.id })).body.data;
  const GRANTED = { status: 'paid', entries: [100] };

  describe('the list', () => {
    it('shows the purchases of all accounts, the newest first, each once over its pages', async () => {
      const sub = newName();
      const sales = [await shop.buy('credits', sub), await shop.buy('tokens', sub), await shop.buy('credits', sub)];
      const account = `user:${sub}`;
      const found: any[] = [];
      let cursor: string | undefined;
      do {
        const { status, body } = await admin.get(LIST, { account, limit: 2, cursor });
        expect(status).toBe(200);
        found.push(...body.data);
        cursor = body.meta.next_cursor;
      } while (cursor);
      expect(found.map((purchase) => purchase.purchase_id).sort()).toEqual(sales.map(({ id }) => id).sort());
      const times = found.map((purchase) => purchase.created_at);
      expect(times).toEqual([...times].sort().reverse());
      expect((await listed({})).slice(0, 3)).toEqual(found);
      expect(await listed({ account, status: 'paid' })).toEqual([]);
      const { body } = await admin.get(LIST, { account, limit: 2 });
      expectError(await admin.get(LIST, { limit: 2, cursor: body.meta.next_cursor }), 400, 'VALIDATION_ERROR');
    });

    it('finds a purchase by the ids that Stripe has for it, and says why it is in review', async () => {
      const sale = await inReview();
      const { id, payment_intent: payment } = sale.session;
      for (const reference of [id, payment!])
        expect(await listed({ provider_reference: reference })).toEqual([
          expect.objectContaining({
            purchase_id: sale.id,
            account: sale.account,
            actor: sale.account,
            status: 'review',
            review_reason: expect.stringContaining('has another amount'),
            session_id: id,
            payment_intent: payment,
            paid: 80,
            price: 90,
          }),
        ]);
      expect((await listed({ status: 'review' })).map(({ purchase_id }) => purchase_id)).toContain(sale.id);
      expect(await listed({ provider_reference: 'pi_unknown' })).toEqual([]);
    });
  });

  describe('grant', () => {
    it('needs the sum that was paid where it is not the price, and grants once', async () => {
      const sale = await inReview();
      const missing = await resolve(sale, { decision: 'grant' });
      expectError(missing, 400, 'VALIDATION_ERROR');
      expect(missing.body.error.details[0].field).toBe('paid');
      const wrong = await resolve(sale, { decision: 'grant', paid: 90 });
      expectError(wrong, 409, 'CONFLICT');
      expect(wrong.body.error.details).toEqual({ paid: 80 });
      const { status, body } = await resolve(sale, { decision: 'grant', paid: 80 });
      expect([status, body.data]).toEqual([
        200,
        expect.objectContaining({ purchase_id: sale.id, status: 'paid', resolution: 'grant', paid: 80 }),
      ]);
      expect(body.data).not.toHaveProperty('review_reason');
      await shop.expectEnd(sale, GRANTED);
      expectError(await resolve(sale, { decision: 'grant', paid: 80 }), 409, 'CONFLICT');
      expect(await audited(sale)).toEqual([
        expect.objectContaining({
          actor: 'admin:root',
          action: 'purchases.resolve',
          account: sale.account,
          before: { status: 'review', review_reason: expect.any(String) },
          after: { status: 'paid', decision: 'grant', note: 'Agreed on the phone.', paid: 80, currency: 'USD' },
        }),
      ]);
    });

    it('needs no sum where the price was paid, and one where it was paid in another currency', async () => {
      const same = await inReview({ client_reference_id: `pur_${'0'.repeat(32)}` });
      expect((await resolve(same, { decision: 'grant' })).status).toBe(200);
      await shop.expectEnd(same, GRANTED);
      const other = await inReview({ currency: 'eur' });
      expectError(await resolve(other, { decision: 'grant' }), 400, 'VALIDATION_ERROR');
      expect((await resolve(other, { decision: 'grant', paid: 90 })).status).toBe(200);
    });

    it('takes back the share that was refunded meanwhile', async () => {
      const sale = await inReview();
      await shop.tell(...shop.stripe.refund(sale.session, 4000).events);
      await shop.expectEnd(sale, { status: 'review', entries: [], refunded: 40 });
      expect((await resolve(sale, { decision: 'grant', paid: 80 })).status).toBe(200);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 40 });
      const [grant] = (await sale.client.get('/api/credits/grants')).body.data;
      expect(grant).toMatchObject({ source: 'purchase', price: 80, taken_back: 50 });
      await shop.tell(...shop.stripe.refund(sale.session, 4000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50, -50], refunded: 80 });
    });

    it('happens once, however many ask at once, and is the same again under its key', async () => {
      const sale = await inReview();
      const body = { decision: 'grant', paid: 80 };
      const answers = await Promise.all([
        ...Array.from({ length: 5 }, () => resolve(sale, body, `k-${sale.id}`)),
        ...Array.from({ length: 5 }, () => resolve(sale, body)),
      ]);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
      const keyed = answers.slice(0, 5);
      const [again] = [await resolve(sale, body, `k-${sale.id}`)];
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect(new Set(keyed.map(({ text }) => text))).toEqual(new Set([again.text]));
      expectError(await resolve(sale, { decision: 'dismiss' }, `k-${sale.id}`), 422, 'IDEMPOTENCY_KEY_REUSED');
      await shop.expectEnd(sale, GRANTED);
      expect(await audited(sale)).toHaveLength(1);
    });
  });

  it('grant passes as soon as the balance has room for it', async () => {
    const sale = await shop.buy();
    const { account, client } = sale;
    const full = { amount: 2 ** 33 - 50, description: 'Nearly full', account };
    expect((await admin.post('/api/credits/deposit', full)).status).toBe(201);
    await shop.tell(...shop.stripe.pay(sale.session));
    await eventually(async () => expect((await shop.endOf(sale)).status).toBe('review'));
    const refused = await resolve(sale, { decision: 'grant' }, `b-${sale.id}`);
    expectError(refused, 409, 'CONFLICT');
    expect((await resolve(sale, { decision: 'grant' }, `b-${sale.id}`)).text).toBe(refused.text);
    expect((await client.post('/api/credits/debit', { amount: 1_000_000, description: 'Room' })).status).toBe(201);
    expect((await resolve(sale, { decision: 'grant' })).body.data).toMatchObject({ status: 'paid', paid: 90 });
    expect((await shop.endOf(sale)).entries).toEqual([2 ** 33 - 50, -1_000_000, 100]);
  });

  describe('a payment that comes after the review was dismissed', () => {
    const reviewOf = async (sale: Sale): Promise<any> => (await listed({ account: sale.account }))[0];
    const dismiss = async (sale: Sale) => {
      expect((await resolve(sale, { decision: 'dismiss' })).body.data.status).toBe('canceled');
      expect((await reviewOf(sale)).paid).toBeNull();
    };

    it.each([['an event'], ['reconciliation']])('that was under way is for a person again, by %s', async (by) => {
      const sale = await shop.buy();
      const events = shop.stripe.payLater(sale.session);
      Object.assign(sale.session, { amount_subtotal: 8000 });
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      await dismiss(sale);
      shop.stripe.silent = by !== 'an event';
      const concluded = shop.stripe.conclude(sale.session, true);
      shop.stripe.silent = false;
      if (by === 'an event') await shop.tell(...concluded);
      else await shop.reconcile();
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      const found = await reviewOf(sale);
      expect(found).toMatchObject({ paid: 90, review_reason: expect.stringContaining('dismissed') });
      expect(found).not.toHaveProperty('resolution');
      await shop.tell(shop.stripe.twin(concluded[0]!));
      expect((await resolve(sale, { decision: 'refund' })).body.data.refunded_amount).toBe(90);
      await shop.expectEnd(sale, { status: 'canceled', entries: [], refunded: 90 });
    });

    it('that was not begun then is for a person again, and is not brought back twice', async () => {
      const sale = await shop.buy();
      Object.assign(sale.session, { amount_subtotal: 8000 });
      expect((await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data.status).toBe('review');
      await dismiss(sale);
      const events = shop.stripe.pay(sale.session);
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      expect(await reviewOf(sale)).toMatchObject({ paid: 80, payment_intent: sale.session.payment_intent });
      expect((await resolve(sale, { decision: 'dismiss' })).body.data.status).toBe('canceled');
      await shop.tell(shop.stripe.twin(events[0]!));
      await shop.expectEnd(sale, { status: 'canceled', entries: [] });
    });

    it('and during the review shows in the list', async () => {
      const sale = await shop.buy();
      const events = shop.stripe.payLater(sale.session);
      Object.assign(sale.session, { amount_subtotal: 8000 });
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      const { review_reason: reason } = await reviewOf(sale);
      await shop.tell(...shop.stripe.conclude(sale.session, true));
      expect(await reviewOf(sale)).toMatchObject({ status: 'review', paid: 90, review_reason: reason });
    });
  });

  it('dismiss cancels, and neither a look nor an event brings the review back', async () => {
    const sale = await inReview();
    const { status, body } = await resolve(sale, { decision: 'dismiss' });
    expect([status, body.data.status, body.data.resolution]).toEqual([200, 'canceled', 'dismiss']);
    expect((await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data.status).toBe('canceled');
    await shop.tell(shop.stripe.twin(shop.stripe.pay(sale.session)[0]!));
    await shop.expectEnd(sale, { status: 'canceled', entries: [] });
    expectError(await resolve(sale, { decision: 'grant', paid: 80 }), 409, 'CONFLICT');
    expect((await audited(sale)).map(({ after }) => after.decision)).toEqual(['dismiss']);
  });

  describe('refund', () => {
    it('gives back all that was paid and grants nothing', async () => {
      const sale = await inReview();
      const { status, body } = await resolve(sale, { decision: 'refund' }, `r-${sale.id}`);
      expect([status, body.data]).toEqual([
        200,
        expect.objectContaining({ status: 'canceled', resolution: 'refund', paid: 80, refunded_amount: 80 }),
      ]);
      await shop.expectEnd(sale, { status: 'canceled', entries: [], refunded: 80 });
      expect((await resolve(sale, { decision: 'refund' }, `r-${sale.id}`)).body).toEqual(body);
      expect(shop.stripe.reversedOf(sale.session)).toBe(8000);
      expect(await audited(sale)).toHaveLength(1);
    });

    it('that Stripe did not answer is made once, by the same request or by reconciliation', async () => {
      for (const heal of ['request', 'reconciliation']) {
        const sale = await inReview();
        shop.stripe.failOn('POST /v1/refunds', ...Array<Fault>(10).fill('reset-after'));
        expectError(await resolve(sale, { decision: 'refund' }, `f-${sale.id}`), 502, 'PAYMENT_PROVIDER_ERROR');
        shop.stripe.heal();
        if (heal === 'request')
          expect((await resolve(sale, { decision: 'refund' }, `f-${sale.id}`)).body.data.refunded_amount).toBe(80);
        else await shop.reconcile();
        await shop.expectEnd(sale, { status: 'canceled', entries: [], refunded: 80 });
        expect(shop.stripe.reversedOf(sale.session)).toBe(8000);
        expect(await audited(sale)).toHaveLength(1);
      }
    });

    it('that Stripe refuses leaves the purchase in review', async () => {
      const sale = await inReview();
      shop.stripe.payments.get(sale.session.payment_intent!)!.amount_received = 1000;
      const refused = await resolve(sale, { decision: 'refund' }, `n-${sale.id}`);
      expectError(refused, 409, 'CONFLICT');
      expect((await resolve(sale, { decision: 'refund' }, `n-${sale.id}`)).text).toBe(refused.text);
      expect(await listed({ account: sale.account })).toMatchObject([
        { status: 'review', review_reason: expect.stringContaining('The refund was refused') },
      ]);
      expect((await resolve(sale, { decision: 'dismiss' })).status).toBe(200);
      expect((await audited(sale)).map(({ after }) => after.decision)).toEqual(['dismiss']);
    });

    it('that Stripe refuses leaves a later one alone, also when the refusal is read late', async () => {
      const sale = await inReview();
      const payment = shop.stripe.payments.get(sale.session.payment_intent!)!;
      payment.amount_received = 1000;
      const held = shop.stripe.holdOn('POST /v1/refunds', 'answer');
      const late = resolve(sale, { decision: 'refund' }, `l-${sale.id}`);
      await held.arrived;
      expectError(await resolve(sale, { decision: 'refund' }, `l-${sale.id}`), 409, 'CONFLICT');
      payment.amount_received = 8000;
      expect((await resolve(sale, { decision: 'refund' })).body.data.refunded_amount).toBe(80);
      held.release();
      expectError(await late, 409, 'CONFLICT');
      await shop.expectEnd(sale, { status: 'canceled', entries: [], refunded: 80 });
      expect((await audited(sale)).map(({ after }) => after.decision)).toEqual(['refund']);
    });

    it('of what was given back already is a 409', async () => {
      const sale = await inReview();
      await shop.tell(...shop.stripe.refund(sale.session, 8000).events);
      await eventually(async () => expect((await shop.endOf(sale)).refunded).toBe(80));
      expectError(await resolve(sale, { decision: 'refund' }), 409, 'CONFLICT');
    });
  });

  it('refuses what is in no review, and remembers it under the key', async () => {
    const sale = await shop.buy();
    const first = await resolve(sale, { decision: 'dismiss' }, `o-${sale.id}`);
    expectError(first, 409, 'CONFLICT');
    expect(first.body.error.details).toEqual({ status: 'open' });
    const events = shop.stripe.pay(sale.session);
    Object.assign(sale.session, { amount_total: 8000 });
    await shop.tell(...events);
    await shop.expectEnd(sale, { status: 'review', entries: [] });
    const again = await resolve(sale, { decision: 'dismiss' }, `o-${sale.id}`);
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([409, first.text, 'true']);
    expect((await resolve(sale, { decision: 'dismiss' })).status).toBe(200);
    expect(await audited(sale)).toHaveLength(1);
    const unknown = { ...sale, id: `pur_${'0'.repeat(32)}` };
    expectError(await resolve(unknown, { decision: 'dismiss' }), 404, 'NOT_FOUND');
  });

  it.each([
    [{}, 'decision'],
    [{ decision: 'forget' }, 'decision'],
    [{ decision: 'dismiss', note: '' }, 'note'],
    [{ decision: 'dismiss', paid: 80 }, 'paid'],
    [{ decision: 'grant', paid: -1 }, 'paid'],
    [{ decision: 'grant', paid: 0.001 }, 'paid'],
  ])('refuses %j', async (body, field) => {
    const answer = await resolve({ id: `pur_${'0'.repeat(32)}` } as Sale, body);
    expectError(answer, 400, 'VALIDATION_ERROR');
    expect(answer.body.error.details[0].field).toBe(field);
  });

  it('a purchase that an administrator begins for another account leaves one record, and on their own none', async () => {
    const account = `user:${newName()}`;
    const [key, path] = [newName(), '/api/credits/purchase'];
    for (let twice = 0; twice < 2; twice++)
      expect((await admin.post(path, { package_id: 'pro', account }, { key })).status).toBe(201);
    const [purchase] = await listed({ account });
    expect((await admin.get('/api/admin/audit', { account })).body.data).toEqual([
      expect.objectContaining({
        actor: 'admin:root',
        action: 'purchases.begin',
        target: purchase.purchase_id,
        after: { status: 'open', item: 'pro', price: 90, currency: 'USD' },
      }),
    ]);
    const own = (await admin.post(path, { package_id: 'pro' })).body.data;
    expect((await admin.get('/api/admin/audit', { target: own.purchase_id })).body.data).toEqual([]);
  });

  it('a refund that Stripe refuses leaves no record', async () => {
    const sale = await shop.sell();
    shop.stripe.payments.get(sale.session.payment_intent!)!.amount_received = 1000;
    expectError(await admin.post(`/api/payments/purchases/${sale.id}/refund`, {}), 409, 'CONFLICT');
    expect(await audited(sale)).toEqual([]);
  });

  it('a refund of a paid purchase leaves one record, however often it is sent', async () => {
    const sale = await shop.sell();
    const path = `/api/payments/purchases/${sale.id}/refund`;
    for (let twice = 0; twice < 2; twice++)
      expect((await admin.post(path, { amount: 45 }, { key: `p-${sale.id}` })).status).toBe(201);
    expect((await admin.post(path, { amount: 999 })).status).toBe(409);
    expect(await audited(sale)).toEqual([
      expect.objectContaining({
        action: 'purchases.refund',
        actor: 'admin:root',
        account: sale.account,
        after: expect.objectContaining({ amount: 45, currency: 'USD' }),
      }),
    ]);
  });

  it('leaves books that prove right', () => expectVerified(database));
});
