import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BONUS_PACKAGE, catalogFile } from '../support/catalog.js';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

type Checkout = { client: Client; buyer: string; id: string; page: string };

const press = (server: Server, page: string, action: string) =>
  server.client.request('POST', page, {
    raw: `action=${action}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });

async function open(
  server: Server,
  path = '/api/credits/purchase',
  body: object = { package_id: 'pro' },
): Promise<Checkout> {
  const buyer = newName();
  const client = await server.clientFor({ sub: buyer });
  const { data } = (await client.post(path, body)).body;
  expect(data).toMatchObject({ provider: 'sandbox', livemode: false, status: 'open' });
  return { client, buyer, id: data.purchase_id, page: new URL(data.checkout_url).pathname };
}

describeEachDatabase((database) => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
  });
  afterAll(() => server?.stop());

  const listed = async ({ client }: Checkout) => (await client.get('/api/payments/purchases')).body.data[0].status;
  const history = async ({ client }: Checkout, base = '/api/credits') =>
    (await client.get(`${base}/transactions`)).body.data;

  it('shows a page that says what it is, to be paid, declined or canceled', async () => {
    const { page } = await open(server);
    const { status, text, headers } = await server.client.get(page);
    expect(status).toBe(200);
    expect(text).toContain('Sandbox — no real money moves');
    expect(text).toContain('Pro package');
    expect(text).toContain('$100.00 of credits');
    expect(text).toContain('Pay $90.00');
    expect(page).toContain('sandbox');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['cache-control']).toBe('no-store');
  });

  it.each([
    [
      '/api/credits/purchase',
      { package_id: 'pro' },
      '/api/credits',
      { type: 'deposit', amount: 100, description: 'Pro package purchase' },
    ],
    [
      '/api/tokens/checkout',
      { plan_id: 'basic' },
      '/api/tokens',
      { type: 'purchase', amount: 1_000_000, description: 'Basic plan purchase' },
    ],
  ])('%s: paying is told by the webhook alone, and grants once', async (path, body, base, entry) => {
    const checkout = await open(server, path, body);
    const paid = await press(server, checkout.page, 'pay');
    expect([paid.status, new URL(paid.headers.location as string).pathname]).toEqual([
      303,
      `/checkout/return/${checkout.id}`,
    ]);
    await eventually(async () => expect(await listed(checkout)).toBe('paid'));
    await Promise.all(Array.from({ length: 5 }, () => press(server, checkout.page, 'pay')));
    await press(server, checkout.page, 'cancel');
    expect(await history(checkout, base)).toEqual([
      expect.objectContaining({ ...entry, id: 1, purchase_id: checkout.id }),
    ]);
    expect((await server.client.get(checkout.page)).text).toContain('This checkout has been paid');
    const page = (await server.client.get(`/checkout/return/${checkout.id}`)).text;
    expect(page).toContain('have been added to your account');
    expect(page).toContain('Sandbox — no real money moves');
  });

  it('two presses at once pay once', async () => {
    const checkout = await open(server);
    await Promise.all(Array.from({ length: 10 }, () => press(server, checkout.page, 'pay')));
    await eventually(async () => expect(await listed(checkout)).toBe('paid'));
    expect(await history(checkout)).toHaveLength(1);
  });

  it('a declined card leaves the checkout open', async () => {
    const checkout = await open(server);
    const declined = await press(server, checkout.page, 'decline');
    expect(declined.status).toBe(303);
    const { text } = await server.client.get(declined.headers.location as string);
    expect(text).toContain('The card was declined');
    expect(text).toContain(`action="${checkout.page}"`);
    expect(await listed(checkout)).toBe('open');
  });

  it('canceling closes it, and nothing is granted', async () => {
    const checkout = await open(server);
    const canceled = await press(server, checkout.page, 'cancel');
    expect(new URL(canceled.headers.location as string).pathname).toBe(`/checkout/cancel/${checkout.id}`);
    await eventually(async () => expect(await listed(checkout)).toBe('canceled'));
    expect((await press(server, checkout.page, 'pay')).headers.location).toBe(canceled.headers.location);
    expect(await history(checkout)).toEqual([]);
    expect((await server.client.get(`/checkout/cancel/${checkout.id}`)).text).toContain('Purchase canceled');
  });

  it('coming back from a checkout that was not paid grants nothing', async () => {
    const checkout = await open(server);
    expect((await server.client.get(`/checkout/return/${checkout.id}`)).text).toContain('http-equiv="refresh"');
    expect((await server.client.get(`/checkout/cancel/${checkout.id}`)).text).toContain('Try again');
    expect(await listed(checkout)).toBe('open');
  });

  it.each([
    ['succeed', 'paid', [100]],
    ['fail', 'failed', []],
  ])('paying later, and then it has to %s', async (action, status, amounts) => {
    const checkout = await open(server);
    const later = await press(server, checkout.page, 'pay_later');
    expect(new URL(later.headers.location as string).pathname).toBe(`/checkout/return/${checkout.id}`);
    await eventually(async () => expect(await listed(checkout)).toBe('processing'));
    expect((await server.client.get(checkout.page)).text).toContain('The money arrives');
    expect((await press(server, checkout.page, action)).headers.location).toBe(checkout.page);
    await eventually(async () => expect(await listed(checkout)).toBe(status));
    await press(server, checkout.page, action === 'succeed' ? 'fail' : 'succeed');
    expect((await history(checkout)).map(({ amount }: any) => amount)).toEqual(amounts);
  });

  it('once paid it can be refunded in part, disputed and won, and refunded in full; each button once', async () => {
    const checkout = await open(server);
    await press(server, checkout.page, 'pay');
    await eventually(async () => expect(await listed(checkout)).toBe('paid'));
    const amounts = async () => (await history(checkout)).map(({ amount }: any) => amount);
    await Promise.all([press(server, checkout.page, 'refund_half')]);
    await eventually(async () => expect(await amounts()).toEqual([100, -50]));
    await Promise.all(Array.from({ length: 5 }, () => press(server, checkout.page, 'dispute')));
    await eventually(async () => expect(await amounts()).toEqual([100, -50, -50]));
    expect((await server.client.get(checkout.page)).text).toContain('Win the dispute');
    await Promise.all(Array.from({ length: 5 }, () => press(server, checkout.page, 'win')));
    await eventually(async () => expect(await amounts()).toEqual([100, -50, -50, 50]));
    await Promise.all(Array.from({ length: 5 }, () => press(server, checkout.page, 'refund')));
    await eventually(async () => expect(await amounts()).toEqual([100, -50, -50, 50, -50]));
    const { text } = await server.client.get(checkout.page);
    expect(text).toContain('Dispute won');
    expect(text).not.toContain('<button');
  });

  it('a dispute that is lost stays', async () => {
    const checkout = await open(server, '/api/tokens/checkout', { plan_id: 'basic' });
    for (const action of ['pay', 'dispute', 'lose', 'win']) await press(server, checkout.page, action);
    await eventually(async () =>
      expect((await history(checkout, '/api/tokens')).map(({ amount }: any) => amount)).toEqual([
        1_000_000, -1_000_000,
      ]),
    );
    expect((await server.client.get(checkout.page)).text).toContain('Dispute lost');
  });

  it('an administrator refunds it through the API', async () => {
    const checkout = await open(server);
    await press(server, checkout.page, 'pay');
    const admin = await server.clientFor({ sub: 'root', admin: true });
    const answer = await admin.post(`/api/payments/purchases/${checkout.id}/refund`, { amount: 45 }, { key: 'once' });
    expect([answer.status, answer.body.data.status]).toEqual([201, 'succeeded']);
    expect((await history(checkout)).map(({ amount }: any) => amount)).toEqual([100, -50]);
    expect((await admin.post(`/api/payments/purchases/${checkout.id}/refund`, { amount: 46 })).body.error.code).toBe(
      'CONFLICT',
    );
  });

  it('the page after the payment shows the balance, and leads back to the bank of the sandbox', async () => {
    const checkout = await open(server);
    const paid = await press(server, checkout.page, 'pay');
    expect(paid.headers['cache-control']).toBe('no-store');
    const { pathname, search } = new URL(paid.headers.location as string);
    await eventually(async () => expect(await listed(checkout)).toBe('paid'));
    const { text } = await server.client.get(`${pathname}${search}`);
    expect(text).toMatch(/Account balance<\/dt>\s*<dd>\$100\.00<\/dd>/);
    expect(text).toContain(checkout.page);
    expect((await server.client.get(pathname)).text).not.toContain('Account balance');
  });

  it('an address that leads nowhere is a page too, and a button that does not exist is refused', async () => {
    const { page } = await open(server);
    for (const path of [
      '/sandbox/checkout/cs_sandbox_0',
      `${page}%20`,
      '/checkout/return/pur_0',
      '/checkout/cancel/pur_0',
    ]) {
      const { status, headers, text } = await server.client.get(path);
      expect([status, headers['content-type'], headers['cache-control']]).toEqual([
        404,
        'text/html; charset=utf-8',
        'no-store',
      ]);
      expect(text).toContain('Back to ');
    }
    expect((await press(server, `${page}%20`, 'pay')).status).toBe(404);
    expect((await press(server, page, 'steal')).status).toBe(400);
    expect((await server.client.request('POST', page, { body: { action: 'pay' } })).status).toBe(303);
  });

  it('takes no event that it did not sign', async () => {
    expect(
      (await server.client.post('/api/webhooks/stripe', { id: 'evt_1', type: 'checkout.session.completed' })).body.error
        .code,
    ).toBe('WEBHOOK_SIGNATURE_INVALID');
  });
});

describe('a process that dies', () => {
  it('loses nothing: what was paid before is granted by the next one', async () => {
    const file = join(tmpdir(), `${newName()}.sqlite`);
    const first = await startServer({ DATABASE_URL: `sqlite:${file}` });
    const checkout = await open(first);
    const paid = press(first, checkout.page, 'pay').catch(() => undefined);
    first.process.kill('SIGKILL');
    await paid;
    await first.stop();
    const second = await startServer({ DATABASE_URL: `sqlite:${file}` });
    try {
      await press(second, checkout.page, 'pay');
      const client = await second.clientFor({ sub: checkout.buyer });
      await eventually(async () =>
        expect((await client.get(`/api/payments/purchases/${checkout.id}`)).body.data.status).toBe('paid'),
      );
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(1);
    } finally {
      await second.stop();
    }
  });
});

describe("a catalog of one's own", () => {
  const catalog = catalogFile([
    { id: 'x', name: '<script>alert(1)</script> & "co"', amount: 0.000001, price: 0.5, currency: 'USD' },
    BONUS_PACKAGE,
  ]);

  it("can not put markup into a page, and leads back to the operator's own address", async () => {
    const server = await startServer({
      CATALOG_FILE: catalog,
      CHECKOUT_SUCCESS_URL: 'https://app.example.com/thanks',
      CHECKOUT_CANCEL_URL: 'https://shop.example.com/',
    });
    try {
      const { page, id } = await open(server, '/api/credits/purchase', { package_id: 'x' });
      const { text, headers } = await server.client.get(page);
      expect(text).not.toContain('<script');
      expect(text).toContain('$0.000001 of credits');
      expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;co&quot; package');
      expect(headers['content-security-policy']).toContain(
        "form-action 'self' https://app.example.com https://shop.example.com;",
      );
      expect((await press(server, page, 'pay')).headers.location).toBe(
        `https://app.example.com/thanks?purchase_id=${id}`,
      );
      expect((await server.client.get(`/checkout/return/${id}`)).text).not.toContain('<script');
    } finally {
      await server.stop();
    }
  });

  it('can sell with a bonus and an expiry, which its pages tell', async () => {
    const server = await startServer({ CATALOG_FILE: catalog });
    try {
      const checkout = await open(server);
      const brings = '$100.00 of credits (valid for 365 days) plus a bonus of $10.00 (valid for 90 days)';
      expect((await server.client.get(checkout.page)).text).toContain(brings);
      const paid = await press(server, checkout.page, 'pay');
      const { pathname, search } = new URL(paid.headers.location as string);
      const shows = (text: string | RegExp) =>
        eventually(async () => expect((await server.client.get(`${pathname}${search}`)).text).toMatch(text));
      await shows('have been added to your account');
      await shows(/Account balance<\/dt>\s*<dd>\$110\.00<\/dd>/);
      expect((await server.client.get(pathname)).text).toContain(`${brings} have been added to your account.`);
      await press(server, checkout.page, 'refund_half');
      await shows(/Taken back<\/dt>\s*<dd>\$55\.00 of credits \(bonus included\)<\/dd>/);
      const history = (await checkout.client.get('/api/credits/transactions')).body.data;
      expect(history.map(({ amount }: any) => amount)).toEqual([100, 10, -55]);
    } finally {
      await server.stop();
    }
  });
});
