import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { expectVerified } from '../support/ledger.js';
import { cardOf, makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, historyOf, newName, stateOf, WORDS } from '../support/words.js';

const [CREDITS, TOKENS] = WORDS as [(typeof WORDS)[number], (typeof WORDS)[number]];
const DEBIT = '/api/credits/debit';
const BATCH = '/api/credits/debit/batch';
const HOLDS = '/api/credits/holds';
const CONSUME = '/api/tokens/consume';
const MODEL = 'anthropic/claude-sonnet-4-5';
const ALIAS = 'claude-sonnet-4-5-20250929';
/** Costs 1,000 × 3.75 + 100 × 18.75 dollars a million: 0.005625. */
const USAGE = { model: ALIAS, input: 1_000, output: 100 };
const RAW = { input_tokens: 1_000, output_tokens: 100, cache_read_input_tokens: null, cost: 0.12345678901234567 };
const CANONICAL_RAW = `{"cache_read_input_tokens":null,"cost":${RAW.cost},"input_tokens":1000,"output_tokens":100}`;

/** A 400 that names a field. */
function expectInvalid(answer: Answer, field: string): void {
  expectError(answer, 400, 'VALIDATION_ERROR');
  expect(answer.body.error.details.map((each: { field: string }) => each.field)).toEqual([field]);
}

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  async function account(credits = 10, tokens = 10_000): Promise<{ client: Client; name: string }> {
    const name = newName();
    for (const [{ add }, amount] of [[CREDITS, credits] as const, [TOKENS, tokens] as const])
      expect((await admin.post(add, { amount, description: 'Opening', account: `user:${name}` })).status).toBe(201);
    return { client: await server.clientFor({ sub: name }), name: `user:${name}` };
  }
  /** Makes a card with one model, whose input costs so many dollars a million, and returns its version. */
  const reprice = async (input: string, id = MODEL): Promise<number> => {
    const models = [{ ...cardOf().models[0], id, prices: { input, output: '15' }, tiers: [] }];
    const made = await makeCard(admin, { markup: '1', models });
    expect(made.status).toBe(201);
    return made.body.data.version;
  };

  describe('a debit by usage', () => {
    let version: number;
    beforeAll(async () => {
      version = (await makeCard(admin)).body.data.version;
    });
    const pricing = () => ({
      rate_card: version,
      model: MODEL,
      lines: [
        { pool: 'input', quantity: 1_000, unit_price: '0.00000375', amount: '0.00375' },
        { pool: 'output', quantity: 100, unit_price: '0.00001875', amount: '0.001875' },
      ],
      exact: '0.005625',
    });

    it('costs what the card says, and keeps the usage and the evidence', async () => {
      const { client, name } = await account();
      const { status, body } = await client.post(DEBIT, { usage: USAGE, description: 'Run', agent: 'a' });
      expect(status).toBe(201);
      expect(body.data).toEqual({
        id: 2,
        account: name,
        type: 'debit',
        amount: -0.005625,
        balance_after: 9.994375,
        description: 'Run',
        created_at: expect.any(String),
        metadata: null,
        actor: name,
        agent: 'a',
        model: MODEL,
        usage: { input: 1_000, output: 100 },
        pricing: pricing(),
        grants: [{ grant_id: 1, amount: 0.005625 }],
        grants_count: 1,
      });
      expect((await client.get('/api/credits/transactions/2')).body.data).toEqual(body.data);
      expect((await historyOf(client, CREDITS))[1]).toEqual(body.data);
    });

    it('takes what the provider said, with its nulls and its own members', async () => {
      const { client } = await account();
      const usage = { model: MODEL, format: 'anthropic', raw: RAW };
      const { status, body } = await client.post(DEBIT, { usage, description: 'Run' });
      expect({ status, body }).toMatchObject({
        status: 201,
        body: { data: { amount: -0.005625, pricing: pricing() } },
      });
      expect(body.data.usage).toEqual({
        input: 1_000,
        output: 100,
        format: 'anthropic',
        raw_sha256: createHash('sha256').update(CANONICAL_RAW).digest('hex'),
      });
    });

    it('tells provider’s objects apart by the last digit of a number', async () => {
      const { client } = await account();
      const debit = (cost: number) => {
        const usage = { model: MODEL, format: 'anthropic', raw: { ...RAW, cost } };
        return client.post(DEBIT, { usage, description: 'Run' }, { key: 'k' });
      };
      expect((await debit(0.12345678901234567)).status).toBe(201);
      expect((await debit(0.12345678901234567)).headers['idempotent-replayed']).toBe('true');
      expectError(await debit(0.12345678901234561), 422, 'IDEMPOTENCY_KEY_REUSED');
    });

    it('bills a meter, under a model where one is named', async () => {
      const { client } = await account();
      const usage = { meter: 'compute_second', quantity: 12.5 };
      const { body } = await client.post(DEBIT, { usage, description: 'Compute', model: 'any' });
      // 12.5 × 0.00003125, rounded up to a micro-dollar.
      expect(body.data).toMatchObject({ amount: -0.000391, model: 'any', usage, pricing: { exact: '0.000390625' } });
    });

    it('is written out as JSON in an export', async () => {
      const { client } = await account();
      await client.post(DEBIT, { usage: USAGE, description: 'Run' });
      const csv = (await client.get('/api/credits/transactions/export', { format: 'csv' })).text;
      expect(csv.split('\r\n')[0]).toContain(',usage,pricing,');
      expect(csv).toContain('"{""input"":1000,""output"":100}"');
      const ndjson = (await client.get('/api/credits/transactions/export', { format: 'ndjson' })).text;
      expect(JSON.parse(ndjson.split('\n')[1]!)).toMatchObject({ usage: { input: 1_000 }, pricing: pricing() });
    });

    it('takes a model beside the usage that is the same one, and refuses another', async () => {
      const { client } = await account();
      const debit = (model: string) => client.post(DEBIT, { usage: USAGE, model, description: 'Run' });
      for (const same of [MODEL, ALIAS]) expect((await debit(same)).body.data.model).toBe(MODEL);
      expectInvalid(await debit('another'), 'model');
    });

    it.each([
      ['neither amount nor usage', {}, 'amount'],
      ['both amount and usage', { amount: 1, usage: USAGE }, 'usage'],
      ['usage that is no object', { usage: [USAGE] }, 'usage'],
      ['usage that is null', { usage: null }, 'usage'],
      ['usage of nothing', { usage: { model: MODEL, input: 0 } }, 'usage'],
      ['usage without a model', { usage: { input: 1 } }, 'usage.model'],
      ['a fraction', { usage: { model: MODEL, input: 1.5 } }, 'usage.input'],
      ['a negative count', { usage: { model: MODEL, input: -1 } }, 'usage.input'],
      ['10¹⁵ tokens', { usage: { model: MODEL, input: 1e15 } }, 'usage.input'],
      ['an unknown pool', { usage: { model: MODEL, inputs: 1 } }, 'usage.inputs'],
      ['a model with a NUL', { usage: { model: 'a\0', input: 1 } }, 'usage.model'],
      ['raw without a format', { usage: { model: MODEL, raw: RAW } }, 'usage.format'],
      ['raw that is null', { usage: { model: MODEL, format: 'anthropic', raw: null } }, 'usage.raw'],
      [
        'more cached than there was',
        {
          usage: {
            model: MODEL,
            format: 'openai_chat',
            raw: { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } },
          },
        },
        'usage.raw.prompt_tokens',
      ],
      ['a quote without usage', { amount: 1, quote_id: 'q' }, 'quote_id'],
    ])('with %s is a 400, and nothing is recorded', async (_, charge, field) => {
      const { client } = await account();
      const before = await stateOf(client, CREDITS);
      const answer = await client.post(DEBIT, { ...charge, description: 'Run' });
      expectInvalid(answer, field);
      expect(await stateOf(client, CREDITS)).toEqual(before);
    });

    it.each([
      ['model', { model: 'anthropic/claude-sonnet-4-6', input: 1 }, { model: 'anthropic/claude-sonnet-4-6' }],
      ['pool', { model: ALIAS, input: 1, input_audio: 1 }, { model: MODEL, pool: 'input_audio' }],
      ['service tier', { model: MODEL, input: 1, service_tier: 'flex' }, { model: MODEL, service_tier: 'flex' }],
      ['meter', { meter: 'compute_minute', quantity: 1 }, { meter: 'compute_minute' }],
    ])('of an unknown %s is a 422 that says which, and nothing is recorded', async (_, usage, details) => {
      const { client } = await account();
      const before = await stateOf(client, CREDITS);
      const answer = await client.post(DEBIT, { usage, description: 'Run' }, { key: 'k' });
      expectError(answer, 422, 'UNPRICED');
      expect(answer.body.error.details).toMatchObject(details);
      expect(await stateOf(client, CREDITS)).toEqual(before);
    });

    it('that the balance does not cover is a 402 with its price', async () => {
      const { client } = await account(0.001);
      const answer = await client.post(DEBIT, { usage: USAGE, description: 'Run' });
      expectError(answer, 402, 'INSUFFICIENT_CREDITS');
      expect(answer.body.error.details.required).toBe(0.005625);
    });
  });

  describe('under a key', () => {
    it('gets its first answer again, whatever the prices are by then', async () => {
      await reprice('3');
      const { client } = await account();
      const body = { usage: { model: MODEL, input: 1_000 }, description: 'Run' };
      const first = await client.post(DEBIT, body, { key: 'k' });
      expect(first.body.data.amount).toBe(-0.003);
      await reprice('4');
      const second = await client.post(DEBIT, body, { key: 'k' });
      expect(second.headers['idempotent-replayed']).toBe('true');
      expect(second.body).toEqual(first.body);
      await reprice('4', 'another/model');
      expect((await client.post(DEBIT, body, { key: 'k' })).body).toEqual(first.body);
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(2);
    });

    it('is another request with another usage, though it costs the same', async () => {
      await reprice('15');
      const { client } = await account();
      const debit = (usage: object) => client.post(DEBIT, { usage, description: 'Run' }, { key: 'k' });
      expect((await debit({ model: MODEL, input: 10 })).status).toBe(201);
      expectError(await debit({ model: MODEL, output: 10 }), 422, 'IDEMPOTENCY_KEY_REUSED');
      expectError(await debit({ model: ALIAS, input: 10 }), 422, 'IDEMPOTENCY_KEY_REUSED');
    });

    it('remembers no 422: the same key is charged once there is a price', async () => {
      await reprice('3');
      const { client } = await account();
      const body = { usage: { model: 'new/model', input: 1_000 }, description: 'Run' };
      expectError(await client.post(DEBIT, body, { key: 'k' }), 422, 'UNPRICED');
      await reprice('3', 'new/model');
      const charged = await client.post(DEBIT, body, { key: 'k' });
      expect(charged.body.data.amount).toBe(-0.003);
      expect(charged.headers['idempotent-replayed']).toBeUndefined();
      await reprice('3');
    });
  });

  describe('a batch', () => {
    const items = [
      { usage: { model: MODEL, input: 1_000 }, description: 'Known' },
      { usage: { model: 'new/model', input: 1_000 }, description: 'Unknown' },
      { amount: 1, description: 'Plain' },
    ];
    const outcomes = ({ body }: any) => body.data.map((each: any) => each.transaction?.amount ?? each.error.code);

    it('rejects what nothing prices alone, and charges it when it comes again', async () => {
      await reprice('3');
      const { client } = await account();
      const body = { items, mode: 'independent' };
      const first = await client.post(BATCH, body, { key: 'k' });
      expect(outcomes(first)).toEqual([-0.003, 'UNPRICED', -1]);
      expect(first.body.meta).toEqual({ posted: 2, rejected: 1 });
      expect(first.body.data[1].error.details.model).toBe('new/model');
      await reprice('7', 'new/model');
      const second = await client.post(BATCH, body, { key: 'k' });
      expect(outcomes(second)).toEqual([-0.003, -0.007, -1]);
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(4);
    });

    it('that is atomic is refused as a whole, and done when there is a price', async () => {
      await reprice('3');
      const { client } = await account();
      const before = await stateOf(client, CREDITS);
      const body = { items, mode: 'atomic' };
      const refused = await client.post(BATCH, body, { key: 'k' });
      expectError(refused, 422, 'UNPRICED');
      expect(refused.body.error.details).toMatchObject({ model: 'new/model', item: 1 });
      expect(await stateOf(client, CREDITS)).toEqual(before);
      const both = [MODEL, 'new/model'].map((id) => ({ id, prices: { input: '5' } }));
      await makeCard(admin, { markup: '1', models: both });
      const first = await client.post(BATCH, body, { key: 'k' });
      expect(outcomes(first)).toEqual([-0.005, -0.005, -1]);
      await reprice('3');
      const second = await client.post(BATCH, body, { key: 'k' });
      expect(second.body).toEqual(first.body);
    });

    it.each(['independent', 'atomic'])(
      'that is %s and known keeps its answer when prices make it invalid',
      async (mode) => {
        await reprice('3');
        const { client } = await account();
        const body = { items: [items[2], items[0]], mode };
        const first = await client.post(BATCH, body, { key: 'k' });
        expect(outcomes(first)).toEqual([-1, -0.003]);
        await reprice('0');
        const second = await client.post(BATCH, body, { key: 'k' });
        expect(second.body).toEqual(first.body);
        expect(second.headers['idempotent-replayed']).toBe('true');
        const before = await stateOf(client, CREDITS);
        expectInvalid(await client.post(BATCH, body, { key: 'another' }), 'items.1.usage');
        expectInvalid(await client.post(BATCH, body), 'items.1.usage');
        expectError(
          await client.post(BATCH, { ...body, items: [items[0]] }, { key: 'k' }),
          422,
          'IDEMPOTENCY_KEY_REUSED',
        );
        expect(await stateOf(client, CREDITS)).toEqual(before);
        await reprice('3');
        const third = await client.post(BATCH, body, { key: 'another' });
        expect(outcomes(third)).toEqual([-1, -0.003]);
        expect(third.headers['idempotent-replayed']).toBeUndefined();
      },
    );

    it('with an item that is malformed or contradicts itself is a 400 for the whole', async () => {
      await reprice('3');
      const { client } = await account();
      const before = await stateOf(client, CREDITS);
      const batch = (item: object) =>
        client.post(BATCH, { items: [items[2], { description: 'x', ...item }], mode: 'independent' });
      const usage = { model: MODEL, input: 1 };
      expectInvalid(await batch({ usage: { ...usage, input: 0.5 } }), 'items.1.usage.input');
      expectInvalid(await batch({ usage, model: 'another' }), 'items.1.model');
      expectInvalid(await batch({ usage, amount: 1 }), 'items.1.usage');
      expectInvalid(await batch({}), 'items.1.amount');
      expect(await stateOf(client, CREDITS)).toEqual(before);
    });
  });

  describe('holds', () => {
    it('keep back the price of usage, and captures cost what they used', async () => {
      await reprice('3');
      const { client } = await account();
      const opened = await client.post(HOLDS, { usage: { model: ALIAS, input: 2_000 } }, { key: 'o' });
      expect(opened.body.data).toMatchObject({ status: 'open', amount: 0.006, model: MODEL });
      expect(opened.body.data).not.toHaveProperty('usage');
      const { id } = opened.body.data;
      const part = { usage: { model: MODEL, input: 1_000 }, final: false };
      const capture = (body: object, key?: string) => client.post(`${HOLDS}/${id}/capture`, body, { key });
      const first = await capture(part, 'c');
      expect(first.body.data).toMatchObject({ amount: -0.003, hold_id: id, usage: { input: 1_000 } });
      expect(first.body.data.pricing.exact).toBe('0.003');
      await reprice('4');
      expect((await capture(part, 'c')).body).toEqual(first.body);
      expect((await client.post(HOLDS, { usage: { model: ALIAS, input: 2_000 } }, { key: 'o' })).body).toEqual(
        opened.body,
      );
      expectError(await capture(part), 409, 'CONFLICT');
      expectError(await capture({ usage: { model: 'no/model', input: 1 } }), 422, 'UNPRICED');
      expectInvalid(await capture({ usage: { model: MODEL } }), 'usage');
      expectInvalid(await capture({}), 'amount');
      expect((await client.get(`${HOLDS}/${id}`)).body.data).toMatchObject({ status: 'open', captured: 0.003 });
    });

    it('are not opened by what nothing prices', async () => {
      const { client } = await account();
      expectError(await client.post(HOLDS, { usage: { model: 'no/model', input: 1 } }, { key: 'o' }), 422, 'UNPRICED');
      expect((await client.get(HOLDS)).body.meta.total).toBe(0);
    });
  });

  describe('a quote', () => {
    const QUOTE = '/api/pricing/quote';
    const usage = { model: ALIAS, input: 1_000 };
    const quoted = async (client: Client, body: object): Promise<any> => {
      const { status, body: answer } = await client.post(QUOTE, body);
      expect(status).toBe(201);
      return answer.data;
    };

    it('has done its work where it was used in time: keys replay, and holds keep its prices', async () => {
      const version = await reprice('3');
      const { client } = await account();
      const { id: quote_id, expires_at } = await quoted(client, {
        usage: { model: MODEL, input: 2_000 },
        expires_in: 1,
      });
      const debit = (key?: string) => client.post(DEBIT, { usage, quote_id, description: 'Run' }, { key });
      const hold = (key?: string) => client.post(HOLDS, { quote_id }, { key });
      const [debited, held] = [await debit('k'), await hold('k')];
      expect(debited.body.data).toMatchObject({ amount: -0.003, pricing: { rate_card: version } });
      expect(held.body.data).toMatchObject({ amount: 0.006, model: MODEL });

      await reprice('4');
      await eventually(async () => expect(Date.now()).toBeGreaterThan(Date.parse(expires_at)));
      expect([(await debit('k')).body, (await hold('k')).body]).toEqual([debited.body, held.body]);
      for (const late of [await debit(), await debit('l'), await hold(), await hold('l')])
        expectError(late, 409, 'CONFLICT');
      const capture = (body: object) => client.post(`${HOLDS}/${held.body.data.id}/capture`, body);
      const captured = await capture({ usage, final: false });
      expect(captured.body.data).toMatchObject({ amount: -0.003, pricing: { rate_card: version } });
      expectError(await capture({ usage, quote_id }), 409, 'CONFLICT');
    });

    it('goes with usage of its model or meter, and in a hold alone', async () => {
      await reprice('3');
      const { client } = await account();
      const { id: quote_id } = await quoted(client, { usage: { model: MODEL, input: 1_000 } });
      const debit = (body: object) => client.post(DEBIT, { description: 'Run', quote_id, ...body });
      const hold = (body: object) => client.post(HOLDS, { quote_id, ...body });
      expectInvalid(await debit({}), 'quote_id');
      expectInvalid(await debit({ amount: 1 }), 'quote_id');
      expectInvalid(await debit({ usage: { model: 'no/model', input: 1 } }), 'usage.model');
      expectInvalid(await debit({ usage: { meter: 'compute_second', quantity: 1 } }), 'usage.meter');
      expectInvalid(await hold({ amount: 1 }), 'quote_id');
      expectInvalid(await hold({ usage }), 'quote_id');
      expectInvalid(await hold({ model: 'another' }), 'model');
      expectError(await (await account()).client.post(HOLDS, { quote_id }), 404, 'NOT_FOUND');
      expect((await hold({ model: ALIAS })).body.data.model).toBe(MODEL);
    });

    it('prices the items of a batch that name it', async () => {
      await reprice('3');
      const { client } = await account();
      const { id: quote_id } = await quoted(client, { usage: { model: MODEL, input: 1_000 } });
      await reprice('4');
      const items = [quote_id, undefined, `${quote_id}0`].map((id) => ({ usage, quote_id: id, description: 'x' }));
      const { body } = await client.post(BATCH, { items, mode: 'independent' });
      expect(body.data.map((each: any) => each.transaction?.amount ?? each.error.code)).toEqual([
        -0.003,
        -0.004,
        'NOT_FOUND',
      ]);
      expectError(await client.post(BATCH, { items, mode: 'atomic' }), 404, 'NOT_FOUND');
    });
  });

  describe('tokens', () => {
    const usage = { model: 'no/model', input: 100, cache_read: 20, output: 3, web_searches: 5 };

    it('are counted, and the model needs no price', async () => {
      const { client } = await account();
      const { status, body } = await client.post(CONSUME, { usage }, { key: 'k' });
      expect(status).toBe(201);
      const { model: _, ...pools } = usage;
      expect(body.data).toMatchObject({ type: 'consume', amount: -123, model: 'no/model', usage: pools });
      expect(body.data).not.toHaveProperty('pricing');
      expect((await client.post(CONSUME, { usage }, { key: 'k' })).body).toEqual(body);
      const named = await client.post(CONSUME, { usage: { model: ALIAS, format: 'anthropic', raw: RAW } });
      expect(named.body.data).toMatchObject({ amount: -1_100, model: MODEL });
    });

    it('are captured, held and consumed in batches by usage too', async () => {
      const { client } = await account();
      const items = [{ usage }, { amount: 7 }];
      const batch = await client.post(`${CONSUME}/batch`, { items, mode: 'atomic' });
      expect(batch.body.data.map((each: any) => each.transaction.amount)).toEqual([-123, -7]);
      const hold = await client.post('/api/tokens/holds', { usage });
      expect(hold.body.data.amount).toBe(123);
      const captured = await client.post(`/api/tokens/holds/${hold.body.data.id}/capture`, { usage });
      expect(captured.body.data).toMatchObject({ amount: -123, model: 'no/model' });
    });

    it('have no meters, no quotes, and no usage without a token', async () => {
      const { client } = await account();
      const before = await stateOf(client, TOKENS);
      const consume = (body: object) => client.post(CONSUME, body);
      const meter = { meter: 'compute_second', quantity: 1 };
      expectInvalid(await consume({ usage: meter }), 'usage.meter');
      expectInvalid(await consume({ usage, quote_id: 'q' }), 'quote_id');
      expectInvalid(await consume({ usage: { model: 'm', requests: 1 } }), 'usage');
      expectInvalid(await consume({ usage, model: 'another' }), 'model');
      expect(await stateOf(client, TOKENS)).toEqual(before);
    });
  });

  it('the ledger that all of this leaves is whole', async () => {
    await expectVerified(database);
  });
});
