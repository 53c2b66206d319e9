import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, forEverybody, historyOf, newName, WORDS } from '../support/words.js';

const HOLDS = '/api/credits/holds';
const DIMENSIONS = { agent: 'researcher/v2@eu', run_id: 'Run_1.2:3-4', model: 'großes Modell 2026' };
const TOO_LONG = 'x'.repeat(101);

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  /** An account of a user or an organization with something in it. */
  async function account(words: (typeof WORDS)[number], org?: string): Promise<{ client: Client; name: string }> {
    const sub = newName();
    const name = org === undefined ? `user:${sub}` : `org:${org}`;
    const opened = await admin.post(words.add, { amount: 1_000, description: 'Opening', account: name });
    expect(opened.status).toBe(201);
    return { client: await server.clientFor({ sub, org }), name };
  }

  describe.each(WORDS)('$name', (words) => {
    const { base, add, spend } = words;
    const batch = `${spend}/batch`;
    const last = async (client: Client) => (await historyOf(client, words)).at(-1);

    describe('the actor of a transaction', () => {
      it('is the user of the token, also where the account is that of an organization', async () => {
        const { client, name } = await account(words, newName());
        const colleague = await server.clientFor({ sub: 'colleague', org: name.slice(4) });
        const [first, second] = [
          await client.post(spend, { amount: 1, description: 'x' }),
          await colleague.post(spend, { amount: 1, description: 'x' }),
        ];
        expect(first.body.data.actor).toMatch(/^user:u-/);
        expect(second.body.data).toMatchObject({ account: name, actor: 'user:colleague' });
        // Everybody who may read the account sees who it was.
        expect((await historyOf(client, words)).map(({ actor }) => actor)).toEqual([
          'admin:root',
          first.body.data.actor,
          'user:colleague',
        ]);
      });

      it('is an administrator as such only on the account of another', async () => {
        const sub = newName();
        const other = await account(words);
        const boss = await server.clientFor({ sub, admin: true });
        expect((await boss.post(add, { amount: 5, description: 'own' })).body.data).toMatchObject({
          account: `user:${sub}`,
          actor: `user:${sub}`,
        });
        const named = await boss.post(spend, { amount: 1, description: 'own', account: `user:${sub}` });
        expect(named.body.data.actor).toBe(`user:${sub}`);
        const { body } = await boss.post(batch, {
          mode: 'atomic',
          items: [
            { amount: 1, description: 'own' },
            { amount: 1, description: 'other', account: other.name },
          ],
        });
        expect(body.data.map(({ transaction }: any) => [transaction.account, transaction.actor])).toEqual([
          [`user:${sub}`, `user:${sub}`],
          [other.name, `admin:${sub}`],
        ]);
      });

      it('is that of the first request under a key, whoever repeats it', async () => {
        const { client, name } = await account(words, newName());
        const colleague = await server.clientFor({ sub: 'colleague', org: name.slice(4) });
        const first = await client.post(spend, { amount: 1, description: 'x' }, { key: 'k' });
        const again = await colleague.post(spend, { amount: 1, description: 'x' }, { key: 'k' });
        expect({ text: again.text, replayed: again.headers['idempotent-replayed'] }).toEqual({
          text: first.text,
          replayed: 'true',
        });
      });
    });

    describe('the trace id and the idempotency key', () => {
      it('are shown to administrators, in answers, lists and by id', async () => {
        const { client, name } = await account(words);
        const spent = await client.post(spend, { amount: 1, description: 'x' }, { key: 'k' });
        expect(Object.keys(spent.body.data)).toEqual(expect.not.arrayContaining(['trace_id', 'idempotency_key']));
        const added = await admin.post(add, { amount: 1, description: 'x', account: name }, { key: 'k2' });
        const shown = [
          undefined,
          { trace_id: spent.headers['x-trace-id'], idempotency_key: 'k' },
          { trace_id: added.headers['x-trace-id'], idempotency_key: 'k2' },
        ];
        expect(added.body.data).toMatchObject(shown[2]!);
        const list = (await admin.get(`${base}/transactions`, { account: name })).body.data;
        expect(list[0]).not.toHaveProperty('idempotency_key');
        expect(list.slice(1)).toMatchObject(shown.slice(1));
        expect((await admin.get(`${base}/transactions/2`, { account: name })).body.data).toMatchObject(shown[1]!);
        const found = await admin.get(`${base}/transactions`, { account: name, q: 'x' });
        expect(found.body.data).toMatchObject(shown.slice(1));
        for (const path of [`${base}/transactions`, `${base}/transactions/2`, `${base}/transactions?q=x`])
          expect((await client.get(path)).text).not.toMatch(/trace_id|idempotency_key/);
        expect((await historyOf(client, words)).slice(1)).toEqual(list.slice(1).map(forEverybody));
      });

      it.each(['independent', 'atomic'])("of a batch's item are its own key, else the batch's: %s", async (mode) => {
        const { client, name } = await account(words);
        const items = [
          { amount: 1, description: 'own', idempotency_key: `own-${mode}` },
          { amount: 1, description: 'shared' },
        ];
        const sent = await client.post(batch, { mode, items }, { key: 'whole' });
        expect(sent.text).not.toMatch(/idempotency_key/);
        const alone = await client.post(batch, { mode, items: items.slice(1) });
        const list = (await admin.get(`${base}/transactions`, { account: name })).body.data.slice(1);
        expect(list).toMatchObject([
          { idempotency_key: `own-${mode}`, trace_id: sent.headers['x-trace-id'] },
          { idempotency_key: 'whole', trace_id: sent.headers['x-trace-id'] },
          { trace_id: alone.headers['x-trace-id'] },
        ]);
        expect(list[2]).not.toHaveProperty('idempotency_key');
      });

      it("are in an administrator's replay as in the first answer", async () => {
        const { name } = await account(words);
        const colleague = await server.clientFor({ sub: 'other-root', admin: true });
        const body = { amount: 1, description: 'x', account: name };
        const first = await admin.post(add, body, { key: 'k' });
        expect(first.text).toMatch(/trace_id/);
        for (const each of [admin, colleague]) {
          const again = await each.post(add, body, { key: 'k' });
          expect({ text: again.text, status: again.status }).toEqual({ text: first.text, status: 201 });
        }
      });
    });

    describe('dimensions', () => {
      it('are kept with what is spent, and left out where there are none', async () => {
        const { client } = await account(words);
        const spent = await client.post(spend, { amount: 1, description: 'x', ...DIMENSIONS });
        expect(spent.body.data).toMatchObject(DIMENSIONS);
        expect((await client.get(`${base}/transactions/2`)).body.data).toEqual(spent.body.data);
        for (const [name, value] of Object.entries(DIMENSIONS)) {
          const one = (await client.post(spend, { amount: 1, description: 'x', [name]: value })).body.data;
          expect(Object.keys(one).filter((field) => field in DIMENSIONS)).toEqual([name]);
        }
      });

      it('are each item’s own in a batch', async () => {
        const { client } = await account(words);
        const items = [
          { amount: 1, description: 'x', ...DIMENSIONS },
          { amount: 1, description: 'x', agent: 'a' },
          { amount: 1, description: 'x' },
        ];
        for (const mode of ['independent', 'atomic']) {
          const { body } = await client.post(batch, { mode, items });
          const shown = body.data.map(({ transaction }: any) =>
            Object.fromEntries(Object.entries(transaction).filter(([field]) => field in DIMENSIONS)),
          );
          expect(shown).toEqual([DIMENSIONS, { agent: 'a' }, {}]);
        }
        expectError(await client.post(batch, { mode: 'atomic', items, agent: 'a' }), 400, 'VALIDATION_ERROR');
      });

      it('make another request of one under the same key', async () => {
        const { client } = await account(words);
        const body = { amount: 1, description: 'x', ...DIMENSIONS };
        expect((await client.post(spend, body, { key: 'k' })).status).toBe(201);
        expect((await client.post(spend, body, { key: 'k' })).headers['idempotent-replayed']).toBe('true');
        for (const field of Object.keys(DIMENSIONS)) {
          expectError(await client.post(spend, { ...body, [field]: 'y' }, { key: 'k' }), 422, 'IDEMPOTENCY_KEY_REUSED');
          const { [field]: _, ...less } = body as Record<string, unknown>;
          expectError(await client.post(spend, less, { key: 'k' }), 422, 'IDEMPOTENCY_KEY_REUSED');
        }
        const whole = (agent: string) => ({ mode: 'atomic', items: [{ amount: 1, description: 'x', agent }] });
        expect((await client.post(batch, whole('a'), { key: 'b' })).status).toBe(200);
        expectError(await client.post(batch, whole('b'), { key: 'b' }), 422, 'IDEMPOTENCY_KEY_REUSED');
      });

      it.each(['', TOO_LONG, 'a b', 'ä', 'a\n', 'a*', '🙂', 7, true, ['a'], { a: 'b' }, null])(
        'agent and run_id are not %j',
        async (bad) => {
          const { client } = await account(words);
          for (const field of ['agent', 'run_id']) {
            const item = { amount: 1, description: 'x', [field]: bad };
            const refused = await client.post(spend, item);
            expectRefused(refused, field);
            for (const mode of ['independent', 'atomic'])
              expectRefused(await client.post(batch, { mode, items: [item] }), `items.0.${field}`);
          }
          expect((await last(client)).id).toBe(1);
        },
      );

      it.each(['', TOO_LONG, 'a\0', 7, ['a'], null])('model is not %j', async (bad) => {
        const { client } = await account(words);
        expectRefused(await client.post(spend, { amount: 1, description: 'x', model: bad }), 'model');
      });

      it('have at most 100 characters, a model any of them', async () => {
        const { client } = await account(words);
        const most = { agent: 'a'.repeat(100), run_id: 'r'.repeat(100), model: '🙂'.repeat(100) };
        expect((await client.post(spend, { amount: 1, description: 'x', ...most })).body.data).toMatchObject(most);
      });

      it('are for spending: what comes in has none', async () => {
        const { name } = await account(words);
        for (const field of Object.keys(DIMENSIONS))
          expectRefused(await admin.post(add, { amount: 1, description: 'x', account: name, [field]: 'a' }), field);
      });
    });
  });

  describe('a hold', () => {
    const [words] = WORDS;
    const open = async (client: Client, more: object = {}) => {
      const { status, body } = await client.post(HOLDS, { amount: 10, ...more });
      expect(status).toBe(201);
      return body.data;
    };

    it('shows what it is for, and gives it to what is captured from it', async () => {
      const { client } = await account(words!);
      const hold = await open(client, DIMENSIONS);
      expect(hold).toMatchObject(DIMENSIONS);
      expect((await client.get(`${HOLDS}/${hold.id}`)).body.data).toEqual(hold);
      expect((await client.get(HOLDS)).body.data).toEqual([hold]);
      const capture = (body: object) =>
        client.post(`${HOLDS}/${hold.id}/capture`, { amount: 1, final: false, ...body });
      expect((await capture({})).body.data).toMatchObject(DIMENSIONS);
      expect((await capture({ model: 'other' })).body.data).toMatchObject({ ...DIMENSIONS, model: 'other' });
      expect((await client.post(`${HOLDS}/${hold.id}/release`)).body.data).toMatchObject(DIMENSIONS);
    });

    it('of nothing in particular shows nothing, and a capture names the model', async () => {
      const { client } = await account(words!);
      const hold = await open(client);
      expect(Object.keys(hold).filter((field) => field in DIMENSIONS)).toEqual([]);
      const { body } = await client.post(`${HOLDS}/${hold.id}/capture`, { amount: 1, model: 'large' });
      expect(body.data).toMatchObject({ model: 'large' });
      expect(Object.keys(body.data).filter((field) => field in DIMENSIONS)).toEqual(['model']);
    });

    it('keeps its agent and run: a capture can not name others', async () => {
      const { client } = await account(words!);
      const { id } = await open(client, DIMENSIONS);
      for (const field of ['agent', 'run_id'])
        expectRefused(await client.post(`${HOLDS}/${id}/capture`, { amount: 1, [field]: 'a' }), field);
      expectRefused(await client.post(`${HOLDS}/${id}/capture`, { amount: 1, model: '' }), 'model');
      for (const [field, bad] of [
        ['agent', 'a b'],
        ['run_id', TOO_LONG],
        ['model', ''],
      ] as const)
        expectRefused(await client.post(HOLDS, { amount: 1, [field]: bad }), field);
    });

    it('is another request under the same key when it is for something else', async () => {
      const { client } = await account(words!);
      const body = { amount: 10, ...DIMENSIONS };
      const { id } = (await client.post(HOLDS, body, { key: 'k' })).body.data;
      for (const field of Object.keys(DIMENSIONS))
        expectError(await client.post(HOLDS, { ...body, [field]: 'y' }, { key: 'k' }), 422, 'IDEMPOTENCY_KEY_REUSED');
      const capture = (model: string) => client.post(`${HOLDS}/${id}/capture`, { amount: 1, model }, { key: 'k' });
      expect((await capture('a')).status).toBe(201);
      expectError(await capture('b'), 422, 'IDEMPOTENCY_KEY_REUSED');
    });

    it('is captured by whom the transaction names, with the key and trace id of the capture', async () => {
      const { client, name } = await account(words!);
      const { id } = await open(client);
      const own = await client.post(`${HOLDS}/${id}/capture`, { amount: 1, final: false }, { key: 'c1' });
      expect(own.body.data.actor).toBe(name);
      // The id names the account, so an administrator need not.
      const other = await admin.post(`${HOLDS}/${id}/capture`, { amount: 1 }, { key: 'c2' });
      expect(other.body.data).toMatchObject({
        account: name,
        actor: 'admin:root',
        trace_id: other.headers['x-trace-id'],
        idempotency_key: 'c2',
      });
    });
  });

  it('all this is there in the books', () => expectVerified(database));
});

function expectRefused(answer: Answer, field: string): void {
  expectError(answer, 400, 'VALIDATION_ERROR');
  expect(answer.body.error.details.map((each: any) => each.field)).toContain(field);
}
