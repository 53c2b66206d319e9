import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';

const SHOP = 'https://shop.example.com';

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;
  let client: Client;

  beforeAll(async () => {
    server = await startServer({
      DATABASE_URL: database.url,
      PUBLIC_URL: 'https://credits.example.com',
      CHECKOUT_RETURN_ORIGINS: `${SHOP}, http://localhost:5173`,
    });
    [admin, client] = await Promise.all([
      server.clientFor({ sub: 'root', admin: true }),
      server.clientFor({ sub: newName() }),
    ]);
  });
  afterAll(() => server?.stop());

  const purchase = (body: object, key?: string) =>
    client.post('/api/credits/purchase', { package_id: 'pro', ...body }, { key });
  const found = async (id: string) => (await client.get(`/api/payments/purchases/${id}`)).body.data;
  const act = (url: string, action: string) =>
    server.client.request('POST', new URL(url).pathname, {
      raw: `action=${action}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });

  it.each([
    ['/api/credits/purchase', { package_id: 'pro' }],
    ['/api/tokens/checkout', { plan_id: 'growth' }],
  ])('%s sends its buyer to the addresses of the request, as they were parsed', async (path, item) => {
    const urls = { success_url: `${SHOP}/a/../done?x=1#y`, cancel_url: 'http://LOCALHOST:5173' };
    for (const [action, expected] of [
      ['pay', `${SHOP}/done?x=1#y`],
      ['cancel', 'http://localhost:5173/'],
    ] as const) {
      const { status, body } = await client.post(path, { ...item, ...urls });
      expect(status).toBe(201);
      const { headers } = await act(body.data.checkout_url, action);
      expect(headers.location).toBe(expected);
      const page = await server.client.get(`/checkout/cancel/${body.data.purchase_id}`);
      expect(page.text).toContain(`href="${SHOP}/"`);
    }
  });

  it('an address is a part of the request under its key', async () => {
    const urls = { success_url: `${SHOP}/1` };
    const first = await purchase(urls, 'with-address');
    expect((await purchase(urls, 'with-address')).body).toEqual(first.body);
    expectError(await purchase({ success_url: `${SHOP}/2` }, 'with-address'), 422, 'IDEMPOTENCY_KEY_REUSED');
    expectError(await purchase({}, 'with-address'), 422, 'IDEMPOTENCY_KEY_REUSED');
  });

  it.each([
    'https://credits.example.com/anywhere',
    'HTTPS://shop.example.com:443/',
    `${SHOP}/${'x'.repeat(2_000 - SHOP.length - 1)}`,
  ])('accepts %.60s', async (url) => {
    expect((await purchase({ success_url: url })).status).toBe(201);
  });

  it.each([
    '/done',
    '//shop.example.com/',
    'https:shop.example.com',
    'javascript:alert(1)',
    'ftp://shop.example.com/',
    'https://shop.example.com.evil.example/',
    'https://shop.example.com:8443/',
    'http://shop.example.com/',
    'https://shop.example.com@evil.example/',
    'https://user:password@shop.example.com/',
    'https://user@shop.example.com/',
    'https://shop.example.com\\@evil.example/',
    'https://shop.example.com/\\evil',
    'https://shop.example.com/\nx',
    'https://shop.example.com/\tx',
    'https://shop.example.com/\u007f',
    ' https://shop.example.com/',
    'https://',
    '',
    `${SHOP}/${'x'.repeat(2_000)}`,
    `${SHOP}/${'ä'.repeat(400)}`,
  ])('refuses %.60j', async (url) => {
    for (const field of ['success_url', 'cancel_url']) {
      const answer = await purchase({ [field]: url });
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual([{ field, message: expect.any(String) }]);
    }
  });

  it('a purchase says what was refunded, by which refunds, and where its receipt is', async () => {
    const { purchase_id: id, checkout_url: url } = (await purchase({})).body.data;
    expect(await found(id)).toMatchObject({
      refund_status: 'none',
      refunded_amount: 0,
      refunds: [],
      receipt_url: null,
    });
    await act(url, 'pay');
    expect(await found(id)).toMatchObject({ status: 'paid', refund_status: 'none', receipt_url: url });
    const refund = async (amount?: number) =>
      (await admin.post(`/api/payments/purchases/${id}/refund`, amount === undefined ? {} : { amount })).body.data;
    const first = await refund(30);
    expect(await found(id)).toMatchObject({
      refund_status: 'partial',
      refunded_amount: 30,
      disputed: 0,
      refunds: [{ refund_id: first.refund_id, amount: 30, status: 'succeeded' }],
    });
    const second = await refund();
    expect(await found(id)).toMatchObject({ refund_status: 'full', refunded_amount: 90 });
    expect((await found(id)).refunds.map(({ refund_id }: any) => refund_id).sort()).toEqual(
      [first.refund_id, second.refund_id].sort(),
    );
    const page = await server.client.get(`/checkout/return/${id}`);
    expect(page.text).toContain('Payment refunded');
    expect(page.text).toContain('$90.00');
  });
});
