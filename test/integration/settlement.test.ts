import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import type { FakeEvent, FakeSession } from '../support/fake-stripe.js';
import { OLD_SECRET, type Sale, SECRET, Shop } from '../support/shop.js';
import { startServer } from '../support/server.js';
import { JWT_SECRET } from '../support/tokens.js';
import { newName } from '../support/words.js';

const run = promisify(execFile);

describeEachDatabase((database) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open(database);
  });
  afterAll(() => shop?.close());

  const statuses = async (sending: Promise<{ status: number }>[]) =>
    new Set((await Promise.all(sending)).map(({ status }) => status));
  const OK = new Set([200]);

  describe('1. paid once, granted once', () => {
    const PAID = { status: 'paid', entries: [100] };

    it.each<[string, (sale: Sale, events: FakeEvent[]) => Promise<unknown>]>([
      ['told once', (_sale, [completed]) => shop.tell(completed!)],
      [
        'the same event five times in a row',
        (_sale, [completed]) => shop.tell(...Array<FakeEvent>(5).fill(completed!)),
      ],
      [
        'the same event twenty times at once',
        async (_sale, [completed]) =>
          expect(await statuses(Array.from({ length: 20 }, () => shop.deliver(completed!)))).toEqual(OK),
      ],
      ['two event ids for one fact', (_sale, [completed]) => shop.tell(completed!, shop.stripe.twin(completed!))],
      ['the payment alone', (_sale, [, succeeded]) => shop.tell(succeeded!)],
      [
        'signed with the old secret',
        async (_sale, [completed]) => expect((await shop.deliver(completed!, OLD_SECRET)).status).toBe(200),
      ],
      [
        'signed with both secrets',
        async (_sale, [completed]) => expect((await shop.deliver(completed!, [OLD_SECRET, SECRET])).status).toBe(200),
      ],
      [
        'webhook, page and reconciliation all at once',
        async (sale, events) => {
          const [delivered] = await Promise.all([
            statuses(events.flatMap((event) => [shop.deliver(event), shop.deliver(shop.stripe.twin(event))])),
            statuses(Array.from({ length: 10 }, () => sale.client.get(`/api/payments/purchases/${sale.id}`))),
            statuses(Array.from({ length: 5 }, () => shop.server.client.get(`/checkout/return/${sale.id}`))),
            shop.reconcile(),
            shop.reconcile(),
          ]);
          expect(delivered).toEqual(OK);
        },
      ],
    ])('%s', async (_name, tell) => {
      for (const kind of ['credits', 'tokens'] as const) {
        const sale = await shop.buy(kind);
        await tell(sale, shop.stripe.pay(sale.session));
        await shop.expectEnd(sale, kind === 'credits' ? PAID : { ...PAID, entries: [1_000_000] });
        await shop.workedOff();
      }
    });
  });

  describe('2. payments that take their time', () => {
    it('completed and unpaid, then succeeded', async () => {
      const sale = await shop.buy();
      await shop.tell(...shop.stripe.payLater(sale.session));
      await shop.expectEnd(sale, { status: 'processing', entries: [] });
      const events = shop.stripe.conclude(sale.session, true);
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      expect(await shop.outcomeOf(events[0]!)).toBe('settled');
    });

    it('succeeded before completed', async () => {
      const sale = await shop.buy();
      const completed = shop.stripe.payLater(sale.session);
      await shop.tell(...shop.stripe.conclude(sale.session, true), ...completed);
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it.each([
      ['told in order', (completed: FakeEvent[], failed: FakeEvent[]) => [...completed, ...failed]],
      ['told the other way round', (completed: FakeEvent[], failed: FakeEvent[]) => [...failed, ...completed]],
    ])('failed, %s; and a payment that succeeds all the same counts', async (_name, order) => {
      const sale = await shop.buy();
      const completed = shop.stripe.payLater(sale.session);
      await shop.tell(...order(completed, shop.stripe.conclude(sale.session, false)));
      await shop.expectEnd(sale, { status: 'failed', entries: [] });
      await shop.tell(...shop.stripe.conclude(sale.session, true));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it.each([
      ['expired, then paid', false],
      ['paid, and the old news that it expired after it', true],
    ])('%s', async (_name, swapped) => {
      const sale = await shop.buy();
      const expired = shop.stripe.expire(sale.session);
      if (!swapped) {
        await shop.tell(...expired);
        await shop.expectEnd(sale, { status: 'canceled', entries: [] });
      }
      await shop.tell(...shop.stripe.pay(sale.session), ...(swapped ? expired : []));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });
  });

  describe('4. what is not as it must be', () => {
    it.each<[string, Partial<FakeSession>]>([
      ['amount', { amount_total: 1 }],
      ['subtotal', { amount_subtotal: 1 }],
      ['currency', { currency: 'eur' }],
      ['livemode', { livemode: true }],
      ['mode', { mode: 'setup' }],
      ['purchase', { client_reference_id: `pur_${'0'.repeat(32)}` }],
    ])('another %s goes to review and grants nothing', async (_field, change) => {
      const sale = await shop.buy();
      const events = shop.stripe.pay(sale.session);
      Object.assign(sale.session, change);
      await shop.tell(...events);
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      expect(await shop.outcomeOf(events[0]!)).toBe('settled');
      await shop.server.line((line) => line.includes(`purchase ${sale.id} needs a review`));
    });

    it('a session swapped for one of another purchase', async () => {
      const [sale, other] = [await shop.buy(), await shop.buy()];
      const foreign: FakeSession = {
        ...other.session,
        id: `cs_test_${newName().slice(2)}`,
        client_reference_id: sale.id,
        metadata: { purchase_id: sale.id },
      };
      shop.stripe.sessions.set(foreign.id, foreign);
      await shop.tell(...shop.stripe.pay(foreign));
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      await shop.expectEnd(other, { status: 'open', entries: [] });
    });

    it('a second session that is paid besides the first grants nothing more, and says so', async () => {
      const sale = await shop.sell();
      const second: FakeSession = { ...sale.session, id: `cs_test_${newName().slice(2)}` };
      shop.stripe.sessions.set(second.id, second);
      await shop.tell(...shop.stripe.pay(second));
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      await shop.server.line((line) =>
        line.includes(
          `purchase ${sale.id} needs a review: The checkout session ${second.id} was paid besides the one that counts`,
        ),
      );
      expect((await shop.reconcile()).problems.join()).toContain(second.id);
    });

    it('an event for a purchase that is not there yet is tried again', async () => {
      const sale = await shop.buy();
      await shop.sql.query('UPDATE purchase SET id = ?, session_id = NULL WHERE id = ?', [`${sale.id}x`, sale.id]);
      const [completed] = shop.stripe.pay(sale.session);
      expect((await shop.deliver(completed!)).status).toBe(200);
      await eventually(async () =>
        expect((await shop.inbox()).find(({ id }) => id === completed!.id)).toMatchObject({
          outcome: null,
          last_error: `there is no purchase ${sale.id}`,
        }),
      );
      await shop.sql.query('UPDATE purchase SET id = ?, session_id = ? WHERE id = ?', [
        sale.id,
        sale.session.id,
        `${sale.id}x`,
      ]);
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      await shop.workedOff();
    });

    it('an event for a purchase that never comes is reported in the end', async () => {
      const id = `pur_${newName().slice(2).padEnd(32, '0')}`;
      const session = {
        id: 'cs_test_lost',
        object: 'checkout.session',
        client_reference_id: id,
        metadata: { purchase_id: id },
      } as const;
      const event = { ...shop.stripe.twin(shop.stripe.expire({ ...session } as unknown as FakeSession)[0]!) };
      expect((await shop.deliver(event)).status).toBe(200);
      await eventually(async () =>
        expect((await shop.inbox()).find((one) => one.id === event.id)?.attempts).toBeGreaterThan(0),
      );
      await shop.sql.query('UPDATE webhook_event SET attempts = 30, next_attempt_at = 0 WHERE id = ?', [event.id]);
      await shop.reconcile({ thorough: false });
      await eventually(async () => expect(await shop.outcomeOf(event)).toBe('unmatched'));
    });

    it('when another session was paid for a purchase first, its own that is paid after it is not lost sight of', async () => {
      const sale = await shop.buy();
      const second: FakeSession = { ...sale.session, id: `cs_test_${newName().slice(2)}` };
      shop.stripe.sessions.set(second.id, second);
      await shop.tell(...shop.stripe.pay(second));
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      await shop.tell(...shop.stripe.pay(sale.session));
      await shop.expectEnd(sale, { status: 'review', entries: [] });
      await shop.server.line((line) => line.includes(`The checkout session ${sale.session.id} was paid besides`));
    });

    it('an event that can not be settled for days is given up, and said so', async () => {
      const sale = await shop.buy();
      const events = shop.stripe.pay(sale.session);
      // Enough for whoever asks: the worker and the reconciliation do, in either order.
      shop.stripe.failOn(
        `GET /v1/checkout/sessions/${sale.session.id}`,
        ...Array.from({ length: 20 }, () => '429' as const),
      );
      expect((await shop.deliver(events[0]!)).status).toBe(200);
      await eventually(async () =>
        expect((await shop.inbox()).find(({ id }) => id === events[0]!.id)).toMatchObject({ attempts: 1 }),
      );
      await shop.sql.query('UPDATE webhook_event SET attempts = 100, next_attempt_at = 0 WHERE id = ?', [
        events[0]!.id,
      ]);
      await shop.reconcile({ thorough: false, untouchedSince: 0 });
      await eventually(async () => expect(await shop.outcomeOf(events[0]!)).toBe('failed'));
      shop.stripe.heal();
      await shop.reconcile({ thorough: false, untouchedSince: 0 });
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('what belongs to somebody else on the same Stripe account is ignored', async () => {
      const foreign: FakeSession = {
        ...(await shop.buy()).session,
        id: 'cs_test_elsewhere',
        client_reference_id: 'order-77',
        metadata: {},
      };
      const events = shop.stripe.pay(foreign);
      const { events: refunded } = shop.stripe.refund(foreign, 100);
      await shop.tell(...events, ...refunded);
      for (const event of [...events, ...refunded]) expect(await shop.outcomeOf(event)).toBe('ignored');
    });
  });

  describe('7. what no event told', () => {
    it('the page of the purchase finds a payment', async () => {
      const sale = await shop.buy();
      shop.stripe.pay(sale.session);
      expect((await sale.client.get(`/api/payments/purchases/${sale.id}`)).body.data).toMatchObject({
        status: 'paid',
        paid: 90,
        receipt_url: expect.stringContaining('https://pay.stripe.com/receipts/'),
      });
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    });

    it('looking at unfinished purchases finds payments, failures and expiries', async () => {
      const [paid, failed, expired, open] = [await shop.buy(), await shop.buy(), await shop.buy(), await shop.buy()];
      shop.stripe.silent = true;
      shop.stripe.pay(paid.session);
      shop.stripe.payLater(failed.session);
      shop.stripe.conclude(failed.session, false);
      shop.stripe.expire(expired.session);
      shop.stripe.silent = false;
      const dry = await shop.reconcile({ thorough: false, dryRun: true });
      expect(dry.changes).toEqual(
        expect.arrayContaining([
          `purchase ${paid.id}: open to paid`,
          `purchase ${failed.id}: open to failed`,
          `purchase ${expired.id}: open to canceled`,
        ]),
      );
      await shop.expectEnd(paid, { status: 'open', entries: [] });
      const { changes } = await shop.reconcile({ thorough: false });
      expect(changes).toEqual(expect.arrayContaining(dry.changes.filter((change) => change.startsWith('purchase'))));
      await shop.expectEnd(paid, { status: 'paid', entries: [100] });
      await shop.expectEnd(failed, { status: 'failed', entries: [] });
      await shop.expectEnd(expired, { status: 'canceled', entries: [] });
      await shop.expectEnd(open, { status: 'open', entries: [] });
    });

    it('listing events brings those that were lost', async () => {
      const sale = await shop.sell();
      const { events } = shop.stripe.refund(sale.session, 4500);
      const { missed } = await shop.reconcile({ thorough: false });
      expect(missed).toBeGreaterThanOrEqual(events.length);
      await shop.expectEnd(sale, { status: 'paid', entries: [100, -50], refunded: 45 });
      expect(await shop.outcomeOf(events[0]!)).toBe('settled');
      expect((await shop.reconcile({ thorough: false })).missed).toBe(0);
    });

    it('listing sessions, refunds and disputes brings what no event was made for', async () => {
      const [sold, disputed, late] = [await shop.sell(), await shop.sell(), await shop.buy()];
      shop.stripe.silent = true;
      shop.stripe.refund(sold.session, 900);
      shop.stripe.dispute(disputed.session);
      await shop.tell(...shop.stripe.expire(late.session));
      await shop.expectEnd(late, { status: 'canceled', entries: [] });
      shop.stripe.pay(late.session);
      shop.stripe.silent = false;
      expect((await shop.reconcile({ thorough: false })).changes).toEqual([]);
      const { changes } = await shop.reconcile();
      expect([...changes].sort()).toEqual(
        [
          `purchase ${sold.id}: reversed 0 to 10000000`,
          `purchase ${disputed.id}: reversed 0 to 100000000`,
          `purchase ${late.id}: canceled to paid`,
        ].sort(),
      );
      await shop.expectEnd(sold, { status: 'paid', entries: [100, -10], refunded: 9 });
      await shop.expectEnd(disputed, { status: 'paid', entries: [100, -100], disputed: 90 });
      await shop.expectEnd(late, { status: 'paid', entries: [100] });
    });

    it('reports a grant without a payment, and a payment without a grant', async () => {
      const [granted, paid] = [await shop.sell(), await shop.buy()];
      Object.assign(granted.session, { status: 'open', payment_status: 'unpaid' });
      await shop.sql.query("UPDATE purchase SET status = 'paid', updated_at = ? WHERE id = ?", [Date.now(), paid.id]);
      const { problems } = await shop.reconcile();
      expect(problems).toContain(`purchase ${granted.id} was granted and is not paid at the provider`);
      expect(problems).toContain(`purchase ${paid.id} is paid and was not granted`);
      await shop.sql.query("UPDATE purchase SET status = 'expired' WHERE id IN (?, ?)", [granted.id, paid.id]);
      expect((await shop.reconcile()).problems).toContain(`purchase ${granted.id} is expired and was granted`);
      await shop.sql.query('UPDATE purchase SET updated_at = 0, created_at = 0 WHERE id IN (?, ?)', [
        granted.id,
        paid.id,
      ]);
    });

    it('npm run payments:reconcile says what it did, and by its exit code whether a person is needed', async () => {
      const sale = await shop.buy();
      shop.stripe.pay(sale.session);
      const command = (...args: string[]) =>
        run(process.execPath, [resolve('dist/commands/reconcile.js'), ...args], {
          env: { PATH: process.env['PATH'], JWT_SECRET, LOG_LEVEL: 'silent', ...shop.environment },
        });
      // What earlier tests left for a person is theirs.
      const dry = await command('--since', '1m', '--dry-run').catch((error: { stdout: string }) => error);
      expect(dry.stdout).toContain(`purchase ${sale.id}: open to paid`);
      expect(dry.stdout).toContain('changing nothing');
      await shop.expectEnd(sale, { status: 'open', entries: [] });
      const done = await command('--since', new Date(Date.now() - 60_000).toISOString()).catch(
        (error: { stdout: string }) => error,
      );
      expect(done.stdout).toContain(`purchase ${sale.id}: open to paid`);
      await shop.expectEnd(sale, { status: 'paid', entries: [100] });
      await expect(command('--since', 'yesterday')).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--since 24h'),
      });
    });
  });
});

describeEachDatabase((database) => {
  describe('reconciliation on its schedule', () => {
    it('is done by one of two processes, and heals what no event told', async () => {
      const shop = await Shop.open(database, { RECONCILE_EVERY_SECONDS: '1' });
      const twin = await startServer(shop.environment);
      try {
        const [bought, sold] = [await shop.buy(), await shop.sell()];
        shop.stripe.silent = true;
        shop.stripe.pay(bought.session);
        shop.stripe.silent = false;
        await shop.expectEnd(bought, { status: 'paid', entries: [100] });
        shop.stripe.refund(sold.session, 4500);
        await shop.expectEnd(sold, { status: 'paid', entries: [100, -50], refunded: 45 });
        const rounds = await shop.sql.query('SELECT name FROM reconciliation');
        expect(rounds.map(({ name }) => name).sort()).toEqual(['daily', 'frequent']);
        await eventually(async () =>
          expect(`${shop.server.output}${twin.output}`).toContain(
            `reconciliation changed purchase ${bought.id}: open to paid`,
          ),
        );
        // Whoever did it, the day's listing was done once.
        expect(
          shop.stripe.requests.filter(({ method, path }) => method === 'GET' && path === '/v1/disputes'),
        ).toHaveLength(
          1 +
            shop.stripe.requests.filter(
              ({ path, form }) => path === '/v1/disputes' && form['payment_intent'] !== undefined,
            ).length,
        );
      } finally {
        await twin.stop();
        await shop.close();
      }
    });
  });
});
