import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { cardOf, CARDS, makeCard } from '../support/rate-cards.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';

const MODEL = 'anthropic/claude-sonnet-4-5';
const MODELS = '/api/pricing/models';
/** How soon every server must know a new card. */
const KNOWN_WITHIN_MS = 5_000;

describeEachDatabase((database) => {
  let servers: Server[];
  let admin: Client;
  let others: Client[];
  let customer: Client;

  beforeAll(async () => {
    const env = { DATABASE_URL: database.url };
    servers = await Promise.all([startServer(env), startServer(env)]);
    others = await Promise.all(servers.map((each) => each.clientFor({ sub: 'root', admin: true })));
    [admin] = others as [Client];
    customer = await servers[0]!.clientFor({ sub: newName() });
  });
  afterAll(() => Promise.all((servers ?? []).map((each) => each.stop())));

  const inForce = async (client: Client): Promise<number> => (await client.get(MODELS)).body.data[0].rate_card;

  it('begins with the card that ships, as version 1, however many servers start', async () => {
    const { body } = await customer.get(CARDS);
    expect(body.meta).toEqual({ total: 1, limit: 50, offset: 0 });
    expect(body.data).toEqual([
      {
        version: 1,
        effective_from: expect.stringMatching(/Z$/),
        in_force: true,
        created_by: 'system',
        created_at: expect.stringMatching(/Z$/),
      },
    ]);
    expect(await Promise.all(others.map(inForce))).toEqual([1, 1]);
  });

  it('is in force at once where it was made, and within five seconds everywhere', async () => {
    const made = await makeCard(admin);
    expect(made.status).toBe(201);
    const { version } = made.body.data;
    expect(made.body.data).toMatchObject({ ...cardOf(), version, in_force: true, created_by: 'admin:root', notes: [] });
    expect(await inForce(admin)).toBe(version);
    await eventually(async () => expect(await inForce(others[1]!)).toBe(version), KNOWN_WITHIN_MS);
  });

  it('shows customers effective prices, and the markup to administrators alone', async () => {
    const { version } = (await makeCard(admin)).body.data;
    const priced = {
      id: MODEL,
      aliases: ['claude-sonnet-4-5-20250929'],
      prices: { input: '3.75', output: '18.75', web_searches: '12.5' },
      tiers: [{ from: 200_001, prices: { input: '7.5', output: '28.125', web_searches: '12.5' } }],
      service_tiers: { batch: '0.5' },
    };
    const nobody = servers[0]!.client;
    expect((await nobody.get(MODELS)).body.data).toEqual([{ ...priced, rate_card: version }]);
    expect((await nobody.get('/api/pricing/meters')).body.data).toEqual([
      { id: 'compute_second', unit_price: '0.00003125', unit: 'second', rate_card: version },
    ]);
    const seen = (await customer.get(`${CARDS}/${version}`)).body.data;
    expect(seen).toMatchObject({ version, models: [priced], meters: [{ unit_price: '0.00003125' }] });
    expect((await admin.get(`${CARDS}/${version}`)).body.data).toMatchObject({ ...cardOf(), version });
    for (const path of [MODELS, CARDS, `${CARDS}/${version}`, `${CARDS}/1/diff/${version}`])
      expect((await customer.get(path)).text).not.toContain('markup');
    expect((await admin.get(CARDS)).body.data[0]).toMatchObject({ version, markup: '1.25' });
  });

  it('finds a model by its id or alias, with / plain or as %2F', async () => {
    await makeCard(admin);
    for (const name of [MODEL, encodeURIComponent(MODEL), 'claude-sonnet-4-5-20250929']) {
      const { status, body } = await servers[0]!.client.get(`${MODELS}/${name}`);
      expect({ name, status, id: body?.data?.id }).toEqual({ name, status: 200, id: MODEL });
    }
    for (const name of ['anthropic', 'anthropic/', 'anthropic%2Fclaude', `${MODEL}/x`, '%E0%A4%A'])
      expect([name, (await servers[0]!.client.get(`${MODELS}/${name}`)).status]).toEqual([
        name,
        name === '%E0%A4%A' ? 400 : 404,
      ]);
  });

  it('lists by page and word, and says when nothing has changed', async () => {
    const models = Array.from({ length: 30 }, (_, i) => ({ id: `house/model-${i}`, prices: { input: '1' } }));
    await makeCard(admin, { models: [...cardOf().models, ...models] });
    const page = await customer.get(MODELS, { limit: 10, offset: 25 });
    expect(page.body.meta).toEqual({ total: 31, limit: 10, offset: 25 });
    expect(page.body.data).toHaveLength(6);
    expect((await customer.get(MODELS, { q: 'MODEL-2' })).body.meta.total).toBe(11);
    expect((await customer.get(MODELS, { q: '20250929' })).body.data.map(({ id }: any) => id)).toEqual([MODEL]);
    const { etag } = page.headers;
    const again = (tag: string) =>
      customer.request('GET', MODELS, { query: { limit: 10, offset: 25 }, headers: { 'if-none-match': tag } });
    expect((await again(etag!)).status).toBe(304);
    await makeCard(admin);
    expect((await again(etag!)).status).toBe(200);
  });

  it('comes into force by the clock, on every server', async () => {
    const before = await inForce(admin);
    await eventually(async () => expect(await inForce(others[1]!)).toBe(before), KNOWN_WITHIN_MS);
    const at = Date.now() + 1_500;
    const { version } = (await makeCard(admin, { effective_from: new Date(at).toISOString() })).body.data;
    const later = (await makeCard(admin, { effective_from: '2099-01-01T00:00:00Z' })).body.data;
    expect(later).toMatchObject({ version: version + 1, in_force: false });
    expect(await Promise.all(others.map(inForce))).toEqual([before, before]);
    await eventually(async () => expect(await Promise.all(others.map(inForce))).toEqual([version, version]), 4_000);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
    // A card that is made now has a higher version than the one that waits, and both have their time.
    const now = (await makeCard(admin)).body.data.version;
    expect([now, await inForce(admin)]).toEqual([version + 2, version + 2]);
  });

  it('numbers the cards of many at once without a gap, each once in the audit', async () => {
    const first = (await makeCard(admin)).body.data.version;
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, i) => makeCard(others[i % 2]!, { notes: [`card ${i}`] })),
    );
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201));
    const versions = made.map(({ body }) => body.data.version).sort((a, b) => a - b);
    expect(versions).toEqual(made.map((_, i) => first + 1 + i));
    const { body } = await admin.get('/api/admin/audit', { action: 'pricing.rate_card', limit: 12 });
    const targets = body.data.map(({ target }: any) => Number(target));
    expect(targets.sort((a: number, b: number) => a - b)).toEqual(versions);
    expect(body.data[0]).toMatchObject({
      actor: 'admin:root',
      after: { markup: '1.25', models: 1, meters: 1 },
      client_address: expect.any(String),
    });
  });

  it('is made once under a key, on both servers at once', async () => {
    const key = newName();
    const made = await Promise.all(others.map((each) => makeCard(each, {}, { key })));
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    expect(made[0]!.body).toEqual(made[1]!.body);
    expect(made.map(({ headers }) => headers['idempotent-replayed']).sort()).toEqual(['true', undefined]);
    expectError(await makeCard(admin, { markup: '2' }, { key }), 422, 'IDEMPOTENCY_KEY_REUSED');
  });

  it('answers the same under a key when its time has passed meanwhile', async () => {
    const [key, effective_from] = [newName(), new Date(Date.now() + 300).toISOString()];
    const first = await makeCard(admin, { effective_from }, { key });
    expect(first.status).toBe(201);
    await eventually(async () => expect(Date.now()).toBeGreaterThan(Date.parse(effective_from)));
    const again = await makeCard(admin, { effective_from }, { key });
    expect([again.status, again.body.data.version]).toEqual([201, first.body.data.version]);
    expectError(await makeCard(admin, { effective_from }), 400, 'VALIDATION_ERROR');
  });

  it('compares two cards line by line', async () => {
    const a = (await makeCard(admin)).body.data.version;
    const [sonnet] = cardOf().models;
    const changed = {
      ...sonnet,
      prices: { input: '2.5', output: '15.0', cache_read: '0.3', web_searches: '10' },
      tiers: [{ from: 200_001, prices: { input: '6', output: '20', cache_read: '1', web_searches: '10' } }],
      service_tiers: { batch: '0.4' },
    };
    const b = (
      await makeCard(admin, { markup: '1.5', models: [changed, { id: 'new', prices: { input: '1' } }], meters: [] })
    ).body.data.version;
    const { data } = (await admin.get(`${CARDS}/${a}/diff/${b}`)).body;
    expect(data).toMatchObject({ added: ['new'], removed: ['compute_second'], markup: { from: '1.25', to: '1.5' } });
    expect(data.changed).toHaveLength(5);
    expect(data.changed).toEqual(
      expect.arrayContaining([
        { id: MODEL, pool: 'input', from: '3', to: '2.5' },
        { id: MODEL, pool: 'cache_read', to: '0.3' },
        { id: MODEL, pool: 'cache_read', tier: 200_001, to: '1' },
        { id: MODEL, pool: 'output', tier: 200_001, from: '22.5', to: '20' },
        { id: MODEL, pool: 'service_tier:batch', from: '0.5', to: '0.4' },
      ]),
    );
    expect((await customer.get(`${CARDS}/${a}/diff/${b}`)).body.data.changed).toEqual(
      expect.arrayContaining([{ id: MODEL, pool: 'output', from: '18.75', to: '22.5' }]),
    );
    expect((await admin.get(`${CARDS}/${a}/diff/${a}`)).body.data).toEqual({ added: [], removed: [], changed: [] });
    expectError(await admin.get(`${CARDS}/${a}/diff/999999`), 404, 'NOT_FOUND');
    for (const version of ['999999', '2147483647'])
      expectError(await admin.get(`${CARDS}/${version}`), 404, 'NOT_FOUND');
    for (const version of ['0', 'x', '1e2', '99999999999'])
      expectError(await admin.get(`${CARDS}/${version}`), 400, 'VALIDATION_ERROR');
  });

  it('is made by administrators alone, and read by everybody with a token', async () => {
    expectError(await makeCard(customer), 403, 'FORBIDDEN');
    expectError(await servers[0]!.client.get(CARDS), 401, 'UNAUTHORIZED');
    expect((await customer.get(CARDS)).status).toBe(200);
  });

  describe('a bad card', () => {
    const model = (changes: object) => ({ models: [{ ...cardOf().models[0], ...changes }] });
    const prices = (changes: object) => model({ tiers: undefined, prices: { input: '3', ...changes } });

    it.each<[string, object, string]>([
      ['in the past', { effective_from: '2020-01-01T00:00:00Z' }, 'effective_from'],
      ['at no time', { effective_from: 'tomorrow' }, 'effective_from'],
      ['in another currency', { currency: 'EUR' }, 'currency'],
      ['with a markup of zero', { markup: '0' }, 'markup'],
      ['with a markup that is a number', { markup: 1.25 }, 'markup'],
      ['with a markup above a hundred', { markup: '100.1' }, 'markup'],
      ['without models', { models: undefined }, 'models'],
      ['with a negative price', prices({ input: '-1' }), 'models[0].prices.input'],
      ['with a price that is a number', prices({ input: 3 }), 'models[0].prices.input'],
      ['with too many decimals', prices({ input: '0.0000001' }), 'models[0].prices.input'],
      ['with too high a price', prices({ input: '10000.1' }), 'models[0].prices.input'],
      ['with an unknown pool', prices({ imput: '1' }), 'models[0].prices.imput'],
      ['with an alias twice', model({ aliases: ['a', 'a'] }), 'models[0].aliases[1]'],
      ['with a factor of zero', model({ service_tiers: { batch: '0' } }), 'models[0].service_tiers.batch'],
      ['with a field that it has not', { colour: 'red' }, 'colour'],
      ['with a version', { version: 7 }, 'version'],
    ])('%s is refused, and names its line', async (_, changes, field) => {
      const before = (await admin.get(CARDS)).body.meta.total;
      const answer = await makeCard(admin, changes);
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
      expect((await admin.get(CARDS)).body.meta.total).toBe(before);
    });

    it('names every bad line', async () => {
      const models = Array.from({ length: 300 }, (_, i) => ({ id: `m${i}`, prices: { input: '-1', output: 'x' } }));
      const answer = await makeCard(admin, { models, markup: 'x' });
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toHaveLength(601);
    });

    it('is no object at all', async () => {
      for (const body of [[], 'x', 7, undefined]) expectError(await admin.post(CARDS, body), 400, 'VALIDATION_ERROR');
    });

    it('has at most 4 MiB', async () => {
      const large = (bytes: number) => {
        const models = Array.from({ length: 2_000 }, (_, i) => ({
          id: `provider/model-${i}`,
          aliases: [`model-${i}-latest`],
          prices: { input: '3', output: '15', cache_read: '0.3' },
        }));
        const text = JSON.stringify(cardOf({ models }));
        return text + ' '.repeat(bytes - text.length);
      };
      const post = (raw: string) => admin.request('POST', CARDS, { raw });
      const made = await post(large(4 * 1024 * 1024));
      expect([made.status, made.body.data?.models?.length]).toEqual([201, 2_000]);
      expectError(await post(large(4 * 1024 * 1024 + 1)), 413, 'PAYLOAD_TOO_LARGE');
      expectError(
        await admin.request('POST', '/api/credits/deposit', { raw: large(2 * 1024 * 1024) }),
        413,
        'PAYLOAD_TOO_LARGE',
      );
      expect((await makeCard(admin)).status).toBe(201);
    });
  });
});
