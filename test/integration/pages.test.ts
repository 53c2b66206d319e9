import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import type { FakeSession, Fault } from '../support/fake-stripe.js';
import { startServer, type Server } from '../support/server.js';
import { type Sale, Shop } from '../support/shop.js';

const DAY_MS = 86_400_000;

describeEachDatabase((database) => {
  let shop: Shop;
  let twin: Server;
  beforeAll(async () => {
    shop = await Shop.open(database);
    twin = await startServer(shop.environment);
  });
  afterAll(async () => {
    await twin?.stop();
    await shop?.close();
  });

  const look = (path: string, server = shop.server) => server.client.get(path);
  /** The path that the checkout returns to, with its token. */
  const wayBack = ({ id }: Sale) => {
    const sent = shop.stripe.requests.findLast(({ form }) => form['client_reference_id'] === id)!;
    const { pathname, search } = new URL(sent.form['success_url']!);
    return `${pathname}${search}`;
  };
  const asked = ({ id }: FakeSession) =>
    shop.stripe.requests.filter(({ path }) => path === `/v1/checkout/sessions/${id}`).length;
  const setClocks = (time: number) =>
    Promise.all([shop.server, twin].map((server) => server.setClock(new Date(time).toISOString())));

  describe('how often Stripe is asked', () => {
    it('once for many views of both pages in two processes, and again some seconds later', async () => {
      const sale = await shop.buy();
      const views = () =>
        Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            look(`/checkout/${i % 4 < 2 ? 'return' : 'cancel'}/${sale.id}`, i % 2 ? twin : shop.server),
          ),
        );
      const version = async () =>
        Number((await shop.sql.query('SELECT version FROM purchase WHERE id = ?', [sale.id]))[0]!['version']);
      const [before, began] = [await version(), Date.now()];
      expect(new Set((await views()).map(({ status }) => status))).toEqual(new Set([200]));
      await views();
      // One, if the machine is quick enough for forty views in five seconds.
      const mostly = 1 + Math.floor((Date.now() - began) / 5_000);
      expect(asked(sale.session)).toBeGreaterThanOrEqual(1);
      expect(asked(sale.session)).toBeLessThanOrEqual(mostly);
      await eventually(async () => expect(await version()).toBe(before + asked(sale.session)));
      shop.stripe.silent = true;
      shop.stripe.pay(sale.session);
      shop.stripe.silent = false;
      await shop.sql.query('UPDATE purchase SET asked_at = ? WHERE id = ?', [Date.now() + 4_000, sale.id]);
      expect((await look(`/checkout/return/${sale.id}`)).text).toContain('Waiting for your payment');
      await setClocks(Date.now() + 20_000);
      await eventually(async () => expect((await look(`/checkout/return/${sale.id}`)).text).toContain('Thank you'));
      const inAll = asked(sale.session);
      await views();
      expect(asked(sale.session)).toBe(inAll);
      await setClocks(Date.now());
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('again at once when a server whose clock was ahead has asked last', async () => {
      const sale = await shop.buy();
      await shop.sql.query('UPDATE purchase SET asked_at = ? WHERE id = ?', [Date.now() + 365 * DAY_MS, sale.id]);
      await look(`/checkout/return/${sale.id}`);
      expect(asked(sale.session)).toBe(1);
    });

    it('and when Stripe does not answer, the page shows what is known', async () => {
      const sale = await shop.buy();
      const held = shop.stripe.holdOn(`GET /v1/checkout/sessions/${sale.session.id}`);
      const shown = look(`/checkout/return/${sale.id}`);
      await held.arrived;
      expect((await shown).text).toContain('Waiting for your payment');
      held.release();
    });
  });

  it('the token of the way back shows balance and receipt, until 24 hours after the payment', async () => {
    const sale = await shop.buy();
    expect((await look(wayBack(sale))).text).not.toContain('Account balance');
    await shop.tell(...shop.stripe.pay(sale.session));
    await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    const of = async (path: string) => {
      const { text } = await look(path);
      return [text.includes('Account balance'), text.includes('https://pay.stripe.com/receipts/')];
    };
    expect(await of(wayBack(sale))).toEqual([true, true]);
    for (const token of [
      '',
      '?token=',
      `?token=${'x'.repeat(43)}`,
      `${new URL(wayBack(sale), 'http://x').search}&token=x`,
    ])
      expect(await of(`/checkout/return/${sale.id}${token}`)).toEqual([false, false]);
    await setClocks(Date.now() + DAY_MS - 60_000);
    expect(await of(wayBack(sale))).toEqual([true, true]);
    await setClocks(Date.now() + DAY_MS + 60_000);
    expect(await of(wayBack(sale))).toEqual([false, false]);
    await setClocks(Date.now());
  });

  describe('say what is true', () => {
    const [REFUND_HALF, REFUND_ALL] = [4500, 9000];
    const resolved = async (sale: Sale, decision: 'dismiss' | 'refund', expected = 200) => {
      const events = shop.stripe.pay(sale.session);
      sale.session.currency = 'eur';
      await shop.tell(...events);
      const path = `/api/admin/purchases/${sale.id}/resolve`;
      expect((await (await shop.admin()).post(path, { decision, note: 'Seen.' })).status).toBe(expected);
    };
    it.each<[string, (sale: Sale) => Promise<unknown>, string[], string[]]>([
      [
        'open',
        async () => undefined,
        ['Waiting for your payment', 'Return to the checkout', 'http-equiv="refresh"'],
        ['credited to'],
      ],
      [
        'under way',
        async (sale) => shop.tell(...shop.stripe.payLater(sale.session)),
        ['Payment processing', 'http-equiv="refresh"'],
        ['Account balance', 'Thank you'],
      ],
      [
        'failed',
        async (sale) => shop.tell(...shop.stripe.payLater(sale.session), ...shop.stripe.conclude(sale.session, false)),
        ['Payment failed', 'Nothing was credited'],
        ['Account balance', 'http-equiv="refresh"'],
      ],
      [
        'paid',
        async (sale) => shop.tell(...shop.stripe.pay(sale.session)),
        ['Thank you', '$100.00 of credits', 'Account balance'],
        ['refund'],
      ],
      [
        'refunded in part',
        async (sale) => shop.tell(...shop.stripe.pay(sale.session), ...shop.stripe.refund(sale.session, 3000).events),
        ['Payment partly refunded', '$30.00', '$33.33 of credits', '$66.66'],
        ['Thank you', '33.333', '66.666'],
      ],
      [
        'refunded in two parts',
        async (sale) => {
          await shop.tell(...shop.stripe.pay(sale.session));
          await shop.tell(
            ...[REFUND_HALF, REFUND_HALF].flatMap((cents) => shop.stripe.refund(sale.session, cents).events),
          );
        },
        ['Payment refunded', '$90.00', '$0.00'],
        ['Thank you', 'partly'],
      ],
      [
        'refunded in full',
        async (sale) =>
          shop.tell(...shop.stripe.pay(sale.session), ...shop.stripe.refund(sale.session, REFUND_ALL).events),
        ['Payment refunded', '$90.00', '$0.00'],
        ['Thank you', 'partly', 'have been added'],
      ],
      [
        'disputed',
        async (sale) => shop.tell(...shop.stripe.pay(sale.session), ...shop.stripe.dispute(sale.session).events),
        ['Payment disputed', '$90.00', '$100.00 of credits'],
        ['Thank you', 'have been added'],
      ],
      [
        'expired',
        async (sale) => shop.tell(...shop.stripe.expire(sale.session)),
        ['Purchase canceled', 'Nothing was charged'],
        ['Account balance', 'http-equiv="refresh"'],
      ],
      [
        'under review',
        async (sale) => {
          const events = shop.stripe.pay(sale.session);
          sale.session.currency = 'eur';
          await shop.tell(...events);
        },
        ['Payment under review', 'has been credited yet'],
        ['Account balance', 'Thank you'],
      ],
      [
        'paid, and closed by an administrator',
        (sale) => resolved(sale, 'dismiss'),
        ['Purchase closed', 'Your payment was received', 'nothing was credited'],
        ['Nothing was charged', 'start a new purchase', 'Thank you'],
      ],
      [
        'paid, and returned by an administrator',
        (sale) => resolved(sale, 'refund'),
        ['Payment returned', 'has been returned', '$90.00'],
        ['Nothing was charged', 'start a new purchase', 'Thank you'],
      ],
      [
        'paid, and being returned by an administrator',
        async (sale) => {
          shop.stripe.failOn('POST /v1/refunds', ...Array<Fault>(10).fill('reset-before'));
          await resolved(sale, 'refund', 502);
          shop.stripe.heal();
        },
        ['Payment being returned', 'Nothing was credited'],
        ['Nothing was charged', 'start a new purchase', 'has been returned'],
      ],
    ])('%s', async (_name, bring, says, not) => {
      const sale = await shop.buy();
      await bring(sale);
      const { status, text, headers } = await look(wayBack(sale));
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      for (const words of says) expect(text).toContain(words);
      for (const words of not) expect(text).not.toContain(words);
      // Every page leads on.
      expect(text).toContain('href="https://pay.example.com/"');
    });

    it('left without paying: nothing was charged, and it can be tried again', async () => {
      const sale = await shop.buy();
      const { text } = await look(`/checkout/cancel/${sale.id}`);
      for (const words of [
        'Payment not completed',
        'Nothing was charged',
        'Try again',
        sale.session.url!,
        'href="https://pay.example.com/"',
      ])
        expect(text).toContain(words);
      expect(text).not.toContain('http-equiv="refresh"');
    });
  });

  it('a purchase is found under its own id alone', async () => {
    const sale = await shop.buy();
    for (const id of [
      `${sale.id}%20`,
      `${sale.id}%20%20%20`,
      `%20${sale.id}`,
      `${sale.id}%00`,
      `${sale.id}%09`,
      sale.id.toUpperCase(),
    ]) {
      expect([id, (await sale.client.get(`/api/payments/purchases/${id}`)).status]).toEqual([id, 404]);
      for (const page of ['return', 'cancel'])
        expect([id, (await look(`/checkout/${page}/${id}`)).status]).toEqual([id, 404]);
    }
    expect((await sale.client.get(`/api/payments/purchases/${sale.id}`)).status).toBe(200);
  });
});
