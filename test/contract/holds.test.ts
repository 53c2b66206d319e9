import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { connectTo, expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, expectUnbroken, historyOf, newName, WORDS } from '../support/words.js';

const [words] = WORDS;
const { add, spend, short } = words!;
const HOLDS = '/api/credits/holds';
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** The tests move the server's clock by days, which no token may notice. */
const FOR_EVER = { exp: Math.floor(Date.now() / 1000) + 400 * 86_400 };

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true, claims: FOR_EVER });
  });
  afterAll(() => server?.stop());

  async function account(amount = 10): Promise<{ client: Client; name: string }> {
    const name = newName();
    const client = await server.clientFor({ sub: name, claims: FOR_EVER });
    expect((await admin.post(add, { amount, description: 'Opening', account: `user:${name}` })).status).toBe(201);
    return { client, name: `user:${name}` };
  }
  const balanceOf = async (client: Client) => {
    const { balance, available, held } = (await client.get('/api/credits/balance')).body.data;
    return [balance, available, held];
  };
  const open = async (client: Client, amount: number, more: object = {}) => {
    const answer = await client.post(HOLDS, { amount, ...more });
    expect(answer.status).toBe(201);
    return answer.body.data;
  };
  const capture = (client: Client, id: string, body: object, key?: string) =>
    client.post(`${HOLDS}/${id}/capture`, body, { key });
  const release = (client: Client, id: string, body?: object, key?: string) =>
    client.post(`${HOLDS}/${id}/release`, body, { key });

  describe('opening', () => {
    it('answers 201 with the hold, lowers what is available and never the balance, and makes no transaction', async () => {
      const { client, name } = await account();
      const { body } = await client.post(HOLDS, {
        amount: 4,
        description: 'Run',
        expires_in: 60,
        metadata: { run: 1 },
      });
      expect(body).toEqual({
        data: {
          id: expect.stringMatching(/^hold_\d+_1$/),
          account: name,
          grants: [{ grant_id: 1, amount: 4 }],
          status: 'open',
          amount: 4,
          captured: 0,
          released: 0,
          expires_at: expect.stringMatching(ISO),
          description: 'Run',
          metadata: { run: 1 },
          created_at: expect.stringMatching(ISO),
        },
      });
      expect(Date.parse(body.data.expires_at) - Date.parse(body.data.created_at)).toBe(60_000);
      expect(await balanceOf(client)).toEqual([10, 6, 4]);
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(1);
      expect((await client.get(`${HOLDS}/${body.data.id}`)).body).toEqual(body);
    });

    it('lasts an hour unless asked otherwise', async () => {
      const { client } = await account();
      const hold = await open(client, 1);
      expect(hold).toMatchObject({ description: null, metadata: null });
      expect(Date.parse(hold.expires_at) - Date.parse(hold.created_at)).toBe(3_600_000);
    });

    it('is refused with 402 beyond what is available; a debit too, while it is held', async () => {
      const { client } = await account();
      await open(client, 7);
      const refused = await client.post(HOLDS, { amount: 3.000001 });
      expectError(refused, 402, short);
      expect(refused.body.error.details).toEqual({ required: 3.000001, available: 3, shortfall: 0.000001 });
      expectError(await client.post(spend, { amount: 4, description: 'x' }), 402, short);
      expect(await balanceOf(client)).toEqual([10, 3, 7]);
      await open(client, 3);
      expect(await balanceOf(client)).toEqual([10, 0, 10]);
    });

    it.each([
      ['amount', { amount: 0 }],
      ['amount', { amount: -1 }],
      ['amount', { amount: '1' }],
      ['amount', { amount: 0.0000001 }],
      ['amount', {}],
      ['expires_in', { amount: 1, expires_in: 0 }],
      ['expires_in', { amount: 1, expires_in: 604_801 }],
      ['expires_in', { amount: 1, expires_in: 1.5 }],
      ['expires_in', { amount: 1, expires_in: '60' }],
      ['description', { amount: 1, description: '' }],
      ['metadata', { amount: 1, metadata: { a: { b: 1 } } }],
      ['captured', { amount: 1, captured: 1 }],
    ])('%s in %j is a 400 and holds nothing', async (field, body) => {
      const { client } = await account();
      const answer = await client.post(HOLDS, body);
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual(
        expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
      );
      expect((await client.get(HOLDS)).body.meta.total).toBe(0);
    });

    it('takes the longest and the shortest time', async () => {
      const { client } = await account();
      for (const expires_in of [1, 604_800]) {
        const hold = await open(client, 1, { expires_in });
        expect(Date.parse(hold.expires_at) - Date.parse(hold.created_at)).toBe(expires_in * 1000);
      }
    });
  });

  describe('capturing', () => {
    it('is final by default: the transaction names the hold, and the rest is available again', async () => {
      const { client, name } = await account();
      const hold = await open(client, 5, { description: 'Run', metadata: { run: 7 } });
      const captured = await capture(client, hold.id, { amount: 2 });
      expect(captured.status).toBe(201);
      expect(captured.body.data).toEqual({
        id: 2,
        account: name,
        type: 'debit',
        amount: -2,
        balance_after: 8,
        description: 'Run',
        created_at: expect.stringMatching(ISO),
        metadata: { run: 7 },
        actor: name,
        hold_id: hold.id,
        grants: [{ grant_id: 1, amount: 2 }],
        grants_count: 1,
      });
      expect(await balanceOf(client)).toEqual([8, 8, 0]);
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual({
        ...hold,
        status: 'captured',
        captured: 2,
        released: 3,
      });
      expect((await client.get('/api/credits/transactions/2')).body).toEqual(captured.body);
    });

    it('is repeated while it is not final, until the hold is used up', async () => {
      const { client } = await account();
      const hold = await open(client, 5);
      expect((await capture(client, hold.id, { amount: 1.5, final: false, description: 'a' })).body.data).toMatchObject(
        {
          balance_after: 8.5,
          description: 'a',
        },
      );
      expect(await balanceOf(client)).toEqual([8.5, 5, 3.5]);
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toMatchObject({
        status: 'open',
        captured: 1.5,
        released: 0,
      });

      const tooMuch = await capture(client, hold.id, { amount: 3.500001, final: false });
      expectError(tooMuch, 409, 'CONFLICT');
      expect(tooMuch.body.error.details).toEqual({ required: 3.500001, remaining: 3.5 });

      expect((await capture(client, hold.id, { amount: 3.5, final: false })).status).toBe(201);
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toMatchObject({
        status: 'captured',
        captured: 5,
        released: 0,
      });
      const after = await capture(client, hold.id, { amount: 0.000001 });
      expectError(after, 409, 'CONFLICT');
      expect(after.body.error.details).toEqual({ status: 'captured' });
      expect(await balanceOf(client)).toEqual([5, 5, 0]);
    });

    it('spends what the hold kept, also when nothing else is left', async () => {
      const { client } = await account();
      const hold = await open(client, 4);
      expect((await client.post(spend, { amount: 6, description: 'the rest' })).status).toBe(201);
      expect((await capture(client, hold.id, { amount: 4 })).body.data.balance_after).toBe(0);
    });

    it.each([
      ['amount', {}],
      ['amount', { amount: 0 }],
      ['amount', { amount: -1 }],
      ['final', { amount: 1, final: 'yes' }],
      ['description', { amount: 1, description: 5 }],
      ['hold', { amount: 1, hold: 5 }],
    ])('%s in %j is a 400 and captures nothing', async (field, body) => {
      const { client } = await account();
      const hold = await open(client, 5);
      const answer = await capture(client, hold.id, body);
      expectError(answer, 400, 'VALIDATION_ERROR');
      expect(answer.body.error.details).toEqual(
        expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
      );
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
    });
  });

  describe('releasing', () => {
    it.each([
      ['no body', undefined],
      ['an empty body', {}],
    ])('gives back what remains, with %s', async (_, body) => {
      const { client } = await account();
      const hold = await open(client, 5);
      await capture(client, hold.id, { amount: 2, final: false });
      const released = await release(client, hold.id, body);
      expect(released.status).toBe(200);
      expect(released.body.data).toEqual({ ...hold, status: 'released', captured: 2, released: 3 });
      expect(await balanceOf(client)).toEqual([8, 8, 0]);
      for (const answer of [await release(client, hold.id), await capture(client, hold.id, { amount: 1 })]) {
        expectError(answer, 409, 'CONFLICT');
        expect(answer.body.error.details).toEqual({ status: 'released' });
      }
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(2);
    });
  });

  describe('listing', () => {
    it('pages both ways and filters by status, each with its own total', async () => {
      const { client } = await account();
      const holds = [];
      for (let i = 0; i < 9; i++) holds.push(await open(client, 1, { description: `#${i}` }));
      for (const i of [1, 4]) await capture(client, holds[i].id, { amount: 0.5 });
      for (const i of [2, 5, 8]) await release(client, holds[i].id);
      const now = await Promise.all(holds.map(async ({ id }) => (await client.get(`${HOLDS}/${id}`)).body.data));
      for (const status of [undefined, 'open', 'captured', 'released', 'expired']) {
        const matching = now.filter((hold) => status === undefined || hold.status === status);
        for (const order of [undefined, 'asc', 'desc']) {
          const ordered = order === 'desc' ? [...matching].reverse() : matching;
          for (const [limit, offset] of [
            [2, 0],
            [2, 2],
            [4, 6],
            [200, 0],
            [2, 9],
            [3, Number.MAX_SAFE_INTEGER],
          ] as const) {
            const { body } = await client.get(HOLDS, { status, order, limit, offset });
            expect(body).toEqual({
              data: ordered.slice(offset, offset + limit),
              meta: { total: matching.length, limit, offset },
            });
          }
        }
      }
    });

    it('is empty for an account without holds', async () => {
      const client = await server.clientFor({ sub: newName(), claims: FOR_EVER });
      expect((await client.get(HOLDS)).body).toEqual({ data: [], meta: { total: 0, limit: 50, offset: 0 } });
    });

    it.each(['status=closed', 'status=', 'order=up', 'limit=201', 'offset=-1', 'page=2', 'status=open&status=open'])(
      '?%s is a 400',
      async (query) => {
        expectError(await admin.get(`${HOLDS}?${query}`), 400, 'VALIDATION_ERROR');
      },
    );
  });

  describe('whose it is', () => {
    it("another's hold is a 404 for everybody else, and nothing happens to it", async () => {
      const [{ client }, { client: stranger }] = [await account(), await account()];
      const hold = await open(client, 5);
      expectError(await stranger.get(`${HOLDS}/${hold.id}`), 404, 'NOT_FOUND');
      expectError(await capture(stranger, hold.id, { amount: 1 }), 404, 'NOT_FOUND');
      expectError(await release(stranger, hold.id), 404, 'NOT_FOUND');
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
    });

    it('naming another account is a 403 for everybody but administrators', async () => {
      const [{ client, name }, { client: stranger }] = [await account(), await account()];
      const hold = await open(client, 5);
      for (const answer of [
        await stranger.post(HOLDS, { amount: 1, account: name }),
        await stranger.get(HOLDS, { account: name }),
        await stranger.get(`${HOLDS}/${hold.id}`, { account: name }),
        await capture(stranger, hold.id, { amount: 1, account: name }),
        await release(stranger, hold.id, { account: name }),
      ])
        expectError(answer, 403, 'FORBIDDEN');
      expect((await client.get(HOLDS)).body).toMatchObject({ data: [hold], meta: { total: 1 } });
    });

    it('an administrator finds it by its id alone or with its account, and not under another', async () => {
      const [{ client, name }, { name: other }] = [await account(), await account()];
      const hold = (await admin.post(HOLDS, { amount: 5, account: name })).body.data;
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
      expect((await admin.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
      expect((await admin.get(`${HOLDS}/${hold.id}`, { account: name })).body.data).toEqual(hold);
      expect((await admin.get(HOLDS, { account: name })).body.data).toEqual([hold]);
      expectError(await admin.get(`${HOLDS}/${hold.id}`, { account: other }), 404, 'NOT_FOUND');
      expectError(await capture(admin, hold.id, { amount: 1, account: other }), 404, 'NOT_FOUND');
      expect((await capture(admin, hold.id, { amount: 1, final: false })).status).toBe(201);
      expect((await capture(admin, hold.id, { amount: 1, final: false, account: name })).status).toBe(201);
      expect((await release(admin, hold.id, { account: name })).body.data).toMatchObject({ captured: 2, released: 3 });
      expect(await balanceOf(client)).toEqual([8, 8, 0]);
    });

    it.each([
      'hold_1',
      'hold_0_0',
      'hold_99999999_1',
      'hold_9999999999_9999999999999999',
      'nothing',
      '1',
      "hold_1_1'--",
      'hold_1_1e3',
      '%20',
    ])('%s is no hold', async (id) => {
      for (const client of [admin, (await account()).client]) {
        expectError(await client.get(`${HOLDS}/${id}`), 404, 'NOT_FOUND');
        expectError(await capture(client, id, { amount: 1 }), 404, 'NOT_FOUND');
        expectError(await release(client, id), 404, 'NOT_FOUND');
      }
    });

    it('without a token everything is a 401', async () => {
      const hold = await open((await account()).client, 1);
      const nobody = server.client;
      for (const path of [HOLDS, `${HOLDS}/${hold.id}/capture`, `${HOLDS}/${hold.id}/release`])
        expectError(await nobody.post(path, { amount: -1 }), 401, 'UNAUTHORIZED');
      for (const path of [HOLDS, `${HOLDS}/${hold.id}`]) expectError(await nobody.get(path), 401, 'UNAUTHORIZED');
    });
  });

  describe('idempotency', () => {
    /** The same request again: the same status and body to the letter, marked. */
    async function expectReplay(send: () => Promise<any>, status: number): Promise<any> {
      const first = await send();
      expect(first.status).toBe(status);
      expect(first.headers['idempotent-replayed']).toBeUndefined();
      return { first, again: await repeat(send, first) };
    }
    async function repeat(send: () => Promise<any>, first: any): Promise<any> {
      const again = await send();
      expect({ status: again.status, text: again.text }).toEqual({ status: first.status, text: first.text });
      expect(again.headers['idempotent-replayed']).toBe('true');
      return again;
    }

    it('opening, capturing and releasing are each done once, and answer as the first time whatever became of the hold', async () => {
      const { client } = await account();
      const opening = () => client.post(HOLDS, { amount: 5, metadata: { b: 1, a: 2 } }, { key: 'k' });
      const { first } = await expectReplay(opening, 201);
      const { id } = first.body.data;
      const capturing = () => capture(client, id, { amount: 2, final: false }, 'k');
      const captured = await expectReplay(capturing, 201);
      const releasing = () => release(client, id, undefined, 'k');
      const released = await expectReplay(releasing, 200);
      await repeat(opening, first);
      await repeat(capturing, captured.first);
      await repeat(releasing, released.first);
      expect(await balanceOf(client)).toEqual([8, 8, 0]);
      expect((await client.get(HOLDS)).body.meta.total).toBe(1);
      expectUnbroken(await historyOf(client, words!), words!);
      expect((await client.get('/api/credits/transactions')).body.meta.total).toBe(2);
    });

    it('400 at once over a key each open, capture and release once', async () => {
      const { client } = await account(100);
      const opened = await Promise.all(
        Array.from({ length: 400 }, (_, i) => client.post(HOLDS, { amount: 1 }, { key: `k${i % 20}` })),
      );
      expect(new Set(opened.map(({ status }) => status))).toEqual(new Set([201]));
      const ids = [...new Set(opened.map(({ body }) => body.data.id as string))];
      expect(ids).toHaveLength(20);
      expect(await balanceOf(client)).toEqual([100, 80, 20]);
      const settled = await Promise.all(
        Array.from({ length: 400 }, (_, i) =>
          i % 2
            ? capture(client, ids[(i % 20) - 1]!, { amount: 0.25, final: false }, `k${i % 20}`)
            : release(client, ids[(i % 20) + 1]!, undefined, `k${i % 20}`),
        ),
      );
      for (let key = 0; key < 20; key++)
        expect(
          new Set(settled.filter((_, i) => i % 20 === key).map(({ status, text }) => `${status} ${text}`)).size,
        ).toBe(1);
      const history = await historyOf(client, words!);
      expect(history).toHaveLength(11);
      expectUnbroken(history, words!);
      expect(await balanceOf(client)).toEqual([97.5, 80 + 10, 7.5]);
    });

    it('refusals are answers too, and stay the same when the state has changed', async () => {
      const { client, name } = await account(1);
      const opening = () => client.post(HOLDS, { amount: 5 }, { key: 'k' });
      const { first: refused } = await expectReplay(opening, 402);
      await admin.post(add, { amount: 10, description: 'more', account: name });
      await repeat(opening, refused);
      const hold = await open(client, 2);
      const capturing = () => capture(client, hold.id, { amount: 3 }, 'k');
      const { first: conflict } = await expectReplay(capturing, 409);
      await release(client, hold.id);
      await repeat(capturing, conflict);
      const releasing = () => release(client, hold.id, undefined, 'k');
      await expectReplay(releasing, 409);
      expect(await balanceOf(client)).toEqual([11, 11, 0]);
    });

    it('a refusal for want of the hold is kept too: the hold that comes later does not change the answer', async () => {
      const { client } = await account();
      const [, accountId] = (await open(client, 1)).id.split('_');
      const next = `hold_${accountId}_2`;
      const ask = async (id: string, admins = false) => {
        const by = admins ? admin : client;
        return [await capture(by, id, { amount: 1 }, 'k'), await release(by, id, {}, 'k')];
      };
      const first = [...(await ask(next)), ...(await ask('hold_999999999_1')), ...(await ask(next, true))].slice(0, 4);
      // The second pair is another request under the keys of the first.
      expect(first.map(({ status }) => status)).toEqual([404, 404, 422, 422]);
      expect((await open(client, 1)).id).toBe(next);
      for (const again of [await ask(next), await ask(next, true)]) {
        expect(again.map(({ text }) => text)).toEqual(first.slice(0, 2).map(({ text }) => text));
        expect(again.map(({ headers }) => headers['idempotent-replayed'])).toEqual(['true', 'true']);
      }
      const nowhere = await capture(client, 'hold_nonsense', { amount: 1 }, 'nowhere');
      expectError(nowhere, 404, 'NOT_FOUND');
      expect((await capture(client, 'hold_nonsense', { amount: 1 }, 'nowhere')).text).toBe(nowhere.text);
      expect(await balanceOf(client)).toEqual([10, 8, 2]);
    });

    it('a key with another request is a 422', async () => {
      const { client } = await account();
      const [hold, other] = [(await client.post(HOLDS, { amount: 2 }, { key: 'k' })).body.data, await open(client, 2)];
      await capture(client, hold.id, { amount: 1, final: false }, 'k');
      await release(client, hold.id, undefined, 'k');
      for (const answer of [
        await client.post(HOLDS, { amount: 3 }, { key: 'k' }),
        await client.post(HOLDS, { amount: 2, expires_in: 60 }, { key: 'k' }),
        await capture(client, hold.id, { amount: 2, final: false }, 'k'),
        await capture(client, hold.id, { amount: 1 }, 'k'),
        await capture(client, other.id, { amount: 1, final: false }, 'k'),
        await release(client, other.id, undefined, 'k'),
      ])
        expectError(answer, 422, 'IDEMPOTENCY_KEY_REUSED');
      // What is the default when it is left out is the same request.
      expect(
        (await client.post(HOLDS, { amount: 2, expires_in: 3600 }, { key: 'k' })).headers['idempotent-replayed'],
      ).toBe('true');
      expect(await balanceOf(client)).toEqual([9, 7, 2]);
    });
  });

  describe('expiry', () => {
    const HOUR = 3_600_000;
    let dataSource: DataSource;

    beforeAll(async () => {
      dataSource = await connectTo(database);
    });
    afterAll(() => dataSource?.destroy());
    // The clock goes on from where it was set, so each test sets its own.
    const at = (time: number) => server.setClock(new Date(time).toISOString());
    const statusInTable = async (id: string) => {
      const [, accountId, number] = id.split('_');
      const [row] = await dataSource.query('SELECT status FROM hold WHERE account_id = ? AND number = ?', [
        accountId,
        number,
      ]);
      return row.status as string;
    };

    it('is decided when somebody asks, though no row says so yet: balance, hold, list, capture, release and spending', async () => {
      const { client } = await account();
      const hold = await open(client, 6, { expires_in: 3600 });
      const lasting = await open(client, 1, { expires_in: 86_400 });
      await capture(client, hold.id, { amount: 2, final: false });
      expect(await balanceOf(client)).toEqual([8, 3, 5]);

      await at(Date.parse(hold.expires_at) + 1);
      expect(await statusInTable(hold.id)).toBe('open');
      expect(await balanceOf(client)).toEqual([8, 7, 1]);
      const expired = { ...hold, status: 'expired', captured: 2, released: 4 };
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(expired);
      expect((await client.get(HOLDS, { status: 'expired' })).body).toMatchObject({
        data: [expired],
        meta: { total: 1 },
      });
      expect((await client.get(HOLDS, { status: 'open' })).body).toMatchObject({ data: [lasting], meta: { total: 1 } });
      expect(await statusInTable(hold.id)).toBe('open');

      for (const answer of [await capture(client, hold.id, { amount: 1 }), await release(client, hold.id)]) {
        expectError(answer, 409, 'CONFLICT');
        expect(answer.body.error.details).toEqual({ status: 'expired' });
      }
      expect(
        (await client.post(spend, { amount: 7, description: 'all that is available' })).body.data.balance_after,
      ).toBe(1);
      // A decision is also the moment at which the row is settled.
      expect(await statusInTable(hold.id)).toBe('expired');
      expect(await statusInTable(lasting.id)).toBe('open');
      expect((await client.get(HOLDS, { status: 'expired' })).body).toMatchObject({
        data: [expired],
        meta: { total: 1 },
      });
      expect(await balanceOf(client)).toEqual([1, 0, 1]);
    });

    it('before its time nothing is given back, and what was captured in time answers as the first time after it', async () => {
      const { client } = await account();
      const { body } = await client.post(HOLDS, { amount: 10, expires_in: 3600 }, { key: 'k' });
      const hold = body.data;
      await at(Date.parse(hold.expires_at) - HOUR / 2);
      expect(await balanceOf(client)).toEqual([10, 0, 10]);
      expectError(await client.post(spend, { amount: 1, description: 'x' }), 402, short);
      const first = await capture(client, hold.id, { amount: 4, final: false }, 'k');
      expect(first.status).toBe(201);
      await at(Date.parse(hold.expires_at) + HOUR);
      const again = await capture(client, hold.id, { amount: 4, final: false }, 'k');
      expect({ text: again.text, replayed: again.headers['idempotent-replayed'] }).toEqual({
        text: first.text,
        replayed: 'true',
      });
      const reopened = await client.post(HOLDS, { amount: 10, expires_in: 3600 }, { key: 'k' });
      expect({ status: reopened.status, body: reopened.body }).toEqual({ status: 201, body });
      expect(await balanceOf(client)).toEqual([6, 6, 0]);
    });

    it('a hold that a captured or released one outlived still expires at its own time', async () => {
      const { client } = await account();
      const [first, second, third] = [
        await open(client, 1, { expires_in: 60 }),
        await open(client, 2, { expires_in: 120 }),
        await open(client, 3, { expires_in: 180 }),
      ];
      await release(client, first.id);
      await at(Date.parse(second.expires_at) + 1);
      expect((await client.post(spend, { amount: 7, description: 'x' })).status).toBe(201);
      expect(await balanceOf(client)).toEqual([3, 0, 3]);
      await at(Date.parse(third.expires_at) + 1);
      expect((await client.post(spend, { amount: 3, description: 'x' })).body.data.balance_after).toBe(0);
      const { body } = await client.get(HOLDS);
      expect(body.data.map(({ status }: any) => status)).toEqual(['released', 'expired', 'expired']);
    });

    it('at most 10,000 are open, and all of them may expire at once: what they kept is there at once, and the account goes on', async () => {
      await at(Date.now());
      const { client } = await account(11_000);
      const other = await account();
      const opened = [];
      for (let i = 0; i < 40; i++)
        opened.push(
          ...(await Promise.all(
            Array.from({ length: 250 }, () => client.post(HOLDS, { amount: 1, expires_in: 3600 })),
          )),
        );
      expect(opened.filter(({ status }) => status !== 201)).toEqual([]);
      const refused = await client.post(HOLDS, { amount: 1 }, { key: 'one-more' });
      expectError(refused, 409, 'CONFLICT');
      expect(await balanceOf(client)).toEqual([11_000, 1_000, 10_000]);
      expect((await release(client, opened[0]!.body.data.id)).status).toBe(200);
      expect((await client.post(HOLDS, { amount: 1, expires_in: 3600 })).status).toBe(201);
      expect((await client.post(HOLDS, { amount: 1 }, { key: 'one-more' })).text).toBe(refused.text);

      await at(Date.now() + 2 * HOUR);
      expect(await balanceOf(client)).toEqual([11_000, 11_000, 0]);
      const [spent, beside] = await Promise.all([
        client.post(spend, { amount: 10_999, description: 'all but one' }),
        other.client.post(spend, { amount: 1, description: 'beside it' }),
      ]);
      expect([spent.status, beside.status]).toEqual([201, 201]);
      expect((await client.post(HOLDS, { amount: 1 })).status).toBe(201);
      expect(await balanceOf(client)).toEqual([1, 0, 1]);
    }, 180_000);

    it('goes by the clock, also after a server whose clock was a year ahead wrote to the account', async () => {
      const { client } = await account();
      const now = Date.now();
      await at(now + 365 * 24 * HOUR);
      const ahead = (await client.post(spend, { amount: 1, description: 'ahead' })).body.data;
      await at(now);
      const [short, long] = [await open(client, 1, { expires_in: 60 }), await open(client, 2, { expires_in: 3600 })];
      expect(Date.parse(long.expires_at) - now).toBeLessThan(2 * HOUR);
      expect(await balanceOf(client)).toEqual([9, 6, 3]);
      await at(Date.parse(short.expires_at) + 1);
      expect(await balanceOf(client)).toEqual([9, 7, 2]);
      const entry = (await capture(client, long.id, { amount: 2 })).body.data;
      // Entries keep their order, whatever the clocks say.
      expect(Date.parse(entry.created_at)).toBeGreaterThanOrEqual(Date.parse(ahead.created_at));
      expect((await client.post(spend, { amount: 7, description: 'the rest' })).status).toBe(201);
    });

    it('the sweep settles the rows of accounts that nobody asks about', async () => {
      // The sweep of a server of its own, preloaded so that its interval is short.
      const { client } = await account();
      const holds = [
        await open(client, 1, { expires_in: 60 }),
        await open(client, 2, { expires_in: 60 }),
        await open(client, 3),
      ];
      const sweeping = await startServer({ DATABASE_URL: database.url }, ['./test/support/short-intervals.mjs']);
      try {
        await sweeping.setClock(new Date(Date.parse(holds[1].expires_at) + 1).toISOString());
        await eventually(async () => {
          expect(await Promise.all(holds.map(({ id }) => statusInTable(id)))).toEqual(['expired', 'expired', 'open']);
        });
      } finally {
        await sweeping.stop();
      }
      expect(await balanceOf(client)).toEqual([10, 7, 3]);
    });
  });

  it('after all of it the ledger verifies', () => expectVerified(database));

  it('tokens are held alike, and a hold of tokens is none of credits', async () => {
    const { client, name } = await account();
    await admin.post('/api/tokens/grant', { amount: 1_000, description: 'Welcome', account: name });
    const { status, body } = await client.post('/api/tokens/holds', { amount: 400, agent: 'researcher' });
    expect([status, body.data]).toEqual([
      201,
      expect.objectContaining({ amount: 400, agent: 'researcher', grants: [{ grant_id: 1, amount: 400 }] }),
    ]);
    const hold = `/api/tokens/holds/${body.data.id}`;
    expectError(await client.get(`${HOLDS}/${body.data.id}`), 404, 'NOT_FOUND');
    expectError(await client.post('/api/tokens/holds', { amount: 601 }), 402, 'INSUFFICIENT_TOKENS');
    expectError(await client.post(`${hold}/capture`, { amount: 0.5 }), 400, 'VALIDATION_ERROR');
    const captured = await client.post(`${hold}/capture`, { amount: 150, final: false });
    expect(captured.body.data).toMatchObject({ type: 'consume', amount: -150, agent: 'researcher' });
    expect((await client.post(`${hold}/release`, {})).body.data).toMatchObject({ captured: 150, released: 250 });
    expect((await client.get('/api/tokens/balance')).body.data).toMatchObject({
      balance: 850,
      available: 850,
      held: 0,
    });
    expect((await client.get('/api/tokens/holds?status=released')).body.meta.total).toBe(1);
  });
});
