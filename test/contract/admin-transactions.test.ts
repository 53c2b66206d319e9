import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, newName } from '../support/words.js';

const PATH = '/api/admin/transactions';

type Query = Record<string, string | number | undefined>;

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  /** An account with credits and tokens. */
  async function account(): Promise<{ sub: string; name: string; client: Client }> {
    const sub = newName();
    const name = `user:${sub}`;
    for (const path of ['/api/credits/deposit', '/api/tokens/grant'])
      expect((await admin.post(path, { amount: 1_000, description: 'x', account: name })).status).toBe(201);
    return { sub, name, client: await server.clientFor({ sub }) };
  }
  const list = async (query: Query) => {
    const { status, body, text } = await admin.get(PATH, query);
    expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
    return body;
  };
  /** The account, unit and id of each. */
  const found = async (query: Query): Promise<string[]> =>
    (await list(query)).data.map(({ account: name, unit, id }: any) => `${name} ${unit} ${id}`);
  const spend = async (client: Client, amount: number, options: object = {}, body: object = {}) => {
    const answer = await client.post('/api/credits/debit', { amount, description: 'Run', ...body }, options);
    expect(answer.status).toBe(201);
    return { traceId: String(answer.headers['x-trace-id']), entry: answer.body.data };
  };

  it('finds who made a transaction, with which key and request, across accounts', async () => {
    const [one, other] = [await account(), await account()];
    const key = `run-${newName()}`;
    const { traceId, entry } = await spend(one.client, 1, { key });
    await spend(other.client, 2, { key });
    await spend(admin, 3, {}, { account: one.name });
    const first = `${one.name} USD 2`;
    expect(await found({ trace_id: traceId })).toEqual([first]);
    expect(await found({ idempotency_key: key })).toEqual([`${other.name} USD 2`, first]);
    expect(await found({ idempotency_key: key, actor: one.name })).toEqual([first]);
    expect(await found({ idempotency_key: key, account: other.name })).toEqual([`${other.name} USD 2`]);
    expect(await found({ idempotency_key: key, type: 'deposit' })).toEqual([]);
    expect(await found({ actor: one.name })).toEqual([first]);
    expect(await found({ actor: 'admin:root', limit: 1 })).toEqual([`${one.name} USD 3`]);
    expect(await found({ actor: 'admin:root', account: one.name })).toEqual([
      `${one.name} USD 3`,
      `${one.name} tokens 1`,
      `${one.name} USD 1`,
    ]);
    expect(await found({ idempotency_key: `${key} ` })).toEqual([]);
    expect(await found({ trace_id: 'none' })).toEqual([]);
    expect(await found({ actor: 'user:nobody' })).toEqual([]);
    expect(await found({ account: 'user:nobody' })).toEqual([]);
    const { data } = await list({ trace_id: traceId });
    expect(data).toEqual([{ ...entry, unit: 'USD', trace_id: traceId, idempotency_key: key }]);
  });

  it('lists the newest first, and goes on by a cursor that fits no other list', async () => {
    const { name, client } = await account();
    const items = Array.from({ length: 40 }, () => ({ amount: 1, description: 'x' }));
    const batch = await client.post('/api/credits/debit/batch', { items, mode: 'atomic' });
    expect(batch.status).toBe(200);
    const traceId = String(batch.headers['x-trace-id']);
    await spend(client, 1);
    for (const query of [
      { account: name },
      { account: name, type: 'debit' },
      { actor: name },
      { trace_id: traceId },
      { from: new Date(Date.now() - 60_000).toISOString() },
      { type: 'debit' },
      { type: 'grant' },
    ] as Query[]) {
      const whole = await found({ ...query, limit: 200 });
      const pages: string[] = [];
      let cursor: string | undefined;
      do {
        const { data, meta } = await list({ ...query, limit: 7, cursor });
        expect(data.length).toBeLessThanOrEqual(7);
        pages.push(...data.map(({ account: owner, unit, id }: any) => `${owner} ${unit} ${id}`));
        cursor = meta.next_cursor;
      } while (cursor);
      expect({ query, pages }).toEqual({ query, pages: whole });
      expect(new Set(pages).size).toBe(pages.length);
    }
    expect(await found({ trace_id: traceId, limit: 200 })).toEqual(
      Array.from({ length: 40 }, (_, i) => `${name} USD ${41 - i}`),
    );
    const { next_cursor: cursor } = (await list({ account: name, limit: 1 })).meta;
    for (const query of [{ actor: name }, { account: name, type: 'debit' }, { cursor: 'x' }])
      expectError(
        await admin.get(PATH, { account: name, cursor, ...query, ...('actor' in query && { account: undefined }) }),
        400,
        'VALIDATION_ERROR',
      );
  });

  it('is cut by a period, from its first moment to before its last', async () => {
    const { name, client } = await account();
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      times.push(Date.parse((await spend(client, 1)).entry.created_at));
      await server.client.get('/api/health');
      while (Date.now() <= times.at(-1)!);
    }
    const at = (i: number) => new Date(times[i]!).toISOString();
    for (const query of [{ account: name, type: 'debit' }, { actor: name }] as Query[]) {
      expect(await found({ ...query, from: at(1) })).toEqual([`${name} USD 4`, `${name} USD 3`]);
      expect(await found({ ...query, from: at(1), to: at(2) })).toEqual([`${name} USD 3`]);
      expect(await found({ ...query, to: at(1) })).toEqual([`${name} USD 2`]);
    }
    expectError(await admin.get(PATH, { from: at(1), to: at(0) }), 400, 'VALIDATION_ERROR');
  });

  it('is for administrators alone, and refuses what is no filter', async () => {
    const client = await server.clientFor({ sub: newName() });
    expectError(await client.get(PATH), 403, 'FORBIDDEN');
    expectError(await server.client.get(PATH), 401, 'UNAUTHORIZED');
    for (const query of [{ type: 'sale' }, { limit: 0 }, { offset: 0 }, { from: 'yesterday' }, { order: 'asc' }])
      expectError(await admin.get(PATH, query), 400, 'VALIDATION_ERROR');
  });
});
