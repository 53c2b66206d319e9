import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { Transactions } from '../../src/common/database/index.js';
import { connectTo, expectVerified } from '../support/ledger.js';
import { type OwnServer, ownMariadb } from '../support/own-database.js';
import { type Server, startServer } from '../support/server.js';
import { expectError } from '../support/words.js';

const START_MS = 120_000;
let database: OwnServer;
let root: DataSource;
let server: Server;
/** As one that root's privileges don't exempt. */
let url: string;

beforeAll(async () => {
  database = await ownMariadb();
  root = await connectTo(database);
  await root.query("CREATE USER credits@'127.0.0.1'");
  await root.query("GRANT ALL ON credits.* TO credits@'127.0.0.1'");
  url = database.url.replace('root@', 'credits@');
  server = await startServer({ DATABASE_URL: url, LOG_LEVEL: 'silent' });
}, START_MS);
afterAll(async () => {
  await server?.stop('SIGKILL');
  await root?.destroy();
  await database?.remove();
}, START_MS);

const readOnly = (on: 0 | 1) => root.query(`SET GLOBAL read_only = ${on}`);

it('a server of a database that was made read only is not ready, refuses for now, and goes on by itself', async () => {
  const admin = await server.clientFor({ sub: 'root', admin: true });
  const deposit = (key: string) =>
    admin.post('/api/credits/deposit', { amount: 1, description: 'x', account: 'user:1' }, { key });
  expect((await deposit('before')).status).toBe(201);
  await readOnly(1);
  expectError(await deposit('during'), 503, 'OVERLOADED');
  const unready = await server.client.get('/api/ready');
  expectError(unready, 503, 'OVERLOADED');
  expect(unready.body.error.details).toEqual({ status: 'read only' });
  expect((await server.client.get('/api/health')).status).toBe(200);
  await readOnly(0);
  expect((await server.client.get('/api/ready')).status).toBe(200);
  for (const key of ['before', 'during']) expect((await deposit(key)).status).toBe(201);
  expect((await (await server.clientFor({ sub: '1' })).get('/api/credits/balance')).body.data.balance).toBe(2);
  await expectVerified({ url });
});

it('no attempt gets a connection that has said that it takes no writes', async () => {
  const dataSource = await connectTo({ engine: 'mariadb', url });
  try {
    const transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
    await readOnly(1);
    const used: number[] = [];
    const writing = transactions.run(async (tx) => {
      const [{ id }] = (await tx.query('SELECT CONNECTION_ID() AS id')) as [{ id: number }];
      used.push(Number(id));
      await tx.query("DELETE FROM writer WHERE id = 'nobody'");
    });
    await expect(writing).rejects.toMatchObject({ code: 'ER_OPTION_PREVENTS_STATEMENT' });
    expect(used.length).toBeGreaterThan(1);
    expect(new Set(used).size).toBe(used.length);
  } finally {
    await readOnly(0);
    await dataSource.destroy();
  }
});
