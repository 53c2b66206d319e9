import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { Proxy } from '../support/proxy.js';
import { startServer } from '../support/server.js';
import { begin, type Sale, Shop } from '../support/shop.js';
import { expectError, newName } from '../support/words.js';

const HOUR = 3_600_000;
const SESSIONS = 'POST /v1/checkout/sessions';

describeEachDatabase((database) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open(database);
  });
  afterAll(() => shop?.close());

  /** A buyer whose token outlives a shifted clock. */
  const newBuyer = async () => {
    const sub = newName();
    const claims = { exp: Math.floor(Date.now() / 1000) + 3 * 86_400 };
    return { sub, client: await shop.server.clientFor({ sub, claims }) };
  };
  const onlyPurchase = async ({ client }: Pick<Sale, 'client'>) =>
    (await client.get('/api/payments/purchases')).body.data[0];
  /** The sale of a buyer who has one purchase. */
  const saleOf = async (sub: string): Promise<Sale> => {
    const client = await shop.server.clientFor({ sub });
    const { purchase_id: id } = await onlyPurchase({ client });
    return { client, account: `user:${sub}`, kind: 'credits', id, session: shop.stripe.sessionOf(id) };
  };
  const keysOf = (id: string) =>
    shop.stripe.requests
      .filter(({ form }) => form['client_reference_id'] === id)
      .map(({ headers }) => headers['idempotency-key']);

  describe('5. a crash', () => {
    it.each([
      ['when the row was written', 'POST /v1/customers', 'request'],
      ['when the customer was made', 'POST /v1/customers', 'answer'],
      ['before the session was made', SESSIONS, 'request'],
      ['when the session was made', SESSIONS, 'answer'],
    ] as const)('%s: the retry and reconciliation come to one purchase with one session', async (_name, on, what) => {
      for (const heal of ['retry', 'reconciliation']) {
        const { sub, client } = await newBuyer();
        const sessions = shop.stripe.sessions.size;
        const held = shop.stripe.holdOn(on, what);
        const lost = begin(client, 'credits', 'again').catch(() => undefined);
        await held.arrived;
        await shop.crash();
        held.release();
        await lost;
        const again = await newClient(sub);
        if (heal === 'reconciliation')
          expect((await shop.reconcile({ thorough: false })).changes.join()).toContain(
            (await onlyPurchase({ client: again })).purchase_id,
          );
        const { status, body } = await begin(again, 'credits', 'again');
        expect(status).toBe(201);
        expect(shop.stripe.sessions.size).toBe(sessions + 1);
        expect((await again.get('/api/payments/purchases')).body.meta.total).toBe(1);
        const sale = await saleOf(sub);
        expect(body.data.checkout_url).toBe(sale.session.url);
        await shop.tell(...shop.stripe.pay(sale.session));
        await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      }
    });

    const newClient = (sub: string) => shop.server.clientFor({ sub });

    /** Restarts the server, for which the lease of what the old one took has ended. */
    async function restart(): Promise<void> {
      await shop.server.stop('SIGKILL');
      await shop.sql.query('UPDATE webhook_event SET next_attempt_at = 0 WHERE processed_at IS NULL');
      shop.server = await startServer(shop.environment);
    }

    it.each([
      ['when the event was stored', 'GET /v1/checkout/sessions/'],
      ['when the grant was posted, and the refund before it not yet taken back', 'GET /v1/refunds'],
    ])('%s: the next process finishes it, and grants once', async (_name, on) => {
      const { sub, client } = await newBuyer();
      expect((await begin(client, 'credits')).status).toBe(201);
      const before = await saleOf(sub);
      const [completed] = shop.stripe.pay(before.session);
      shop.stripe.refund(before.session, 4500);
      // The refunds are asked for once before the grant.
      if (on.includes('refunds')) shop.stripe.holdOn(on).release();
      const held = shop.stripe.holdOn(on);
      expect((await shop.deliver(completed!)).status).toBe(200);
      await held.arrived;
      if (on.includes('refunds')) expect(await shop.endOf(before)).toMatchObject({ status: 'paid', entries: [100] });
      else expect(await shop.endOf(before)).toMatchObject({ status: 'open', entries: [] });
      expect(await shop.outcomeOf(completed!)).toBeNull();
      await restart();
      held.release();
      await shop.workedOff([completed!.id]);
      expect(await shop.outcomeOf(completed!)).toBe('settled');
      await shop.expectEnd(await saleOf(sub), { status: 'paid', entries: [100, -50], refunded: 45 });
    });

    it('or SIGTERM while Stripe does not answer: the process ends with 0, and the next one finishes', async () => {
      const sale = await shop.buy();
      const [completed] = shop.stripe.pay(sale.session);
      const held = Array.from({ length: 9 }, () => shop.stripe.holdOn('GET /v1/checkout/sessions/'));
      expect((await shop.deliver(completed!)).status).toBe(200);
      await held[0]!.arrived;
      expect(await shop.server.stop()).toBe(0);
      for (const { release } of held) release();
      await restart();
      await shop.workedOff([completed!.id]);
      await shop.expectEnd(await saleOf(sale.account.slice('user:'.length)), { status: 'paid', entries: [100] });
    });

    it('when everything was done but the event not marked: it is done again and changes nothing', async () => {
      const { sub, client } = await newBuyer();
      expect((await begin(client, 'credits')).status).toBe(201);
      const sale = await saleOf(sub);
      const { events } = {
        events: [...shop.stripe.pay(sale.session), ...shop.stripe.refund(sale.session, 4500).events],
      };
      await shop.tell(...events);
      await shop.server.stop('SIGKILL');
      await shop.sql.query(
        "UPDATE webhook_event SET processed_at = NULL, outcome = NULL, lease = 'of the dead', next_attempt_at = 0",
      );
      shop.server = await startServer(shop.environment);
      await shop.workedOff();
      for (const event of events) expect(await shop.outcomeOf(event)).toBe('settled');
      await shop.expectEnd(await saleOf(sub), { status: 'paid', entries: [100, -50], refunded: 45 });
    });

    it('while a refund is asked for: reconciliation finds that it was made, or makes it', async () => {
      for (const what of ['request', 'answer'] as const) {
        const sale = await shop.sell();
        const held = shop.stripe.holdOn('POST /v1/refunds', what);
        const lost = (await shop.admin())
          .post(`/api/payments/purchases/${sale.id}/refund`, { amount: 45 })
          .catch(() => undefined);
        await held.arrived;
        await shop.crash();
        held.release();
        await lost;
        await shop.reconcile({ thorough: false });
        await shop.expectEnd(await saleOf(sale.account.slice('user:'.length)), {
          status: 'paid',
          entries: [100, -50],
          refunded: 45,
        });
      }
    });
  });

  if (database.engine !== 'sqlite')
    describe('5. the database is down', () => {
      it('while an event comes: 500, and stored when Stripe sends it again', async () => {
        const proxy = await Proxy.to(database.url);
        const { url: _, ...rest } = { url: shop.environment['DATABASE_URL'], ...shop.environment };
        const server = await startServer({ ...rest, DATABASE_URL: proxy.url });
        try {
          const sale = await shop.buy();
          const [completed] = shop.stripe.pay(sale.session);
          const send = () =>
            server.client.request(
              'POST',
              '/api/webhooks/stripe',
              shop.stripe.delivery(completed!, 'whsec_of_the_tests'),
            );
          proxy.cut();
          expect((await send()).status).toBeGreaterThanOrEqual(500);
          expect(await shop.outcomeOf(completed!)).toBeUndefined();
          proxy.mend();
          await eventually(async () => expect((await send()).status).toBe(200));
          await shop.expectEnd(sale, { status: 'paid', entries: [100] });
          await shop.workedOff();
        } finally {
          await server.stop();
          await proxy.close();
        }
      });
    });

  describe('a session that Stripe does not give', () => {
    it('because it keeps a failure under the key: a second attempt, once it shows that the first made none', async () => {
      const { sub, client } = await newBuyer();
      shop.stripe.failOn(SESSIONS, 'stored-500');
      expect((await begin(client, 'credits', 'k')).status).toBe(201);
      const sale = await saleOf(sub);
      expect(new Set(keysOf(sale.id))).toEqual(new Set([`checkout:${sale.id}:1`, `checkout:${sale.id}:2`]));
      await shop.tell(...shop.stripe.pay(sale.session));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('because it keeps a failure, though it made one: that one is found, and no other is made', async () => {
      const { sub, client } = await newBuyer();
      const before = shop.stripe.sessions.size;
      shop.stripe.failOn(SESSIONS, 'stored-500-after');
      const { status, body } = await begin(client, 'credits', 'k');
      const sale = await saleOf(sub);
      expect([status, body.data.checkout_url, shop.stripe.sessions.size]).toEqual([201, sale.session.url, before + 1]);
      expect(new Set(keysOf(sale.id))).toEqual(new Set([`checkout:${sale.id}:1`]));
      await shop.tell(...shop.stripe.pay(sale.session));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('another address of ours does not change what a retry asks for', async () => {
      const { sub, client } = await newBuyer();
      shop.stripe.failOn(SESSIONS, 'cut-body');
      expectError(await begin(client, 'credits', 'k'), 502, 'PAYMENT_PROVIDER_ERROR');
      await shop.crash({
        PUBLIC_URL: 'https://elsewhere.example.com',
        CHECKOUT_CANCEL_URL: 'https://shop.example.com/',
      });
      const again = await shop.server.clientFor({ sub });
      const { status, body } = await begin(again, 'credits', 'k');
      const sale = await saleOf(sub);
      expect([status, body.data.checkout_url]).toEqual([201, sale.session.url]);
      const sent = shop.stripe.requests
        .filter(({ form }) => form['client_reference_id'] === sale.id)
        .map(({ form }) => form);
      expect(sent).toHaveLength(2);
      expect(sent[1]).toEqual(sent[0]);
      expect(keysOf(sale.id)).toEqual([`checkout:${sale.id}:1`, `checkout:${sale.id}:1`]);
      await shop.crash();
    });

    describe('and nobody asks again for a day', () => {
      const later = async (hours: number) => {
        shop.stripe.ahead = hours * HOUR;
        await shop.server.setClock(new Date(Date.now() + hours * HOUR).toISOString());
      };
      const start = async (fault: 'cut-body' | '429') => {
        const buyer = await newBuyer();
        shop.stripe.failOn(SESSIONS, fault);
        expectError(await begin(buyer.client, 'credits', 'k'), 502, 'PAYMENT_PROVIDER_ERROR');
        return buyer;
      };
      // The clocks go back after each, as the other tests expect.
      const onceLater = async (hours: number, then: () => Promise<void>) => {
        await later(hours);
        try {
          await then();
        } finally {
          await later(0);
        }
      };

      it('and none was made: a new attempt, with a time of its own', async () => {
        const { client } = await start('429');
        const first = await onlyPurchase({ client });
        await onceLater(22.8, async () => {
          const { status, body } = await begin(client, 'credits', 'k');
          expect([status, body.data.purchase_id]).toEqual([201, first.purchase_id]);
          expect(Date.parse(body.data.expires_at) - Date.parse(first.expires_at)).toBeGreaterThan(22 * HOUR);
          expect(keysOf(first.purchase_id)).toEqual([
            `checkout:${first.purchase_id}:1`,
            `checkout:${first.purchase_id}:2`,
          ]);
          const sale = {
            client,
            kind: 'credits',
            id: first.purchase_id,
            account: '',
            session: shop.stripe.sessionOf(first.purchase_id),
          } as const;
          await shop.tell(...shop.stripe.pay(sale.session));
          await shop.expectEnd(sale, { status: 'paid', entries: [100] });
        });
      });

      it.each([
        ['and one was made and was paid meanwhile: that one counts', true],
        ['and one was made and has run out: a new attempt', false],
      ])('%s', async (_name, paid) => {
        const { client } = await start('cut-body');
        const { purchase_id: id } = await onlyPurchase({ client });
        const first = shop.stripe.sessionOf(id);
        shop.stripe.silent = true;
        if (paid) shop.stripe.pay(first);
        else shop.stripe.expire(first);
        shop.stripe.silent = false;
        await onceLater(23.5, async () => {
          expect((await begin(client, 'credits', 'k')).status).toBe(201);
          const session = shop.stripe.sessionOf(id);
          expect(session.id === first.id).toBe(paid);
          if (!paid) shop.stripe.pay(session);
          expect((await client.get(`/api/payments/purchases/${id}`)).body.data.status).toBe('paid');
          expect((await client.get('/api/credits/transactions')).body.data.map(({ amount }: any) => amount)).toEqual([
            100,
          ]);
        });
      });

      it('reconciliation lets it expire, and the same key may begin it anew', async () => {
        const { client } = await start('429');
        const { purchase_id: id } = await onlyPurchase({ client });
        await shop.sql.query('UPDATE purchase SET expires_at = ? WHERE id = ?', [Date.now() - HOUR, id]);
        expect((await shop.reconcile({ thorough: false })).changes).toContain(`purchase ${id}: open to expired`);
        expect((await onlyPurchase({ client })).status).toBe('expired');
        expect((await begin(client, 'credits', 'k')).body.data.purchase_id).toBe(id);
        expect(await onlyPurchase({ client })).toMatchObject({
          status: 'open',
          checkout_url: shop.stripe.sessionOf(id).url,
        });
      });
    });
  });

  describe('the customer of an account', () => {
    const customersOf = (account: string) =>
      [...shop.stripe.customers.values()].filter(({ metadata }) => metadata['account'] === account);

    it('is one, of twenty first purchases at once in two processes', async () => {
      const { sub, client } = await newBuyer();
      const twin = await startServer(shop.environment);
      try {
        const other = await twin.clientFor({ sub });
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, i) => begin(i % 2 ? client : other, 'credits')),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
        const [customer, ...others] = customersOf(`user:${sub}`);
        expect(others).toEqual([]);
        for (const { body } of answers)
          expect(shop.stripe.sessionOf(body.data.purchase_id).customer).toBe(customer!.id);
      } finally {
        await twin.stop();
      }
    });

    it('that Stripe no longer knows is made anew', async () => {
      const { sub, client } = await newBuyer();
      expect((await begin(client, 'credits')).status).toBe(201);
      const [gone] = customersOf(`user:${sub}`);
      shop.stripe.customers.delete(gone!.id);
      const { status, body } = await begin(client, 'credits');
      const [customer] = customersOf(`user:${sub}`);
      expect([status, shop.stripe.sessionOf(body.data.purchase_id).customer]).toEqual([201, customer!.id]);
      expect(customer!.id).not.toBe(gone!.id);
    });

    it('whose making Stripe keeps failing under its key gets another key', async () => {
      const { sub, client } = await newBuyer();
      shop.stripe.failOn('POST /v1/customers', 'stored-500');
      const first = await begin(client, 'credits', 'k');
      if (first.status !== 201) expectError(first, 502, 'PAYMENT_PROVIDER_ERROR');
      expect((await begin(client, 'credits', 'k')).status).toBe(201);
      expect(customersOf(`user:${sub}`)).toHaveLength(1);
    });
  });
});

describeEachDatabase((database) => {
  describe('tax and promotion codes', () => {
    let shop: Shop;
    beforeAll(async () => {
      shop = await Shop.open(database, { STRIPE_AUTOMATIC_TAX: 'true', STRIPE_PROMOTION_CODES: 'true' });
    });
    afterAll(() => shop?.close());

    it('are asked for', async () => {
      const { id } = await shop.buy();
      const { form } = shop.stripe.requests.find(({ form }) => form['client_reference_id'] === id)!;
      expect(form).toMatchObject({
        'automatic_tax[enabled]': 'true',
        'customer_update[address]': 'auto',
        allow_promotion_codes: 'true',
        'line_items[0][price_data][tax_behavior]': 'exclusive',
      });
    });

    it.each([
      ['with tax', { tax: 1800 }, 108],
      ['with a discount', { discount: 4500 }, 45],
      ['with both', { discount: 4500, tax: 900 }, 54],
    ])('%s the whole amount is granted, and refunds take the share of what was paid', async (_name, terms, paid) => {
      const sale = await shop.buy();
      await shop.tell(...shop.stripe.pay(sale.session, terms));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      expect((await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data).toMatchObject({
        price: 90,
        paid,
      });
      await shop.tell(...shop.stripe.refund(sale.session, paid * 50).events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: paid / 2 });
    });

    it('with a discount of everything it is granted, and there is nothing to refund', async () => {
      const sale = await shop.buy();
      await shop.tell(...shop.stripe.pay(sale.session, { discount: 9000 }));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      expectError(await (await shop.admin()).post(`/api/payments/purchases/${sale.id}/refund`, {}), 409, 'CONFLICT');
    });

    it('another price is still another price', async () => {
      const sale = await shop.buy();
      sale.session.amount_subtotal = 1000;
      await shop.tell(...shop.stripe.pay(sale.session, { tax: 8000 }));
      await shop.expectEnd(sale, { status: 'review', entries: [] });
    });
  });

  describe('without them', () => {
    it('a sum with tax or a discount is for a person to look at', async () => {
      const shop = await Shop.open(database);
      try {
        for (const terms of [{ tax: 1 }, { discount: 1 }, { discount: 9000 }]) {
          const sale = await shop.buy();
          await shop.tell(...shop.stripe.pay(sale.session, terms));
          await shop.expectEnd(sale, { status: 'review', entries: [] });
        }
      } finally {
        await shop.close();
      }
    });
  });
});
