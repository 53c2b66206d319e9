import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase, type TestDatabase } from '../support/databases.js';
import { type CommandResult, connectTo, expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';

const TODAY = new Date().toISOString().slice(0, 10);

/** `npm run demo:data`. */
function demoData(url: string, env: Record<string, string> = {}): Promise<CommandResult> {
  const args = ['--import', 'tsx', resolve('scripts/demo-data.ts'), '--until', TODAY];
  const environment = { PATH: process.env['PATH'], DATABASE_URL: url, ...env };
  return new Promise((done) =>
    execFile(process.execPath, args, { env: environment }, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? -1) : 0, output: stdout + stderr }),
    ),
  );
}

/** What a month must hold some of. */
const HOLDS = {
  'credits by type': ['debit', 'deposit', 'expire', 'refund', 'reversal', 'void'],
  'tokens by type': ['consume', 'expire', 'grant', 'purchase', 'refund'],
  holds: ['captured', 'expired', 'open', 'released'],
  purchases: ['canceled', 'expired', 'failed', 'open', 'paid', 'processing', 'review'],
  'grants of credits': ['active', 'expired', 'used', 'voided'],
};

describeEachDatabase((database) => {
  it('makes books that the verifier accepts, and then refuses to add to them', async () => {
    const { code, output } = await demoData(database.url);
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('npm run --silent token') });
    for (const [line, words] of Object.entries(HOLDS))
      expect(output).toMatch(new RegExp(`^  ${line} +${words.map((word) => `${word} [1-9]\\d*`).join(', ')}$`, 'm'));
    expect(output).toMatch(/^  frozen accounts +1$/m);
    await expectVerified(database);
    expect(await demoData(database.url)).toEqual({
      code: 1,
      output: expect.stringContaining('Demo data needs an empty database'),
    });
  });
});

describe('the month', () => {
  const directory = mkdtempSync(join(tmpdir(), 'credits-demo-data-'));
  const databases = ['one', 'other'].map((name): TestDatabase => ({
    engine: 'sqlite',
    url: `sqlite:${join(directory, name)}.sqlite`,
  }));
  const outputs: string[] = [];

  for (const { url } of databases) beforeAll(async () => void outputs.push((await demoData(url)).output));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is the same in every database', async () => {
    const [one, other] = outputs.map((output) => output.replace(/made in .* s:/, ''));
    expect(one).toBe(other);
    const [books, same] = await Promise.all(databases.map(booksOf));
    expect(books).toEqual(same);
  });

  it('is refused in production', async () => {
    const { code, output } = await demoData(databases[0]!.url, { NODE_ENV: 'production' });
    expect({ code, output }).toEqual({ code: 1, output: 'Demo data is refused with NODE_ENV=production.\n' });
  });

  describe('holds what the examples of the documentation name', () => {
    let server: Server;
    let admin: Client;

    beforeAll(async () => {
      server = await startServer({ DATABASE_URL: databases[0]!.url });
      admin = await server.clientFor({ sub: '1', admin: true });
    });
    afterAll(() => server?.stop());

    it('the purchase', async () => {
      const { body } = await admin.get('/api/payments/purchases/pur_7d2f4b5f1c9a4e0f8a6b3c2d1e0f9a8b');
      expect(body.data).toMatchObject({
        account: 'user:42',
        item: 'pro',
        status: 'paid',
        paid: 90,
        refunded_amount: 0,
      });
    });

    it('the purchase under review, of which another sum was paid', async () => {
      const { body } = await admin.get('/api/payments/purchases/pur_5c0e9d4b3a7f4e1d8c6b2a9f7e5d3c1b');
      expect(body.data).toMatchObject({ account: 'user:priya', status: 'review', price: 25, paid: 20 });
    });

    it('the run that was charged twice yesterday', async () => {
      const run = { account: 'user:42', run_id: 'run-4521' };
      const { body } = await admin.get('/api/credits/transactions', run);
      expect(body.data).toMatchObject([
        { amount: -1.25, agent: 'researcher', idempotency_key: 'run-4521-attempt-1' },
        {
          amount: -1.25,
          description: 'Agent run #4521',
          idempotency_key: 'run-4521-attempt-2',
          trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
        },
      ]);
      const ago = Date.now() - Date.parse(body.data[0].created_at);
      expect(ago).toBeLessThan(48 * 3_600_000);
    });

    it.each(['credits', 'tokens'])('the first grant, the second transaction and the open holds of %s', async (unit) => {
      const account = { account: 'user:42' };
      const grant = (await admin.get(`/api/${unit}/grants/1`, account)).body.data;
      expect(grant).toMatchObject({ status: 'active', expires_at: expect.any(String) });
      expect((await admin.get(`/api/${unit}/transactions/2`, account)).body.data.amount).toBeLessThan(0);
      expect((await admin.get(`/api/${unit}/holds`, { ...account, status: 'open' })).body.meta.total).toBe(2);
    });
  });
});

/** Every row of the ledger and of the purchases; only an account's version is a random number, made at each write. */
async function booksOf(database: TestDatabase): Promise<unknown[]> {
  const connection = await connectTo(database);
  try {
    const rows: unknown[] = [];
    for (const table of ['account', 'entry', 'balance_grant', 'hold', 'operation', 'purchase'])
      rows.push(...(await connection.query<unknown[]>(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
    return rows.map((row) => ({ ...(row as object), ...('owner' in (row as object) && { version: null }) }));
  } finally {
    await connection.destroy();
  }
}
