import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, historyOf, newName, WORDS } from '../support/words.js';

const BOM = '\ufeff';

/** Reads CSV by RFC 4180: records end with CRLF, and quotes within quotes are doubled. */
function readCsv(text: string): Record<string, string>[] {
  expect(text.startsWith(BOM)).toBe(true);
  expect(text.endsWith('\r\n')).toBe(true);
  const records: string[][] = [];
  let record: string[] = [];
  for (const [, quoted, plain, end] of text.slice(1).matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    record.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'));
    if (end === ',') continue;
    records.push(record);
    record = [];
  }
  const [head, ...rows] = records;
  return rows.map((row) => {
    expect(row).toHaveLength(head!.length);
    return Object.fromEntries(head!.map((column, i) => [column, row[i]!]));
  });
}

const readLines = (text: string): any[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    admin = await server.clientFor({ sub: 'root', admin: true });
  });
  afterAll(() => server?.stop());

  describe.each(WORDS)('exports of $name', (words) => {
    const { name: kind, base, add, addType, spend, spendType, smallest } = words;

    async function account(descriptions: readonly string[] = []): Promise<{ client: Client; name: string }> {
      const sub = newName();
      const opening = { amount: 1_000_000, description: 'Opening', account: `user:${sub}` };
      expect((await admin.post(add, opening)).status).toBe(201);
      const client = await server.clientFor({ sub });
      for (const description of descriptions)
        expect((await client.post(spend, { amount: smallest, description, metadata: { a: '=1' } })).status).toBe(201);
      return { client, name: `user:${sub}` };
    }
    const exported = async (client: Client, query: Record<string, string | number | undefined>) => {
      const { status, text } = await client.get(`${base}/transactions/export`, query);
      expect({ status, text: status === 200 ? '' : text }).toEqual({ status: 200, text: '' });
      return text;
    };

    it('NDJSON has every transaction as the list shows it, over more than one page', async () => {
      const { client } = await account();
      const items = Array.from({ length: 1_000 }, (_, i) => ({ amount: smallest, description: `Item ${i}` }));
      expect((await client.post(`${spend}/batch`, { mode: 'independent', items })).body.meta.posted).toBe(1_000);
      const { headers, text } = await client.get(`${base}/transactions/export`, { format: 'ndjson' });
      expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
      expect(headers['cache-control']).toBe('no-store');
      expect(readLines(text)).toEqual(await historyOf(client, words));
      const newest = readLines(await exported(client, { format: 'ndjson', order: 'desc' }));
      expect(newest.map(({ id }) => id)).toEqual(Array.from({ length: 1_001 }, (_, i) => 1_001 - i));
    });

    it('CSV is what a spreadsheet reads: formulas as text, amounts as numbers, objects as JSON', async () => {
      const hostile = [
        '=1+1',
        '+1',
        '-1',
        '@SUM(A1)',
        '\t=1',
        '\r=1',
        'a,"b"',
        'two\nlines',
        'two\rlines',
        "'x",
        ' ü ',
      ];
      const { client } = await account(hostile);
      const text = await exported(client, {});
      const rows = readCsv(text);
      expect(rows.map(({ description }) => description)).toEqual([
        'Opening',
        ...hostile.map((description) => (/^[=+\-@\t\r]/.test(description) ? `'${description}` : description)),
      ]);
      const history = await historyOf(client, words);
      for (const [i, row] of rows.entries()) {
        const { id, amount, balance_after, metadata, grants, created_at, agent } = history[i];
        expect([row['id'], row['amount'], row['balance_after']].map(Number)).toEqual([id, amount, balance_after]);
        expect(row['amount']).not.toMatch(/'/);
        expect(row['created_at']).toBe(created_at);
        expect(row['agent']).toBe(agent ?? '');
        expect(row['metadata'] ? JSON.parse(row['metadata']) : null).toEqual(metadata);
        expect(row['grants'] ? JSON.parse(row['grants']) : undefined).toEqual(grants);
      }
      expect(Object.keys(rows[0]!)).not.toContain('trace_id');
    });

    it('takes the filters of the history, for any period', async () => {
      const { client } = await account(['first search', 'second', 'third SEARCH']);
      const ids = async (query: object) =>
        readLines(await exported(client, { format: 'ndjson', ...query })).map(({ id }) => id as number);
      expect(await ids({ type: addType })).toEqual([1]);
      expect(await ids({ type: spendType, order: 'desc' })).toEqual([4, 3, 2]);
      expect(await ids({ q: 'search' })).toEqual([2, 4]);
      expect(await ids({ q: 'search', order: 'desc', type: spendType })).toEqual([4, 2]);
      expect(await ids({ min_amount: 1_000 })).toEqual([1]);
      expect(await ids({ from: '2000-01-01', to: '2100-01-01', q: 'first' })).toEqual([2]);
      expect(await ids({ to: '2000-01-01' })).toEqual([]);
      expect(await ids({ hold_id: 'hold_1_1' })).toEqual([]);
    });

    it('names the file by account and days, and is there for an account that has never moved', async () => {
      const client = await server.clientFor({ sub: `a/${newName()}` });
      const period = { from: '2026-11-01', to: '2026-12-01' };
      const csv = await client.get(`${base}/transactions/export`, period);
      expect(csv.status).toBe(200);
      expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
      expect(csv.headers['content-disposition']).toMatch(
        new RegExp(`^attachment; filename="${kind}-transactions-user_a_u-[0-9a-f]+-2026-11-01-2026-11-30.csv"$`),
      );
      expect(csv.text).toMatch(/^\ufeffid,account,type,amount,balance_after,description,[a-z_,]+\r\n$/);
      const lines = await client.get(`${base}/transactions/export`, { ...period, format: 'ndjson' });
      expect({ status: lines.status, text: lines.text }).toEqual({ status: 200, text: '' });
      expect((await client.request('HEAD', `${base}/transactions/export`)).text).toBe('');
    });

    it('grants are exported as they are listed', async () => {
      const { client, name } = await account(['spent']);
      await admin.post(add, { amount: 7, description: 'More', account: name, category: 'promotional', priority: 1 });
      const path = `${base}/grants/export`;
      const listed = (await client.get(`${base}/grants`)).body.data;
      expect(readLines((await client.get(path, { format: 'ndjson' })).text)).toEqual(listed);
      const rows = readCsv((await client.get(path, { order: 'desc' })).text);
      expect(rows.map(({ id, category }) => [Number(id), category])).toEqual(
        [...listed].reverse().map(({ id, category }: any) => [id, category]),
      );
      const found = async (query: object) =>
        readLines((await client.get(path, { format: 'ndjson', ...query })).text).length;
      expect(await found({ category: 'promotional', status: 'active' })).toBe(kind === 'tokens' ? 2 : 1);
      expect(await found({ status: 'used' })).toBe(0);
      expect(await found({ to: '2000-01-01' })).toBe(0);
    });

    it('belongs to the account; an administrator may name it, and sees more', async () => {
      const { client, name } = await account(['mine']);
      for (const path of [`${base}/transactions/export`, `${base}/grants/export`]) {
        expectError(await server.client.get(path), 401, 'UNAUTHORIZED');
        expectError(await client.get(path, { account: 'user:somebody' }), 403, 'FORBIDDEN');
        for (const wrong of [
          { format: 'xlsx' },
          { limit: 5 },
          { from: '2026-02-31' },
          { from: '2026-02-02', to: '2026-01-01' },
        ])
          expectError(await client.get(path, wrong), 400, 'VALIDATION_ERROR');
        expect(readCsv((await admin.get(path, { account: name })).text).length).toBeGreaterThan(0);
      }
      const [row] = readCsv((await admin.get(`${base}/transactions/export`, { account: name })).text);
      expect(row!['trace_id']).toMatch(/^[0-9a-f]{32}$/);
    });

    it('is compressed when asked, and the same', async () => {
      const { client } = await account(['x'.repeat(300), 'y'.repeat(300), 'z'.repeat(300)]);
      const plain = await exported(client, {});
      const { authorization } = { authorization: `Bearer ${(client as unknown as { token: string }).token}` };
      for (const encoding of ['gzip', 'br']) {
        const answer = await fetch(`${server.url}${base}/transactions/export`, {
          headers: { authorization, 'accept-encoding': encoding },
        });
        expect(answer.headers.get('content-encoding')).toBe(encoding);
        expect(Buffer.from(await answer.arrayBuffer()).toString('utf8')).toBe(plain);
      }
    });
  });

  it('purchases are exported as they are listed, the newest first', async () => {
    const client = await server.clientFor({ sub: newName() });
    for (const [path, body] of [
      ['/api/credits/purchase', { package_id: 'pro' }],
      ['/api/tokens/checkout', { plan_id: 'growth' }],
      ['/api/credits/purchase', { package_id: 'starter' }],
    ] as const)
      expect((await client.post(path, body)).status).toBe(201);
    const listed = (await client.get('/api/payments/purchases')).body.data;
    const path = '/api/payments/purchases/export';
    expect(readLines((await client.get(path, { format: 'ndjson' })).text)).toEqual(listed);
    const csv = await client.get(path, { status: 'open', from: '2026-01-01' });
    expect(csv.headers['content-disposition']).toMatch(/filename="purchases-user_u-[0-9a-f]+-2026-01-01-.*\.csv"$/);
    expect(readCsv(csv.text).map(({ purchase_id, price }) => [purchase_id, Number(price)])).toEqual(
      listed.map(({ purchase_id, price }: any) => [purchase_id, price]),
    );
    expect(readCsv((await client.get(path, { status: 'paid' })).text)).toEqual([]);
    expectError(await client.get(path, { account: 'user:somebody' }), 403, 'FORBIDDEN');
    expectError(await client.get(path, { status: 'lost' }), 400, 'VALIDATION_ERROR');
  });
});
