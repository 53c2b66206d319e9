import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, expectUnbroken, historyOf, newName, stateOf, WORDS } from '../support/words.js';

const MODES = ['independent', 'atomic'] as const;

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  describe.each(WORDS)('$name', (words) => {
    const { base, add, spend, spendType, short } = words;
    const path = `${spend}/batch`;
    const send = (client: Client, mode: string, items: unknown, key?: string) =>
      client.post(path, { mode, items }, { key });
    const item = (amount: number, more: object = {}) => ({ amount, description: `of ${amount}`, ...more });

    async function account(amount = 100): Promise<{ client: Client; name: string }> {
      const name = newName();
      expect((await admin.post(add, { amount, description: 'Opening', account: `user:${name}` })).status).toBe(201);
      return { client: await server.clientFor({ sub: name }), name: `user:${name}` };
    }
    const balanceOf = async (name: string) => (await admin.get(`${base}/balance`, { account: name })).body.data.balance;

    describe.each(MODES)('%s', (mode) => {
      it('posts each item in order and answers 200 with a result for each', async () => {
        const { client } = await account();
        const { status, body } = await send(client, mode, [item(1), item(2, { metadata: { step: 2 } }), item(3)]);
        expect(status).toBe(200);
        const history = await historyOf(client, words);
        expect(body).toEqual({
          data: history.slice(1).map((transaction) => ({ status: 'posted', transaction })),
          meta: { posted: 3, rejected: 0 },
        });
        expect(history.slice(1)).toMatchObject([
          { id: 2, type: spendType, amount: -1, balance_after: 99, description: 'of 1', metadata: null },
          { id: 3, amount: -2, balance_after: 97, description: 'of 2', metadata: { step: 2 } },
          { id: 4, amount: -3, balance_after: 94, description: 'of 3' },
        ]);
      });

      it('takes one item, and a thousand', async () => {
        const { client } = await account(2_000);
        expect((await send(client, mode, [item(1)])).body.meta).toEqual({ posted: 1, rejected: 0 });
        const { status, body } = await send(
          client,
          mode,
          Array.from({ length: 1_000 }, (_, i) => ({ amount: 1, description: `#${i}` })),
        );
        expect({ status, meta: body.meta }).toEqual({ status: 200, meta: { posted: 1_000, rejected: 0 } });
        const history = await historyOf(client, words);
        expectUnbroken(history, words);
        expect(body.data.map(({ transaction }: any) => transaction)).toEqual(history.slice(2));
        expect(history.slice(2).map(({ description }) => description as string)).toEqual(
          Array.from({ length: 1_000 }, (_, i) => `#${i}`),
        );
      });

      it('under a key of the whole it is done once, and answers to the letter as the first time', async () => {
        const { client, name } = await account(5);
        const items = [item(2), item(9), item(1)];
        const first = await send(client, mode, items, 'k');
        expect(first.headers['idempotent-replayed']).toBeUndefined();
        expect(first.body.meta).toEqual(mode === 'atomic' ? { posted: 0, rejected: 3 } : { posted: 2, rejected: 1 });
        await admin.post(add, { amount: 50, description: 'more', account: name });
        const before = await stateOf(client, words);
        for (let i = 0; i < 2; i++) {
          const again = await send(client, mode, items, 'k');
          expect({ status: again.status, text: again.text }).toEqual({ status: 200, text: first.text });
          expect(again.headers['idempotent-replayed']).toBe('true');
        }
        expect(await stateOf(client, words)).toEqual(before);
      });

      it('under a key of the whole the same request in other words is the same', async () => {
        const { client, name } = await account(5);
        const first = await send(client, mode, [item(1)], 'k');
        for (const same of [{ account: name, ...item(1) }, Object.fromEntries(Object.entries(item(1)).reverse())]) {
          const again = await send(client, mode, [same], 'k');
          expect({ same, status: again.status, text: again.text }).toEqual({ same, status: 200, text: first.text });
        }
      });

      it('under a key of the whole another request is a 422, and does nothing', async () => {
        const { client } = await account();
        await send(client, mode, [item(1), item(2)], 'k');
        const before = await stateOf(client, words);
        for (const answer of [
          await send(client, mode, [item(2), item(1)], 'k'),
          await send(client, mode, [item(1)], 'k'),
          await send(client, mode === 'atomic' ? 'independent' : 'atomic', [item(1), item(2)], 'k'),
        ])
          expectError(answer, 422, 'IDEMPOTENCY_KEY_REUSED');
        expect(await stateOf(client, words)).toEqual(before);
      });

      it('the same key at once, many times, has one effect', async () => {
        const { client, name } = await account(1_000);
        const answers = await Promise.all(
          Array.from({ length: 20 }, () =>
            send(
              client,
              mode,
              Array.from({ length: 10 }, (_, i) => item(i + 1)),
              'k',
            ),
          ),
        );
        expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
        expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
        expect(await balanceOf(name)).toBe(1_000 - 55);
      });

      it('items have keys of their own, of the scope of a single request', async () => {
        const { client, name } = await account();
        const single = await client.post(spend, { amount: 1, description: 'x' }, { key: 'one' });
        const first = await send(client, mode, [
          { amount: 1, description: 'x', idempotency_key: 'one' },
          item(2, { idempotency_key: 'two' }),
          item(2, { idempotency_key: 'two' }),
        ]);
        expect(first.body.data[0].transaction).toEqual(single.body.data);
        expect(first.body.data[2]).toEqual(first.body.data[1]);
        expect(await balanceOf(name)).toBe(97);
        const later = await client.post(spend, { amount: 2, description: 'of 2' }, { key: 'two' });
        expect({ body: later.body.data, replayed: later.headers['idempotent-replayed'] }).toEqual({
          body: first.body.data[1].transaction,
          replayed: 'true',
        });
        // A batch without a key of the whole is new each time; its items are not.
        const again = await send(client, mode, [item(2, { idempotency_key: 'two' }), item(3)]);
        expect(again.body.data[0]).toEqual(first.body.data[1]);
        expect(await balanceOf(name)).toBe(94);
      });

      it('nobody but an administrator names another account, in an item or for all, and then nothing is done', async () => {
        const [own, other] = [await account(), await account()];
        for (const body of [
          { mode, items: [item(1), item(1, { account: other.name })] },
          { mode, account: other.name, items: [item(1)] },
        ])
          expectError(await own.client.post(path, body), 403, 'FORBIDDEN');
        expect([await balanceOf(own.name), await balanceOf(other.name)]).toEqual([100, 100]);
        // Naming one's own is no other account.
        expect(
          (await own.client.post(path, { mode, account: own.name, items: [item(1, { account: own.name })] })).status,
        ).toBe(200);
      });

      it('an administrator reaches several accounts at once', async () => {
        const accounts = await Promise.all(Array.from({ length: 5 }, () => account(10)));
        const items = Array.from({ length: 20 }, (_, i) => item(1, { account: accounts[i % 5]!.name }));
        const { body } = await admin.post(path, { mode, items });
        expect(body.meta).toEqual({ posted: 20, rejected: 0 });
        expect(body.data.map(({ transaction }: any) => transaction.id)).toEqual(
          Array.from({ length: 20 }, (_, i) => 2 + Math.floor(i / 5)),
        );
        for (const { client } of accounts) {
          const history = await historyOf(client, words);
          expect(history).toHaveLength(5);
          expectUnbroken(history, words);
        }
        // The account of the whole is that of the items that name none.
        const { body: rest } = await admin.post(path, {
          mode,
          account: accounts[0]!.name,
          items: [item(6), item(1, { account: accounts[1]!.name })],
        });
        expect(rest.meta).toEqual({ posted: 2, rejected: 0 });
        expect([await balanceOf(accounts[0]!.name), await balanceOf(accounts[1]!.name)]).toEqual([0, 5]);
      });

      it('without a token it is a 401', async () => {
        expectError(await send(server.client, mode, [item(1)]), 401, 'UNAUTHORIZED');
      });
    });

    describe('a malformed batch is a 400 that names the item and the field, and nothing is recorded', () => {
      let client: Client;
      let before: object;

      beforeAll(async () => {
        ({ client } = await account());
        before = await stateOf(client, words);
      });

      it.each<[string, unknown, string]>([
        ['1,001 items', Array.from({ length: 1_001 }, () => ({ amount: 1, description: 'x' })), 'items'],
        ['no items', [], 'items'],
        ['items that are no list', { 0: item(1) }, 'items'],
        ['items missing', undefined, 'items'],
        ['an item that is null', [item(1), null], 'items.1'],
        ['an item that is a number', [5], 'items.0'],
        ['an item that is a list', [[item(1)]], 'items'],
        ['an item that is an empty list', [[]], 'items'],
        ['an amount of 0', [item(1), item(0)], 'items.1.amount'],
        ['a negative amount', [item(-1)], 'items.0.amount'],
        ['an amount as text', [item(1), item(1), { amount: '1', description: 'x' }], 'items.2.amount'],
        ['an amount missing', [{ description: 'x' }], 'items.0.amount'],
        ['a part too small', [{ amount: words.smallest / 10, description: 'x' }], 'items.0.amount'],
        ['an empty description', [{ amount: 1, description: '' }], 'items.0.description'],
        ['an unknown field', [item(1, { ammount: 1 })], 'items.0.ammount'],
        ['nested metadata', [item(1, { metadata: { a: {} } })], 'items.0.metadata'],
        ['an empty key', [item(1, { idempotency_key: '' })], 'items.0.idempotency_key'],
        ['a key with a space', [item(1), item(1, { idempotency_key: 'a b' })], 'items.1.idempotency_key'],
        ['an account that is none', [item(1, { account: 5 })], 'items.0.account'],
      ])('%s', async (_, items, field) => {
        for (const mode of MODES) {
          const answer = await send(client, mode, items, 'k');
          expectError(answer, 400, 'VALIDATION_ERROR');
          expect(answer.body.error.details).toEqual(
            expect.arrayContaining([{ field, message: expect.stringMatching(/\S/) }]),
          );
        }
        expect(await stateOf(client, words)).toEqual(before);
      });

      it('nor is its key used up', async () => {
        expect((await send(client, 'atomic', [item(1)], 'k')).headers['idempotent-replayed']).toBeUndefined();
      });
    });

    it('another mode, or none, is a 400', async () => {
      const { client } = await account();
      for (const body of [
        { items: [item(1)] },
        { items: [item(1)], mode: 'ATOMIC' },
        { items: [item(1)], mode: 'atomic', extra: 1 },
      ])
        expectError(await client.post(path, body), 400, 'VALIDATION_ERROR');
    });

    it('independent: what can be paid is posted, the rest is rejected each for its own reason', async () => {
      const { client } = await account(10);
      await client.post(spend, { amount: 1, description: 'x' }, { key: 'used' });
      const { status, body } = await send(client, 'independent', [
        item(8),
        item(5),
        item(1, { idempotency_key: 'used' }),
        item(1),
        item(1),
      ]);
      expect(status).toBe(200);
      expect(body.meta).toEqual({ posted: 2, rejected: 3 });
      expect(body.data).toMatchObject([
        { status: 'posted', transaction: { id: 3, balance_after: 1 } },
        { status: 'rejected', error: { code: short, details: { required: 5, available: 1, shortfall: 4 } } },
        { status: 'rejected', error: { code: 'IDEMPOTENCY_KEY_REUSED' } },
        { status: 'posted', transaction: { id: 4, balance_after: 0 } },
        { status: 'rejected', error: { code: short } },
      ]);
      for (const result of body.data)
        expect(Object.keys(result).sort()).toEqual(
          ['status', result.status === 'posted' ? 'transaction' : 'error'].sort(),
        );
    });

    it('atomic: one refusal refuses all, tells which it was, and leaves no trace in any account', async () => {
      const [one, two] = [await account(10), await account(1)];
      const before = [await stateOf(one.client, words), await stateOf(two.client, words)];
      const items = [item(1, { account: one.name }), item(2, { account: two.name }), item(1, { account: one.name })];
      const { status, body } = await admin.post(path, { mode: 'atomic', items });
      expect(status).toBe(200);
      expect(body.meta).toEqual({ posted: 0, rejected: 3 });
      expect(body.data).toMatchObject([
        { status: 'rejected', error: { code: 'CONFLICT', details: { item: 1 } } },
        { status: 'rejected', error: { code: short, details: { required: 2, available: 1, shortfall: 1 } } },
        { status: 'rejected', error: { code: 'CONFLICT', details: { item: 1 } } },
      ]);
      expect([await stateOf(one.client, words), await stateOf(two.client, words)]).toEqual(before);
    });

    it('atomic: a refused batch uses up no key of its items', async () => {
      const { client } = await account(5);
      const { body } = await send(client, 'atomic', [
        item(1, { idempotency_key: 'a' }),
        item(9, { idempotency_key: 'b' }),
      ]);
      expect(body.meta).toEqual({ posted: 0, rejected: 2 });
      for (const key of ['a', 'b']) {
        const answer = await client.post(spend, { amount: 2, description: 'x' }, { key });
        expect({ status: answer.status, replayed: answer.headers['idempotent-replayed'] }).toEqual({
          status: 201,
          replayed: undefined,
        });
      }
    });

    it("atomic: an item's key that was used with another request is a 422 of the whole, which leaves the whole's key free", async () => {
      const { client, name } = await account(10);
      await client.post(spend, { amount: 1, description: 'x' }, { key: 'used' });
      expectError(
        await send(client, 'atomic', [item(1), item(2, { idempotency_key: 'used' })], 'k'),
        422,
        'IDEMPOTENCY_KEY_REUSED',
      );
      expect(await balanceOf(name)).toBe(9);
      expect((await send(client, 'atomic', [item(1)], 'k')).body.meta).toEqual({ posted: 1, rejected: 0 });
    });

    it('atomic: a new batch is no replay, though an item of it repeats a refusal', async () => {
      const { client } = await account(5);
      expectError(await client.post(spend, { amount: 9, description: 'x' }, { key: 'refused' }), 402, short);
      const answer = await send(
        client,
        'atomic',
        [item(1), { amount: 9, description: 'x', idempotency_key: 'refused' }],
        'k',
      );
      expect({ meta: answer.body.meta, replayed: answer.headers['idempotent-replayed'] }).toEqual({
        meta: { posted: 0, rejected: 2 },
        replayed: undefined,
      });
    });

    it('atomic: all of what can just be paid, and not a part more', async () => {
      const { client, name } = await account(6);
      expect((await send(client, 'atomic', [item(1), item(2), item(3), item(words.smallest)])).body.meta.posted).toBe(
        0,
      );
      expect((await send(client, 'atomic', [item(1), item(2), item(3)])).body.meta.posted).toBe(3);
      expect(await balanceOf(name)).toBe(0);
    });

    it('atomic batches over the same accounts at once, in any order: none stands in half, and all are answered', async () => {
      const accounts = await Promise.all(Array.from({ length: 6 }, () => account(20)));
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, i) => {
          const order = [0, 1, 2, 3, 4, 5].map((n) => accounts[(n * (i % 2 ? 5 : 1) + i) % 6]!.name);
          return admin.post(
            path,
            { mode: 'atomic', items: order.map((name) => item(1, { account: name })) },
            { key: `k-${name(i)}` },
          );
        }),
      );
      const posted = answers.filter(({ body }) => body.meta?.posted === 6);
      expect(answers.filter(({ body }) => body.meta?.rejected === 6)).toHaveLength(60 - 20);
      expect(posted).toHaveLength(20);
      for (const each of accounts) expect(await balanceOf(each.name)).toBe(0);
      function name(i: number): string {
        return `${i}-${accounts[0]!.name}`;
      }
    });

    it('a place in a batch never meets a key that somebody chose', async () => {
      const { client, name } = await account();
      await client.post(spend, { amount: 1, description: 'x' }, { key: 'k0' });
      await client.post(spend, { amount: 1, description: 'x' }, { key: 'k' });
      const { body } = await send(client, 'independent', [item(1), item(1, { idempotency_key: 'k1' }), item(1)], 'k');
      expect(body.meta).toEqual({ posted: 3, rejected: 0 });
      expect(await balanceOf(name)).toBe(95);
    });
  });

  it('after all of it the ledger verifies', () => expectVerified(database));
});
