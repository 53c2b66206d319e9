import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

const FOREVER = { exp: Math.floor(Date.parse('2099-01-01') / 1000) };
const START = Date.parse('2030-01-01T00:00:00Z');

// What is due counts at once, whether or not a batch has settled it, and whoever writes meanwhile.
describeEachDatabase((database) => {
  let server: Server;
  let ahead: Server;
  let admin: Client;
  let adminAhead: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    ahead = await startServer({ DATABASE_URL: database.url });
    const root = { sub: 'root', admin: true, claims: FOREVER };
    [admin, adminAhead] = [await server.clientFor(root), await ahead.clientFor(root)];
  });
  afterAll(async () => {
    await server?.stop();
    await ahead?.stop();
  });

  const at = (time: number) => new Date(time).toISOString();
  async function deposit(account: string, amount: number, more: object = {}): Promise<void> {
    const { status } = await admin.post('/api/credits/deposit', { account, amount, description: 'in', ...more });
    expect(status).toBe(201);
  }

  it('no balance shows what is due while a batch settles it', async () => {
    for (let round = 0; round < 30; round++) {
      const account = `user:${newName()}`;
      const now = START + round * 3_600_000;
      await server.setClock(at(now));
      await deposit(account, 5, { expires_at: at(now + 1_800_000) });
      await server.setClock(at(now + 1_860_000));
      const read = () => admin.get('/api/credits/balance', { account });
      const early = Array.from({ length: 10 }, read);
      const settled = deposit(account, 1);
      const answers = await Promise.all([...early, ...Array.from({ length: 10 }, read)]);
      await settled;
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect({ round, ...body.data }).toMatchObject({ round, balance: body.data.paid, expiring: [] });
        expect([0, 1]).toContain(body.data.balance);
      }
    }
  });

  it('a server with a clock that is ahead answers while the others write without a pause', async () => {
    const account = `user:${newName()}`;
    await server.setClock(at(START));
    await ahead.setClock(at(START + 60_000));
    await deposit(account, 5, { expires_at: at(START + 3_600_000) });
    await deposit(account, 7, { expires_at: at(START + 50_000) });
    let busy = true;
    let written = 0;
    const write = async () => {
      while (busy) {
        await deposit(account, 1);
        written += 1;
      }
    };
    const writers = Array.from({ length: 8 }, write);
    try {
      for (let i = 0; i < 100; i++) {
        const before = written;
        for (const path of ['balance', 'grants', 'grants/1', 'usage-summary']) {
          const { status, body } = await adminAhead.get(`/api/credits/${path}`, { account });
          expect({ path, i, before, status, body: status === 200 ? '' : body }).toEqual({
            path,
            i,
            before,
            status: 200,
            body: '',
          });
        }
      }
    } finally {
      busy = false;
      await Promise.all(writers);
    }
  });

  it('a summary counts every entry of expiry, of a grant also the second', async () => {
    const account = `user:${newName()}`;
    for (const each of [server, ahead]) await each.setClock(at(START));
    await deposit(account, 10, { expires_at: at(START + 1_800_000) });
    const held = await admin.post('/api/credits/holds', { account, amount: 4, expires_in: 3_600 });
    expect(held.status).toBe(201);
    await server.setClock(at(START + 1_860_000));
    expect(await summaryOf(admin, account)).toMatchObject({ total_expired: 6, transaction_count: 2 });
    await deposit(account, 1);
    expect(await summaryOf(admin, account)).toMatchObject({ total_expired: 6, transaction_count: 3 });
    await server.setClock(at(START + 3_660_000));
    const due = await summaryOf(admin, account);
    expect(due).toMatchObject({ total_expired: 10, transaction_count: 4, closing_balance: 1 });
    await deposit(account, 1);
    expect(await summaryOf(admin, account)).toMatchObject({ ...due, ...plusOne(due), period: expect.anything() });
    const { meta } = (await admin.get('/api/credits/transactions', { account })).body;
    expect(meta.total).toBe(5);
  });

  it('a summary ends with the balance also where a clock that was ahead has ended a grant', async () => {
    const account = `user:${newName()}`;
    await server.setClock(at(START));
    await ahead.setClock(at(START + 60_000));
    await deposit(account, 5, { expires_at: at(START + 50_000) });
    const body = { account, amount: 2, description: 'in' };
    expect((await adminAhead.post('/api/credits/deposit', body)).status).toBe(201);
    const { balance } = (await admin.get('/api/credits/balance', { account })).body.data;
    expect(balance).toBe(2);
    expect(await summaryOf(admin, account)).toMatchObject({ closing_balance: 2, total_deposited: 7, total_expired: 5 });
  });

  it('an extension is answered again as it was made, also when a hold has brought more since', async () => {
    const account = `user:${newName()}`;
    for (const each of [server, ahead]) await each.setClock(at(START));
    await deposit(account, 10, { expires_at: at(START + 30_000) });
    const held = await admin.post('/api/credits/holds', { account, amount: 4 });
    const body = { account, expires_at: at(START + 60_000), reason: 'They asked for more time' };
    const extend = () => admin.post('/api/credits/grants/1/extend', body, { key: 'e' });
    const first = await extend();
    expect(first.body.data).toMatchObject({ amount: 6, price: 6, remaining: 6 });
    expect((await admin.post(`/api/credits/holds/${held.body.data.id}/release`, { account })).status).toBe(200);
    const { data } = (await admin.get('/api/credits/grants/3', { account })).body;
    expect(data).toMatchObject({ amount: 10, price: 10, remaining: 10 });
    expect((await extend()).body).toEqual(first.body);
  });

  async function summaryOf(client: Client, account: string): Promise<any> {
    const { status, body } = await client.get('/api/credits/usage-summary', { account });
    expect(status).toBe(200);
    return body.data;
  }
  const plusOne = ({ total_deposited, closing_balance, transaction_count, series }: any) => ({
    total_deposited: total_deposited + 1,
    closing_balance: closing_balance + 1,
    transaction_count: transaction_count + 1,
    series: series.map(() => expect.anything()),
  });
});
