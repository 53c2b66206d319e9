import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { cardOf, makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { Sql } from '../support/sql.js';
import { expectError, newName } from '../support/words.js';

const QUOTE = '/api/pricing/quote';
const DEBIT = '/api/credits/debit';
const HOLDS = '/api/credits/holds';
const MODEL = 'anthropic/claude-sonnet-4-5';
/** Costs 1,000 × 3.75 + 100 × 18.75 dollars a million: 0.005625. */
const USAGE = { model: MODEL, input: 1_000, max_output: 100 };

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;
  let version: number;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
    version = (await makeCard(admin)).body.data.version;
  });
  afterAll(() => server?.stop());

  async function account(amount?: number): Promise<{ client: Client; name: string }> {
    const name = newName();
    if (amount !== undefined)
      await admin.post('/api/credits/deposit', { amount, description: 'Opening', account: `user:${name}` });
    return { client: await server.clientFor({ sub: name }), name: `user:${name}` };
  }

  it('says what usage costs at most, and whether the balance pays it', async () => {
    const { client, name } = await account(10);
    const answer = await client.post(QUOTE, { usage: { ...USAGE, model: 'claude-sonnet-4-5-20250929' } });
    expect(answer.status).toBe(201);
    expect(answer.body.data).toEqual({
      id: expect.stringMatching(/^quo_[0-9a-f]{32}$/),
      account: name,
      amount: 0.005625,
      pricing: {
        rate_card: version,
        model: MODEL,
        lines: [
          { pool: 'input', quantity: 1_000, unit_price: '0.00000375', amount: '0.00375' },
          { pool: 'output', quantity: 100, unit_price: '0.00001875', amount: '0.001875' },
        ],
        exact: '0.005625',
      },
      rate_card: version,
      available: 10,
      affordable: true,
      affordable_max_output: 100,
      expires_at: expect.stringMatching(/Z$/),
    });
    const left = Date.parse(answer.body.data.expires_at) - Date.now();
    expect([left > 290_000, left <= 300_000]).toEqual([true, true]);
  });

  it.each([
    // 0.00375 for the input and 0.00001875 for each token of output: 67 cost 0.00500625, rounded up 0.005007.
    [0.005006, { amount: 0.005625, affordable: false, affordable_max_output: 66 }],
    [0.005007, { affordable: false, affordable_max_output: 67 }],
    [0.005624, { affordable: false, affordable_max_output: 99 }],
    [0.005625, { affordable: true, affordable_max_output: 100 }],
    [0.00375, { affordable: false, affordable_max_output: 0 }],
    [0.003749, { affordable: false, affordable_max_output: 0 }],
  ])('with %d dollars says how much output they pay, rounding included', async (amount, expected) => {
    const { client } = await account(amount);
    const { data } = (await client.post(QUOTE, { usage: USAGE })).body;
    expect(data).toMatchObject({ available: amount, ...expected });
    const output = data.affordable_max_output;
    // What it says is true: so much output can be debited, and not one token more.
    const debit = (more: number) =>
      client.post(DEBIT, { usage: { model: MODEL, input: 1_000, output: output + more }, description: 'x' });
    if (output < 100) expect((await debit(1)).status).toBe(402);
    if (output > 0) expect((await debit(0)).status).toBe(201);
  });

  it('of an account without a balance is not affordable, and of a meter has no output', async () => {
    const { client } = await account();
    expect((await client.post(QUOTE, { usage: USAGE })).body.data).toMatchObject({
      available: 0,
      affordable: false,
      affordable_max_output: 0,
    });
    const { data } = (await client.post(QUOTE, { usage: { meter: 'compute_second', quantity: 100 } })).body;
    expect(data).toMatchObject({ amount: 0.003125, pricing: { meter: 'compute_second' } });
    expect(Object.keys(data)).not.toContain('affordable_max_output');
  });

  it('counts output at the dearer of output and reasoning', async () => {
    const models = [{ id: 'thinker', prices: { input: '1', output: '2', reasoning: '4' } }];
    await makeCard(admin, { markup: '1', models });
    const { client } = await account(1);
    const { data } = (await client.post(QUOTE, { usage: { model: 'thinker', input: 1_000, max_output: 500 } })).body;
    version = (await makeCard(admin)).body.data.version;
    expect(data).toMatchObject({ amount: 0.003, affordable_max_output: 500 });
  });

  it('binds the card for debits and captures of the same model, as often as they come', async () => {
    const { client } = await account(10);
    const { id } = (await client.post(QUOTE, { usage: USAGE })).body.data;
    const dearer = (await makeCard(admin, { markup: '10' })).body.data.version;
    const usage = { model: MODEL, input: 2_000 };
    for (let twice = 0; twice < 2; twice++) {
      const bound = await client.post(DEBIT, { usage, quote_id: id, description: 'x' });
      expect([bound.status, bound.body.data.amount, bound.body.data.pricing.rate_card]).toEqual([
        201,
        -0.0075,
        version,
      ]);
    }
    const free = (await client.post(DEBIT, { usage, description: 'x' })).body.data;
    expect([free.amount, free.pricing.rate_card]).toEqual([-0.06, dearer]);
    const hold = await client.post(HOLDS, { quote_id: id });
    expect([hold.status, hold.body.data.amount]).toEqual([201, 0.005625]);
    const captured = await client.post(`${HOLDS}/${hold.body.data.id}/capture`, {
      usage: { model: MODEL, input: 1_000 },
    });
    expect([captured.status, captured.body.data.amount]).toEqual([201, -0.00375]);
    version = (await makeCard(admin)).body.data.version;
  });

  it('is nobody else’s', async () => {
    const [own, other] = [await account(10), await account(10)];
    const { id } = (await own.client.post(QUOTE, { usage: USAGE })).body.data;
    const body = { usage: { model: MODEL, input: 1_000 }, description: 'x' };
    for (const quote_id of [id, 'quo_00000000000000000000000000000000', 'quo_x', `${id.toUpperCase()}`])
      expectError(await other.client.post(DEBIT, { ...body, quote_id }), 404, 'NOT_FOUND');
    expectError(await other.client.post(QUOTE, { usage: USAGE, account: own.name }), 403, 'FORBIDDEN');
    expectError(
      await own.client.post(DEBIT, { usage: { meter: 'compute_second', quantity: 1 }, quote_id: id, description: 'x' }),
      400,
      'VALIDATION_ERROR',
    );
    // An administrator may ask for another account, whose quote it is.
    const theirs = (await admin.post(QUOTE, { usage: USAGE, account: own.name })).body.data;
    expect(theirs).toMatchObject({ account: own.name, available: 10 });
    expect((await own.client.post(DEBIT, { ...body, quote_id: theirs.id })).status).toBe(201);
  });

  it('binds nothing after its time', async () => {
    const { client } = await account(10);
    const { id, expires_at } = (await client.post(QUOTE, { usage: USAGE, expires_in: 1 })).body.data;
    await eventually(async () => expect(Date.now()).toBeGreaterThan(Date.parse(expires_at)));
    const body = { usage: { model: MODEL, input: 1_000 }, description: 'x', quote_id: id };
    expectError(await client.post(DEBIT, body), 409, 'CONFLICT');
    expectError(await client.post(HOLDS, { quote_id: id }), 409, 'CONFLICT');
  });

  it('is deleted an hour after its time, by one server', async () => {
    const sql = new Sql(database);
    const often = await startServer({ DATABASE_URL: database.url }, ['test/support/short-intervals.mjs']);
    try {
      const { client } = await account(10);
      const ids = await Promise.all(
        [1, 2, 3].map(async () => (await client.post(QUOTE, { usage: USAGE })).body.data.id),
      );
      const hour = 3_600_000;
      for (const [i, ago] of [hour + 1_000, hour - 60_000].entries())
        await sql.query('UPDATE quote SET expires_at = ? WHERE id = ?', [Date.now() - ago, ids[i] as string]);
      await sql.query('UPDATE pricing_job SET next_at = 0');
      const left = () => sql.query('SELECT id FROM quote WHERE id IN (?, ?, ?)', ids);
      await eventually(async () => expect(await left()).toHaveLength(2));
      const debit = (quote_id: string) =>
        client.post(DEBIT, { usage: { model: MODEL, input: 1_000 }, description: 'x', quote_id });
      expect((await Promise.all(ids.map(debit))).map(({ status }) => status)).toEqual([404, 409, 201]);
    } finally {
      await often.stop();
      await sql.close();
    }
  });

  describe('what it refuses', () => {
    it.each<[string, object, string]>([
      ['no usage', {}, 'usage'],
      ['usage that is no object', { usage: 'x' }, 'usage'],
      ['a list', { usage: [] }, 'usage'],
      ['nothing at all', { usage: { model: MODEL } }, 'usage'],
      ['an unknown pool', { usage: { ...USAGE, imput: 1 } }, 'usage.imput'],
      ['a fraction', { usage: { ...USAGE, max_output: 1.5 } }, 'usage.max_output'],
      ['less than nothing', { usage: { ...USAGE, max_output: -1 } }, 'usage.max_output'],
      ['output beside its most', { usage: { ...USAGE, output: 5 } }, 'usage.output'],
      ['reasoning beside its most', { usage: { ...USAGE, reasoning: 5 } }, 'usage.reasoning'],
      [
        'a provider’s object',
        { usage: { model: MODEL, format: 'anthropic', raw: { input_tokens: 1 } } },
        'usage.format',
      ],
      ['a model beside a meter', { usage: { ...USAGE, meter: 'x', quantity: 1 } }, ''],
      ['a second too many', { usage: USAGE, expires_in: 3_601 }, 'expires_in'],
      ['no second', { usage: USAGE, expires_in: 0 }, 'expires_in'],
      ['another field', { usage: USAGE, colour: 'red' }, 'colour'],
    ])('%s', async (_, body, field) => {
      const answer = await admin.post(QUOTE, body);
      expectError(answer, 400, 'VALIDATION_ERROR');
      if (field) expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
    });

    it('what nothing prices, with what is near', async () => {
      const answer = await admin.post(QUOTE, { usage: { ...USAGE, model: 'anthropic/claude-sonet-4-5' } });
      expectError(answer, 422, 'UNPRICED');
      expect(answer.body.error.details).toMatchObject({ model: 'anthropic/claude-sonet-4-5', nearest: [MODEL] });
      expectError(await admin.post(QUOTE, { usage: { ...USAGE, input_audio: 1 } }), 422, 'UNPRICED');
      expectError(await admin.post(QUOTE, { usage: { meter: 'unknown', quantity: 1 } }), 422, 'UNPRICED');
      expect(cardOf().models[0].prices).not.toHaveProperty('input_audio');
    });

    it('a caller without a token', async () =>
      expectError(await server.client.post(QUOTE, { usage: USAGE }), 401, 'UNAUTHORIZED'));
  });
});
