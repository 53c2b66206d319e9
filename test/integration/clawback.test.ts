import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Sale, Shop } from '../support/shop.js';
import { expectError, newName } from '../support/words.js';

describeEachDatabase((database) => {
  let shop: Shop;
  let admin: Client;
  beforeAll(async () => {
    shop = await Shop.open(database);
    admin = await shop.admin();
  });
  afterAll(() => shop?.close());

  const description = async ({ client }: Sale) =>
    (await client.get('/api/credits/transactions')).body.data.at(-1).description;

  describe('6. refunds', () => {
    it('in part, again in part, and the rest: each takes its share, and together all of it', async () => {
      const sale = await shop.sell();
      await shop.tell(...shop.stripe.refund(sale.session, 3000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -33.333333], refunded: 30 });
      expect(await description(sale)).toBe('Refund of the Pro package purchase');
      await shop.tell(...shop.stripe.refund(sale.session, 3000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -33.333333, -33.333333], refunded: 60 });
      await shop.tell(...shop.stripe.refund(sale.session, 3000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -33.333333, -33.333333, -33.333334], refunded: 90 });
      const { data } = (await sale.client.get(`/api/credits/transactions`)).body;
      expect(data[1]).toMatchObject({ type: 'refund', purchase_id: sale.id });
    });

    it('of tokens, rounded in favour of the buyer', async () => {
      const sale = await shop.sell('tokens');
      const { price } = (await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data;
      await shop.tell(...shop.stripe.refund(sale.session, 1).events);
      await shop.expectEnd(sale, {
        status: 'paid',
        entries: [1_000_000, -Math.floor(1_000_000 / (price * 100))],
        refunded: 0.01,
      });
    });

    it('told many times at once, by many events for one fact', async () => {
      const sale = await shop.sell();
      const { events } = shop.stripe.refund(sale.session, 4500);
      const all = events.flatMap((event) => [event, event, shop.stripe.twin(event), shop.stripe.twin(event)]);
      expect(new Set((await Promise.all(all.map((event) => shop.deliver(event)))).map(({ status }) => status))).toEqual(
        new Set([200]),
      );
      await shop.workedOff();
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
    });

    it('in full, before the completion was told', async () => {
      const sale = await shop.buy();
      const paid = shop.stripe.pay(sale.session);
      const { events } = shop.stripe.refund(sale.session, 9000);
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], refunded: 90 });
      await shop.tell(...paid);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], refunded: 90 });
      for (const event of [...events, ...paid]) expect(await shop.outcomeOf(event)).toBe('settled');
    });

    it('pending counts, failed gives back, and a new one takes again', async () => {
      const sale = await shop.sell();
      const { refund, events } = shop.stripe.refund(sale.session, 4500, 'pending');
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
      await shop.tell(...shop.stripe.changeRefund(refund, 'succeeded'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
      await shop.tell(...shop.stripe.changeRefund(refund, 'failed'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50, 50], refunded: 0 });
      expect(await description(sale)).toBe('Refund failed, return of the Pro package purchase');
      await shop.tell(...shop.stripe.refund(sale.session, 4500).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50, 50, -50], refunded: 45 });
    });

    it('after the credits were spent: a debt that stops spending until it is covered', async () => {
      const sale = await shop.sell();
      expect((await sale.client.post('/api/credits/debit', { amount: 80, description: 'Agent run' })).status).toBe(201);
      await shop.tell(...shop.stripe.refund(sale.session, 9000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -80, -100], refunded: 90 });
      expectError(
        await sale.client.post('/api/credits/debit', { amount: 0.01, description: 'x' }),
        402,
        'INSUFFICIENT_CREDITS',
      );
      await admin.post('/api/credits/deposit', { amount: 80.01, description: 'x', account: sale.account });
      expect((await sale.client.post('/api/credits/debit', { amount: 0.01, description: 'x' })).status).toBe(201);
    });
  });

  describe('6. disputes', () => {
    it('an inquiry moves nothing, also when it is closed', async () => {
      const sale = await shop.sell();
      const { dispute, events } = shop.stripe.dispute(sale.session, 9000, 'warning_needs_response');
      await shop.tell(...events, ...shop.stripe.changeDispute(dispute, 'warning_closed'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      expect(await shop.outcomeOf(events[0]!)).toBe('settled');
    });

    it('an inquiry that becomes a dispute takes, and being won gives back', async () => {
      const sale = await shop.sell();
      const { dispute, events } = shop.stripe.dispute(sale.session, 9000, 'warning_needs_response');
      await shop.tell(...events, ...shop.stripe.changeDispute(dispute, 'needs_response'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], disputed: 90 });
      expect(await description(sale)).toBe('Dispute of the Pro package purchase');
      await shop.tell(...shop.stripe.changeDispute(dispute, 'under_review'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], disputed: 90 });
      await shop.tell(...shop.stripe.changeDispute(dispute, 'won'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100, 100] });
      expect(await description(sale)).toBe('Dispute won, return of the Pro package purchase');
    });

    it('lost stays, and an old event about it being open changes nothing', async () => {
      const sale = await shop.sell();
      const { dispute, events } = shop.stripe.dispute(sale.session);
      await shop.tell(...shop.stripe.changeDispute(dispute, 'lost'), ...events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], disputed: 90 });
    });

    it('together with a refund at most what was paid', async () => {
      const sale = await shop.sell();
      await shop.tell(...shop.stripe.refund(sale.session, 6000).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -66.666666], refunded: 60 });
      const { dispute, events } = shop.stripe.dispute(sale.session);
      await shop.tell(...events);
      await shop.expectEnd(sale, {
        status: 'paid',
        entries: [100, -66.666666, -33.333334],
        refunded: 60,
        disputed: 90,
      });
      await shop.tell(...shop.stripe.changeDispute(dispute, 'won'));
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -66.666666, -33.333334, 33.333334], refunded: 60 });
    });

    it('of a purchase under review shows, and moves nothing', async () => {
      const sale = await shop.buy();
      const events = shop.stripe.pay(sale.session);
      sale.session.currency = 'eur';
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      expect((await shop.reconcile()).problems.join()).toContain(sale.id);
      await shop.tell(...shop.stripe.refund(sale.session, 9000).events);
      await shop.expectEnd(sale, { status: 'review', entries: [], refunded: 90 });
      expect((await shop.reconcile()).problems.join()).not.toContain(sale.id);
    });
  });

  it.each(['credits', 'tokens'] as const)(
    'the books say who bought %s and who refunded; the entries are made by the system, without a key or trace id',
    async (kind) => {
      const bought = await shop.sell(kind);
      const [path, plan] =
        kind === 'credits'
          ? ['/api/credits/purchase', { package_id: 'pro' }]
          : ['/api/tokens/checkout', { plan_id: 'growth' }];
      const forOther = await admin.post(path, { ...plan, account: bought.account });
      const forSelf = await admin.post(path, plan);
      expect([forOther.status, forSelf.status]).toEqual([201, 201]);
      const actorOf = async (table: string, column: string, id: string) => {
        const [row] = await shop.sql.query<{ actor: string }>(`SELECT actor FROM ${table} WHERE ${column} = ?`, [id]);
        return row!.actor;
      };
      expect(await actorOf('purchase', 'id', bought.id)).toBe(bought.account);
      expect(await actorOf('purchase', 'id', forOther.body.data.purchase_id)).toBe('admin:root');
      expect(await actorOf('purchase', 'id', forSelf.body.data.purchase_id)).toBe('user:root');
      const { status } = await admin.post(`/api/payments/purchases/${bought.id}/refund`, { amount: 1 }, { key: 'r' });
      expect(status).toBe(201);
      expect(await actorOf('purchase_refund', 'purchase_id', bought.id)).toBe('admin:root');
      await shop.workedOff();
      const history = `/api/${kind}/transactions`;
      const { data } = (await admin.get(history, { account: bought.account })).body;
      expect(data.map(({ type, actor }: any) => [type, actor])).toEqual([
        [kind === 'credits' ? 'deposit' : 'purchase', 'system'],
        ['refund', 'system'],
      ]);
      for (const entry of data) expect(Object.keys(entry)).not.toContain('trace_id');
      for (const entry of data) expect(Object.keys(entry)).not.toContain('idempotency_key');
      for (const filter of [{ purchase_id: bought.id }, { actor: 'system' }]) {
        expect((await bought.client.get(history, filter)).body.data).toEqual(data);
        expect((await bought.client.get(history, { ...filter, type: 'refund' })).body.data).toEqual(data.slice(1));
      }
      expect((await bought.client.get(history, { purchase_id: forSelf.body.data.purchase_id })).body.data).toEqual([]);
    },
  );

  describe('POST /payments/purchases/{id}/refund', () => {
    const refund = (client: Client, { id }: Sale, body: object = {}, key?: string) =>
      client.post(`/api/payments/purchases/${id}/refund`, body, { key });

    it('refunds a part and then what remains, and the credits are gone when it answers', async () => {
      const sale = await shop.sell();
      const first = await refund(admin, sale, { amount: 30, reason: 'requested_by_customer' });
      expect([first.status, first.body.data]).toEqual([
        201,
        {
          refund_id: expect.stringMatching(/^ref_[0-9a-f]{32}$/),
          purchase_id: sale.id,
          amount: 30,
          currency: 'USD',
          reason: 'requested_by_customer',
          status: 'succeeded',
          created_at: expect.any(String),
        },
      ]);
      expect(await shop.endOf(sale)).toEqual({ status: 'paid', entries: [100, -33.333333], refunded: 30, disputed: 0 });
      const sent = shop.stripe.requests.findLast(({ method, path }) => method === 'POST' && path === '/v1/refunds')!;
      expect(sent.form).toEqual({
        payment_intent: sale.session.payment_intent,
        amount: '3000',
        reason: 'requested_by_customer',
        'metadata[purchase_id]': sale.id,
        'metadata[request_id]': first.body.data.refund_id,
      });
      expect((await refund(admin, sale)).body.data).toMatchObject({ amount: 60, reason: null });
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -33.333333, -66.666667], refunded: 90 });
      const again = await refund(admin, sale);
      expectError(again, 409, 'CONFLICT');
      expect(again.body.error.details).toEqual({ remaining: 0 });
      await shop.reconcile();
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -33.333333, -66.666667], refunded: 90 });
    });

    it('is for administrators, for purchases that exist and are paid, and for sums that remain', async () => {
      const sale = await shop.sell();
      const open = await shop.buy();
      expectError(await refund(sale.client, sale), 403, 'FORBIDDEN');
      for (const id of ['pur_0', `${sale.id}%20`, `${sale.id}%20%20`, sale.id.toUpperCase()])
        expectError(await refund(admin, { ...sale, id }), 404, 'NOT_FOUND');
      expectError(await refund(admin, open), 409, 'CONFLICT');
      expectError(await refund(admin, sale, { amount: 90.01 }), 409, 'CONFLICT');
      for (const amount of [0, -1, 0.001, '1', null, 1e300])
        expectError(await refund(admin, sale, { amount }), 400, 'VALIDATION_ERROR');
      expectError(await refund(admin, sale, { reason: 'because' }), 400, 'VALIDATION_ERROR');
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('counts what was refunded elsewhere, whether or not an event told', async () => {
      const sale = await shop.sell();
      shop.stripe.refund(sale.session, 8000);
      const refused = await refund(admin, sale, { amount: 20 });
      expectError(refused, 409, 'CONFLICT');
      expect(refused.body.error.details).toEqual({ remaining: 10 });
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -88.888888], refunded: 80 });
    });

    it('under one key is one refund, also twenty times at once; with another request the key is refused', async () => {
      const sale = await shop.sell();
      const answers = await Promise.all(Array.from({ length: 20 }, () => refund(admin, sale, { amount: 45 }, 'once')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
      const again = await refund(admin, sale, { amount: 45 }, 'once');
      expect([again.text, again.headers['idempotent-replayed']]).toEqual([answers[0]!.text, 'true']);
      expectError(await refund(admin, sale, { amount: 44 }, 'once'), 422, 'IDEMPOTENCY_KEY_REUSED');
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
    });

    it('under one key refunds one purchase of an account; another account has keys of its own', async () => {
      const sub = newName();
      const [sale, second, other] = [
        await shop.sell('credits', sub),
        await shop.sell('tokens', sub),
        await shop.sell(),
      ];
      const first = await refund(admin, sale, { amount: 5 }, 'one-key');
      expect(first.status).toBe(201);
      expectError(await refund(admin, second, { amount: 5 }, 'one-key'), 422, 'IDEMPOTENCY_KEY_REUSED');
      expect(await shop.endOf(second)).toMatchObject({ entries: [1_000_000], refunded: 0 });
      expect((await refund(admin, other, { amount: 5 }, 'one-key')).body.data.purchase_id).toBe(other.id);
      expect((await refund(admin, sale, { amount: 5 }, 'one-key')).body).toEqual(first.body);
    });

    it('of two purchases at once under one key of an account, one is refunded', async () => {
      const sub = newName();
      const sales = [await shop.sell('credits', sub), await shop.sell('tokens', sub)];
      const answers = await Promise.all(sales.map((sale) => refund(admin, sale, { amount: 5 }, 'race')));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
      const ends = await Promise.all(sales.map((sale) => shop.endOf(sale)));
      expect(ends.map(({ refunded }) => refunded).sort()).toEqual([0, 5]);
    });

    it('repeats a refusal to the letter', async () => {
      const sale = await shop.buy();
      const first = await refund(admin, sale, {}, 'early');
      expectError(first, 409, 'CONFLICT');
      await shop.tell(...shop.stripe.pay(sale.session));
      const second = await refund(admin, sale, {}, 'early');
      expect([second.status, second.body, second.headers['idempotent-replayed']]).toEqual([409, first.body, 'true']);
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('without a key, two at once of all that remains make one', async () => {
      const sale = await shop.sell();
      const answers = await Promise.all([refund(admin, sale), refund(admin, sale), refund(admin, sale)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -100], refunded: 90 });
    });

    it.each([
      ['nothing happened', ['reset-before', 'reset-before', 'reset-before']],
      ['the answer was cut off', ['cut-body']],
      ['the answers were lost', ['reset-after', 'reset-after', 'reset-after']],
      ['too many requests', ['429']],
      ["a proxy's page", ['html-502', 'html-502', 'html-502']],
      ['a failure that Stripe keeps', ['stored-500']],
      ['a failure that Stripe keeps, though it was done', ['stored-500-after']],
    ] as const)('answers 502 when Stripe fails, and the same key makes it good: %s', async (_name, faults) => {
      const sale = await shop.sell();
      shop.stripe.failOn('POST /v1/refunds', ...faults);
      const first = await refund(admin, sale, { amount: 45 }, 'patient');
      if (faults[0] !== 'stored-500-after') expectError(first, 502, 'PAYMENT_PROVIDER_ERROR');
      shop.stripe.heal();
      const second = await refund(admin, sale, { amount: 45 }, 'patient');
      expect([second.status, second.body.data.amount]).toEqual([201, 45]);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
    });

    it('one whose answer was lost and that nobody asks for again is taken up by reconciliation', async () => {
      const [made, unmade] = [await shop.sell(), await shop.sell()];
      shop.stripe.failOn('POST /v1/refunds', 'cut-body');
      expectError(await refund(admin, made, { amount: 45 }), 502, 'PAYMENT_PROVIDER_ERROR');
      shop.stripe.failOn('POST /v1/refunds', '429');
      expectError(await refund(admin, unmade, { amount: 45 }), 502, 'PAYMENT_PROVIDER_ERROR');
      expectError(await refund(admin, unmade, { amount: 50 }), 409, 'CONFLICT');
      expect((await shop.reconcile()).refunds).toBe(2);
      for (const sale of [made, unmade])
        await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
      expect((await shop.reconcile()).refunds).toBe(0);
    });
  });
});
