import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, historyOf, newName, WORDS } from '../support/words.js';

const REASON = 'Chargebacks are being looked into.';

describeEachDatabase((database) => {
  let servers: Server[];
  let admin: Client;

  beforeAll(async () => {
    servers = [await startServer({ DATABASE_URL: database.url }), await startServer({ DATABASE_URL: database.url })];
    admin = await servers[0]!.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => Promise.all((servers ?? []).map((server) => server.stop())));

  const mark = (name: string, body: object): Promise<Answer> =>
    admin.request('PATCH', `/api/admin/accounts/${encodeURIComponent(name)}`, { body });
  const freeze = (name: string) => mark(name, { frozen: true, reason: REASON });

  /** An account with 100 in both units, and a client of each server. */
  async function account(): Promise<{ name: string; clients: Client[] }> {
    const sub = newName();
    for (const { add } of WORDS)
      expect((await admin.post(add, { account: `user:${sub}`, amount: 100, description: 'x' })).status).toBe(201);
    return { name: `user:${sub}`, clients: await Promise.all(servers.map((server) => server.clientFor({ sub }))) };
  }

  describe.each(WORDS)('a frozen account ($name)', (words) => {
    const { base, add, spend } = words;
    const holds = `${base}/holds`;

    it('debits nothing and opens no hold, for administrators too, and says why', async () => {
      const { name, clients } = await account();
      expect((await freeze(name)).body.data).toEqual({ account: name, frozen: true, reason: REASON });
      for (const client of clients) {
        for (const path of [spend, holds]) {
          const answer = await client.post(path, { amount: 1, description: 'x' });
          expectError(answer, 403, 'ACCOUNT_FROZEN');
          expect(answer.body.error.details).toEqual({ reason: REASON });
          expectError(await admin.post(path, { account: name, amount: 1, description: 'x' }), 403, 'ACCOUNT_FROZEN');
        }
        expect((await client.get(`${base}/balance`)).body.data).toMatchObject({ balance: 100, frozen: true });
      }
    });

    it('refuses a batch: the items by themselves, or the whole', async () => {
      const { name, clients } = await account();
      const other = await account();
      await freeze(name);
      const items = [
        { account: other.name, amount: 1, description: 'x' },
        { account: name, amount: 1, description: 'x' },
      ];
      const codes = ({ body }: Answer) => body.data.map(({ error }: any) => error?.code);
      expect(codes(await admin.post(`${spend}/batch`, { items, mode: 'independent' }))).toEqual([
        undefined,
        'ACCOUNT_FROZEN',
      ]);
      const whole = await admin.post(`${spend}/batch`, { items, mode: 'atomic' }, { key: 'whole' });
      expect(codes(whole)).toEqual(['CONFLICT', 'ACCOUNT_FROZEN']);
      expect((await clients[0]!.get(`${base}/balance`)).body.data.balance).toBe(100);
      await mark(name, { frozen: false });
      expect(codes(await admin.post(`${spend}/batch`, { items, mode: 'atomic' }, { key: 'whole' }))).toEqual([
        undefined,
        undefined,
      ]);
    });

    it('captures and releases what was held before, takes in, and lets a reversal pass', async () => {
      const { name, clients } = await account();
      const [client] = clients as [Client, Client];
      const open = async () => (await client.post(holds, { amount: 5, description: 'x' })).body.data.id;
      const [first, second] = [await open(), await open()];
      const debit = await client.post(spend, { amount: 1, description: 'x' });
      await freeze(name);
      expect((await client.post(`${holds}/${first}/capture`, { amount: 2, final: false })).status).toBe(201);
      expect((await client.post(`${holds}/${first}/release`)).status).toBe(200);
      expect((await client.post(`${holds}/${second}/capture`, { amount: 5 })).status).toBe(201);
      expect((await admin.post(add, { account: name, amount: 1, description: 'x' })).status).toBe(201);
      const reversal = { account: name, reason: 'x' };
      expect((await admin.post(`${base}/transactions/${debit.body.data.id}/reverse`, reversal)).status).toBe(201);
      expect((await client.get(`${base}/balance`)).body.data).toMatchObject({ balance: 94, held: 0, frozen: true });
    });

    it('does not remember the refusal under its key', async () => {
      const { name, clients } = await account();
      const [client] = clients as [Client, Client];
      const paths = [spend, holds];
      const send = () =>
        Promise.all(paths.map((path) => client.post(path, { amount: 1, description: 'x' }, { key: 'k' })));
      await freeze(name);
      expect((await send()).map(({ status }) => status)).toEqual([403, 403]);
      expect((await mark(name, { frozen: false })).body.data).toEqual({ account: name, frozen: false });
      const answers = await send();
      expect(answers.map(({ status, headers }) => [status, headers['idempotent-replayed']])).toEqual([
        [201, undefined],
        [201, undefined],
      ]);
      // What was done before a freeze is answered as before.
      await freeze(name);
      expect((await send()).map(({ text }) => text)).toEqual(answers.map(({ text }) => text));
    });

    it('lets no debit pass on any server once the freeze is answered', async () => {
      for (let round = 0; round < 5; round++) {
        const { name, clients } = await account();
        let isFrozen = false;
        let refused = 0;
        const worker = async (client: Client) => {
          while (refused < 20) {
            const late = isFrozen;
            const { status } = await client.post(spend, { amount: words.smallest, description: late ? 'late' : 'x' });
            if (late) expect(status).toBe(403);
            if (status === 403) refused += 1;
          }
        };
        const workers = [...clients, ...clients].map(worker);
        await clients[1]!.post(spend, { amount: words.smallest, description: 'x' });
        expect((await freeze(name)).status).toBe(200);
        isFrozen = true;
        await Promise.all(workers);
        const history = await historyOf(clients[0]!, words);
        expect(history.filter(({ description }) => description === 'late')).toEqual([]);
        expect(history.length).toBeGreaterThan(1);
      }
    });
  });

  it('keeps notes apart from freezes, for an account that never moved too', async () => {
    const name = `org:${newName()}`;
    expect((await mark(name, { note: 'Called.' })).body.data).toEqual({
      account: name,
      frozen: false,
      note: 'Called.',
    });
    expect((await freeze(name)).body.data).toMatchObject({ frozen: true, reason: REASON, note: 'Called.' });
    expect((await mark(name, { note: '' })).body.data).toEqual({ account: name, frozen: true, reason: REASON });
    expect((await mark(name, { frozen: false })).body.data).toEqual({ account: name, frozen: false });
  });

  it.each([
    [{}, 'frozen'],
    [{ frozen: true }, 'reason'],
    [{ frozen: false, reason: 'x' }, 'reason'],
    [{ reason: 'x', note: 'x' }, 'reason'],
    [{ frozen: true, reason: '' }, 'reason'],
    [{ frozen: true, reason: 'x'.repeat(501) }, 'reason'],
    [{ note: 'x'.repeat(2001) }, 'note'],
    [{ frozen: 'yes', reason: 'x' }, 'frozen'],
  ])('refuses %j', async (body, field) => {
    const answer = await mark(`user:${newName()}`, body);
    expectError(answer, 400, 'VALIDATION_ERROR');
    expect(answer.body.error.details[0].field).toBe(field);
  });

  it('refuses a name that is no account', async () => {
    expectError(await mark('somebody', { note: 'x' }), 400, 'VALIDATION_ERROR');
  });

  it('leaves books that prove right', () => expectVerified(database));
});
