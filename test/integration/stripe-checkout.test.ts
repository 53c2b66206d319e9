import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { FakeStripe, type FakeSession, type Fault, sign } from '../support/fake-stripe.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

const SECRET = 'whsec_of_the_tests';
const OLD_SECRET = 'whsec_before_the_rotation';
const WEBHOOK = '/api/webhooks/stripe';
const COMPLETED = 'checkout.session.completed';

describeEachDatabase((database) => {
  let stripe: FakeStripe;
  let server: Server;
  let admin: Client;

  const environment = () => ({
    DATABASE_URL: database.url,
    STRIPE_SECRET_KEY: 'sk_test_fake',
    STRIPE_WEBHOOK_SECRET: `${SECRET}, ${OLD_SECRET}`,
    STRIPE_API_BASE: stripe.url,
    CHECKOUT_SUCCESS_URL: 'https://app.example.com/done?tab=credits#top',
    PUBLIC_URL: 'https://pay.example.com',
  });

  beforeAll(async () => {
    stripe = await FakeStripe.start();
    server = await startServer(environment());
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(async () => {
    await server?.stop();
    await stripe?.stop();
  });

  const buyer = () => server.clientFor({ sub: newName() });

  /** A new buyer with an open purchase of the pro package. */
  async function purchase(): Promise<{ client: Client; id: string; session: FakeSession }> {
    const client = await buyer();
    const { status, body } = await client.post('/api/credits/purchase', { package_id: 'pro' });
    expect(status).toBe(201);
    return { client, id: body.data.purchase_id, session: stripe.sessionOf(body.data.purchase_id) };
  }

  function deliver(
    type: string,
    session: Partial<FakeSession>,
    options?: { id?: string; ageSeconds?: number },
    secret = SECRET,
  ) {
    return server.client.request('POST', WEBHOOK, stripe.event(type, session, secret, options));
  }

  const history = async (client: Client) => (await client.get('/api/credits/transactions')).body.data;
  const stateOf = async (id: string) => (await admin.get(`/api/payments/purchases/${id}`)).body.data.status;
  const statusInList = async (client: Client) => (await client.get('/api/payments/purchases')).body.data[0].status;

  it('sends Stripe exactly what a checkout needs', async () => {
    const client = await buyer();
    const before = stripe.requests.length;
    const { body } = await client.post('/api/tokens/checkout', { plan_id: 'basic' });
    const { purchase_id: id, expires_at, price, checkout_url } = body.data;
    const [customer, request, ...others] = stripe.requests.slice(before);
    expect(others).toEqual([]);
    expect([customer?.method, customer?.path]).toEqual(['POST', '/v1/customers']);
    expect([request?.method, request?.path]).toEqual(['POST', '/v1/checkout/sessions']);
    expect(request?.headers).toMatchObject({
      'stripe-version': '2026-10-28.endive',
      'idempotency-key': `checkout:${id}:1`,
      authorization: 'Bearer sk_test_fake',
    });
    expect(request?.form).toEqual({
      mode: 'payment',
      ui_mode: 'hosted_page',
      client_reference_id: id,
      customer: stripe.sessionOf(id).customer,
      'line_items[0][quantity]': '1',
      'line_items[0][price_data][currency]': 'usd',
      'line_items[0][price_data][unit_amount]': String(price * 100),
      'line_items[0][price_data][product_data][name]': 'Basic plan',
      'line_items[0][price_data][product_data][description]': '1,000,000 tokens',
      'allowed_payment_method_types[0]': 'card',
      'allowed_payment_method_types[1]': 'link',
      'metadata[purchase_id]': id,
      'payment_intent_data[metadata][purchase_id]': id,
      expires_at: String(Date.parse(expires_at) / 1000),
      success_url: `https://app.example.com/done?tab=credits&purchase_id=${id}#top`,
      cancel_url: `https://pay.example.com/checkout/cancel/${id}`,
    });
    expect(body.data).toMatchObject({
      status: 'open',
      amount: 1_000_000,
      currency: 'USD',
      provider: 'stripe',
      livemode: false,
    });
    expect(checkout_url).toBe(stripe.sessionOf(id).url);
  });

  it('refuses a package that is not for sale and records nothing', async () => {
    const client = await buyer();
    const { status, body } = await client.post('/api/credits/purchase', { package_id: 'huge' }, { key: 'k' });
    expect([status, body.error.code, body.error.details[0].field]).toEqual([400, 'VALIDATION_ERROR', 'package_id']);
    expect((await client.get('/api/payments/purchases')).body.meta.total).toBe(0);
  });

  describe('a paid purchase is granted once', () => {
    it.each<[string, (session: FakeSession, id: string) => Promise<unknown>]>([
      ['told once', (session) => deliver(COMPLETED, session)],
      [
        'told by the same event five times in a row',
        async (session) => {
          for (let i = 0; i < 5; i++)
            expect((await deliver(COMPLETED, session, { id: `evt_again_${session.id}` })).status).toBe(200);
        },
      ],
      [
        'told by the same event twenty times at once',
        (session) =>
          Promise.all(Array.from({ length: 20 }, () => deliver(COMPLETED, session, { id: `evt_many_${session.id}` }))),
      ],
      [
        'told by two events for one fact',
        (session) =>
          Promise.all([deliver(COMPLETED, session), deliver('checkout.session.async_payment_succeeded', session)]),
      ],
      [
        'told while the page is looked at',
        (session, id) => Promise.all([deliver(COMPLETED, session), ...Array.from({ length: 10 }, () => stateOf(id))]),
      ],
      ['never told, but looked at', (_session, id) => stateOf(id)],
      ['told by an event that the old secret signed', (session) => deliver(COMPLETED, session, {}, OLD_SECRET)],
    ])('%s', async (_name, tell) => {
      const { client, id, session } = await purchase();
      stripe.pay(session);
      await tell(session, id);
      await eventually(async () => expect(await statusInList(client)).toBe('paid'));
      const entries = await history(client);
      expect(entries).toEqual([
        expect.objectContaining({
          id: 1,
          type: 'deposit',
          amount: 100,
          balance_after: 100,
          description: 'Pro package purchase',
          purchase_id: id,
        }),
      ]);
    });
  });

  it('grants nothing while the payment is only under way, and grants when it has come', async () => {
    const { client, id, session } = await purchase();
    Object.assign(session, { status: 'complete', url: null });
    await deliver(COMPLETED, session);
    await eventually(async () => expect(await statusInList(client)).toBe('processing'));
    expect(await history(client)).toEqual([]);
    stripe.pay(session);
    await deliver('checkout.session.async_payment_succeeded', session);
    await eventually(async () => expect(await statusInList(client)).toBe('paid'));
    expect(await stateOf(id)).toBe('paid');
  });

  it('a late payment wins over a closed checkout', async () => {
    const { client, session } = await purchase();
    stripe.expire(session);
    await deliver('checkout.session.expired', session);
    await eventually(async () => expect(await statusInList(client)).toBe('canceled'));
    stripe.pay(session);
    await deliver(COMPLETED, session);
    await eventually(async () => expect(await statusInList(client)).toBe('paid'));
  });

  it.each<[string, Partial<FakeSession>]>([
    ['amount', { amount_total: 1 }],
    ['currency', { currency: 'eur' }],
    ['livemode', { livemode: true }],
    ['mode', { mode: 'setup' }],
    ['purchase', { client_reference_id: `pur_${'0'.repeat(32)}` }],
  ])('a session with another %s is for a person to look at, and grants nothing', async (_field, change) => {
    const { client, session } = await purchase();
    stripe.pay(session);
    Object.assign(session, change);
    await deliver(COMPLETED, session);
    await eventually(async () => expect(await statusInList(client)).toBe('review'));
    expect(await history(client)).toEqual([]);
    await server.line((line) => line.includes('needs a review'));
  });

  it('a payment that the balance has no room for is for a person to look at', async () => {
    const { client, id, session } = await purchase();
    const { account } = (await client.get(`/api/payments/purchases/${id}`)).body.data;
    expect(
      (await admin.post('/api/credits/deposit', { amount: 8_589_934_591, description: 'Nearly full', account })).status,
    ).toBe(201);
    stripe.pay(session);
    await deliver(COMPLETED, session);
    await eventually(async () => expect(await statusInList(client)).toBe('review'));
    expect(await history(client)).toHaveLength(1);
  });

  it('a paid session that is not the one of the purchase it names grants nothing', async () => {
    const { client, id } = await purchase();
    const foreign = {
      ...(await purchase()).session,
      id: `cs_test_foreign${newName().replaceAll('-', '')}`,
      client_reference_id: id,
      metadata: { purchase_id: id },
    };
    stripe.sessions.set(foreign.id, foreign);
    stripe.pay(foreign);
    await deliver(COMPLETED, foreign);
    await eventually(async () => expect(await statusInList(client)).toBe('review'));
    expect(await history(client)).toEqual([]);
  });

  it('ignores what is not ours or of no use, without asking Stripe', async () => {
    const before = stripe.requests.length;
    expect((await deliver('customer.created', { id: 'cus_1' })).body).toEqual({ data: { received: true } });
    expect(
      (await deliver(COMPLETED, { id: 'cs_test_of_another_shop', client_reference_id: 'order-77', metadata: {} }))
        .status,
    ).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(stripe.requests.length).toBe(before);
  });

  describe('signatures', () => {
    const body = JSON.stringify({
      id: 'evt_signed',
      object: 'event',
      type: 'customer.created',
      data: { object: { id: 'cus_1' } },
    });
    const now = () => Math.floor(Date.now() / 1000);
    const post = (raw: string, signature: string | undefined, type = 'application/json') =>
      server.client.request('POST', WEBHOOK, { raw, headers: { 'content-type': type, 'stripe-signature': signature } });

    it.each<[string, () => ReturnType<typeof post>, number]>([
      ['good', () => post(body, sign(body, SECRET)), 200],
      ['299 seconds old', () => post(body, sign(body, SECRET, now() - 299)), 200],
      ['302 seconds old', () => post(body, sign(body, SECRET, now() - 302)), 400],
      [
        'two, the second of which is good',
        () => post(body, sign(body, SECRET).replace('v1=', `v1=${'0'.repeat(64)},v1=`)),
        200,
      ],
      ['another secret', () => post(body, sign(body, 'whsec_other')), 400],
      ['another scheme', () => post(body, sign(body, SECRET).replace('v1=', 'v0=')), 400],
      ['none', () => post(body, undefined), 400],
      ['garbage', () => post(body, 'garbage'), 400],
      ['one byte changed', () => post(body.replace('cus_1', 'cus_2'), sign(body, SECRET)), 400],
      ['written anew', () => post(JSON.stringify(JSON.parse(body), null, 1), sign(body, SECRET)), 400],
      ['an empty body', () => post('', sign('', SECRET)), 400],
      ['another content type', () => post(body, sign(body, SECRET), 'text/plain'), 415],
      ['120 kB', () => post(padded(120_000), sign(padded(120_000), SECRET)), 200],
      ['2 MB', () => post(padded(2_000_000), sign(padded(2_000_000), SECRET)), 413],
    ])('%s', async (_name, send, status) => {
      const answer = await send();
      expect(answer.status).toBe(status);
      if (status === 400) expect(answer.body.error.code).toBe('WEBHOOK_SIGNATURE_INVALID');
    });

    const padded = (bytes: number) => body.replace('cus_1', 'c'.repeat(bytes));
  });

  describe('signed, and of another shape than an event has', () => {
    const event = { id: 'evt_misshapen', object: 'event', type: COMPLETED };
    const about = (object: object) => ({ ...event, data: { object } });
    const session = { object: 'checkout.session', id: 'cs_test_misshapen' };

    it.each<[string, unknown, string]>([
      ['no JSON', '{', 'body'],
      ['null', null, 'body'],
      ['a list', [event], 'body'],
      ['an id that is an object', { ...about(session), id: { $ne: '' } }, 'id'],
      ['an id that is a list', { ...about(session), id: ['evt_1', 'evt_2'] }, 'id'],
      ['an id that is true', { ...about(session), id: true }, 'id'],
      ['no id', { ...about(session), id: undefined }, 'id'],
      ['an id of 256 characters', { ...about(session), id: 'e'.repeat(256) }, 'id'],
      ['an id with a space after it', { ...about(session), id: 'evt_1 ' }, 'id'],
      ['a type that is a number', { ...about(session), type: 7 }, 'type'],
      ['a type that is a list', { ...about(session), type: [COMPLETED] }, 'type'],
      ['no data', event, 'data'],
      ['no object', { ...event, data: {} }, 'data.object'],
      ['an object that is text', { ...event, data: { object: 'cs_test_misshapen' } }, 'data.object'],
      ['a session without an id', about({ ...session, id: null }), 'data.object.id'],
      ['a session whose id is an object', about({ ...session, id: {} }), 'data.object.id'],
      ['a kind of object that is a number', about({ ...session, object: 1 }), 'data.object.object'],
      [
        'a payment that is a number',
        about({ object: 'refund', id: 're_1', payment_intent: 5 }),
        'data.object.payment_intent',
      ],
      [
        'a payment whose id is a list',
        about({ object: 'refund', id: 're_1', payment_intent: { id: [] } }),
        'data.object.payment_intent.id',
      ],
      ['metadata that is text', about({ ...session, metadata: 'purchase_id' }), 'data.object.metadata'],
      [
        'a purchase that is true',
        about({ ...session, metadata: { purchase_id: true } }),
        'data.object.metadata.purchase_id',
      ],
      [
        'a reference that is an object',
        about({ ...session, client_reference_id: {} }),
        'data.object.client_reference_id',
      ],
    ])('%s is refused, and nothing is stored', async (_name, shape, field) => {
      const raw = typeof shape === 'string' ? shape : JSON.stringify(shape);
      const answer = await server.client.request('POST', WEBHOOK, {
        raw,
        headers: { 'stripe-signature': sign(raw, SECRET) },
      });
      expect([answer.status, answer.body?.error]).toEqual([
        400,
        expect.objectContaining({ code: 'VALIDATION_ERROR', details: [expect.objectContaining({ field })] }),
      ]);
      expect((await server.client.get('/api/ready')).status).toBe(200);
    });

    it('a kind that is of no use is not looked into', async () => {
      const raw = JSON.stringify({
        id: 'evt_1',
        type: 'v1.billing.meter.error_report_triggered',
        related_object: { id: 5 },
      });
      expect(
        (await server.client.request('POST', WEBHOOK, { raw, headers: { 'stripe-signature': sign(raw, SECRET) } }))
          .status,
      ).toBe(200);
    });
  });

  describe('what Stripe answers in another shape than its API has', () => {
    it.each<[string, Record<string, unknown>]>([
      ['an id that is a list', { id: ['cs_1', 'cs_2'] }],
      ['an id that is an object', { id: {} }],
      ['a payment that is a number', { payment_intent: 5 }],
      ['an amount that is text', { amount_total: '9000' }],
      ['an amount that is no whole number', { amount_subtotal: 0.5 }],
      ['an address that is an object', { url: {} }],
      ['a livemode that is text', { livemode: 'no' }],
    ])('%s changes nothing, and ends no process', async (_name, change) => {
      const { client, id, session } = await purchase();
      const good = { ...session };
      Object.assign(session, change);
      expect(await stateOf(id)).toBe('open');
      Object.assign(session, good);
      stripe.pay(session);
      expect(await stateOf(id)).toBe('paid');
      expect(await history(client)).toHaveLength(1);
    });
  });

  describe('the same key', () => {
    it('gives the first answer again, also after the purchase was paid', async () => {
      const client = await buyer();
      const buy = (package_id: string) => client.post('/api/credits/purchase', { package_id }, { key: 'again' });
      const first = await buy('pro');
      stripe.pay(stripe.sessionOf(first.body.data.purchase_id));
      expect(await stateOf(first.body.data.purchase_id)).toBe('paid');
      const second = await buy('pro');
      expect([second.status, second.body, second.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
      expect(first.headers['idempotent-replayed']).toBeUndefined();
      expect((await buy('starter')).body.error.code).toBe('IDEMPOTENCY_KEY_REUSED');
      expect((await client.post('/api/tokens/checkout', { plan_id: 'basic' }, { key: 'again' })).status).toBe(201);
    });

    it('makes one purchase and one session of forty requests at once, in two processes', async () => {
      const twin = database.engine === 'sqlite' ? server : await startServer(environment());
      try {
        const name = newName();
        const clients = await Promise.all([server.clientFor({ sub: name }), twin.clientFor({ sub: name })]);
        const before = stripe.sessions.size;
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, i) =>
            clients[i % 2]!.post('/api/credits/purchase', { package_id: 'pro' }, { key: 'at-once' }),
          ),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
        expect(answers.filter(({ headers }) => headers['idempotent-replayed'] !== 'true')).toHaveLength(1);
        expect(stripe.sessions.size).toBe(before + 1);
      } finally {
        if (twin !== server) await twin.stop();
      }
    });

    it.each<[string, Fault[], number]>([
      ['reset before anything happened', ['reset-before'], 201],
      ['reset after the session was made', ['reset-after'], 201],
      ['reset thrice', ['reset-after', 'reset-before', 'reset-before'], 502],
      ['a body cut off', ['cut-body'], 502],
      ['429', ['429'], 502],
      ['409', ['409'], 201],
      ["a proxy's page", ['html-502', 'html-502', 'html-502'], 502],
    ])('makes one session when Stripe fails: %s', async (_name, faults, status) => {
      const client = await buyer();
      const before = stripe.sessions.size;
      const buy = () => client.post('/api/credits/purchase', { package_id: 'pro' }, { key: 'patient' });
      stripe.failOn('POST /v1/checkout/sessions', ...faults);
      const first = await buy();
      expect(first.status).toBe(status);
      if (status === 502) {
        expect(first.body.error.code).toBe('PAYMENT_PROVIDER_ERROR');
        expect((await client.get('/api/payments/purchases')).body.data[0]).toMatchObject({
          status: 'open',
          checkout_url: null,
        });
      }
      const second = await buy();
      expect(second.status).toBe(201);
      expect(stripe.sessions.size).toBe(before + 1);
      expect((await client.get('/api/payments/purchases')).body.meta.total).toBe(1);
    });
  });

  it('settles a purchase whose session it never heard of, when an event tells', async () => {
    const client = await buyer();
    stripe.failOn('POST /v1/checkout/sessions', 'cut-body');
    expect((await client.post('/api/credits/purchase', { package_id: 'pro' })).status).toBe(502);
    const { purchase_id } = (await client.get('/api/payments/purchases')).body.data[0];
    const session = stripe.sessionOf(purchase_id);
    stripe.pay(session);
    await deliver(COMPLETED, session);
    await eventually(async () => expect(await statusInList(client)).toBe('paid'));
    expect(await history(client)).toHaveLength(1);
  });

  it('comes back to an event when Stripe could not be asked, and shows the purchase meanwhile', async () => {
    const { client, id, session } = await purchase();
    stripe.pay(session);
    stripe.failNext('429', '429');
    const shown = client.get(`/api/payments/purchases/${id}`);
    await deliver(COMPLETED, session);
    expect((await shown).status).toBe(200);
    await eventually(async () => expect(await statusInList(client)).toBe('paid'));
    expect(await history(client)).toHaveLength(1);
  });

  it('shows a purchase to nobody else, and lets administrators name an account', async () => {
    const { client, id } = await purchase();
    const { account } = (await client.get(`/api/payments/purchases/${id}`)).body.data;
    const other = await buyer();
    expect((await other.get(`/api/payments/purchases/${id}`)).body.error.code).toBe('NOT_FOUND');
    expect((await other.get('/api/payments/purchases', { account })).body.error.code).toBe('FORBIDDEN');
    expect((await admin.get('/api/payments/purchases', { account, status: 'open' })).body).toMatchObject({
      data: [{ purchase_id: id }],
      meta: { total: 1, limit: 50, offset: 0 },
    });
    expect((await admin.get('/api/payments/purchases', { account, status: 'paid' })).body.meta.total).toBe(0);
    expect((await client.get('/api/payments/purchases', { status: 'lost' })).status).toBe(400);
  });

  it('never writes a key or a signing secret into its log', () => {
    expect(server.output).not.toMatch(/sk_test_fake|whsec_/);
  });
});

describe('without a provider', () => {
  it('purchases answer 503 and the webhook does not exist', async () => {
    const server = await startServer({ PAYMENTS_PROVIDER: 'off' });
    try {
      const client = await server.clientFor({});
      const refused = await client.post('/api/credits/purchase', { package_id: 'pro' });
      expect([refused.status, refused.body.error.code, refused.headers['retry-after']]).toEqual([
        503,
        'PAYMENTS_NOT_CONFIGURED',
        '60',
      ]);
      expect((await client.get('/api/payments/purchases')).body.meta.total).toBe(0);
      expect((await server.client.post(WEBHOOK, {})).status).toBe(404);
    } finally {
      await server.stop();
    }
  });
});
