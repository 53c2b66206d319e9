import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { fastify, type FastifyInstance } from 'fastify';
import { sendExport } from '../../src/common/http/export.js';
import { compress } from '../../src/common/http/compression.js';
import { seedHistories } from '../bench/seed.js';
import type { Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';
import { newName } from '../support/words.js';

const ENTRIES = 200_000;
const PATH = '/api/credits/transactions/export?format=ndjson';
const MEGABYTE = 1024 * 1024;

/** Begins a request and returns its answer, of which nothing has been read. */
async function begin(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [answer] = (await once(get(url, { headers, agent: false }), 'response')) as [IncomingMessage];
  return answer;
}

/** Resolves with how an answer ended. */
function endOf(answer: NodeJS.ReadableStream): Promise<'whole' | 'cut'> {
  return new Promise((ended) => {
    answer.on('end', () => ended('whole'));
    answer.on('error', () => ended('cut'));
    answer.on('aborted', () => ended('cut'));
    answer.resume();
  });
}

describeEachDatabase((database) => {
  let server: Server;
  let client: Client;
  let headers: Record<string, string>;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url });
    const sub = newName();
    await seedHistories(database.url, [{ account: `user:${sub}`, entries: ENTRIES }]);
    client = await server.clientFor({ sub });
    headers = { authorization: `Bearer ${await mintToken({ sub })}` };
  });
  afterAll(() => server?.stop());

  const memory = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process.pid}/status`, 'utf8'))![1]) / 1024;

  it('a long export is one snapshot in bounded memory, and debits go on meanwhile', async () => {
    const before = memory();
    let [most, last] = [before, 0];
    const answer = await begin(`${server.url}${PATH}`, headers);
    const debit = () => client.post('/api/credits/debit', { amount: 1, description: 'Meanwhile' });
    for await (const line of createInterface({ input: answer })) {
      const { id } = JSON.parse(line) as { id: number };
      expect(id).toBe(last + 1);
      last = id;
      if (id % 20_000 !== 0) continue;
      expect((await debit()).status).toBe(201);
      most = Math.max(most, memory());
    }
    expect({ last, complete: answer.complete }).toEqual({ last: ENTRIES, complete: true });
    // In memory at once they would take several hundred megabytes.
    expect(most - before).toBeLessThan(160);
  });

  it('a database error on the way cuts the connection', async () => {
    const dataSource = await connectTo(database);
    const answers = [
      await begin(`${server.url}${PATH}`, headers),
      await begin(`${server.url}${PATH}`, { ...headers, 'accept-encoding': 'gzip' }),
    ];
    try {
      // Nobody reads the answers, so their rows wait in the database.
      await dataSource.query('ALTER TABLE entry RENAME TO entry_gone');
      expect(await Promise.all(answers.map(endOf))).toEqual(['cut', 'cut']);
    } finally {
      await dataSource.query('ALTER TABLE entry_gone RENAME TO entry');
      await dataSource.destroy();
    }
    await server.line((line) => line.includes('export broke off'));
  });
});

describe('a stream of pages', () => {
  let app: FastifyInstance;
  let url: string;
  let read: number;
  let returned: Promise<void>;

  async function serve(pageAt: (n: number) => object[] | undefined): Promise<void> {
    let end!: () => void;
    returned = new Promise((done) => (end = done));
    read = 0;
    async function* pages() {
      try {
        for (;;) {
          const page = pageAt((read += 1));
          if (!page) return;
          yield page;
        }
      } finally {
        end();
      }
    }
    app = fastify();
    app.addHook('onSend', compress);
    app.get('/', async (_request, reply) => {
      await sendExport(reply, 'csv', { name: 'x', columns: ['text'], pages: pages() });
      return reply;
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`;
  }
  afterEach(() => app?.close());

  const LONG = Array.from({ length: 500 }, () => ({ text: 'x'.repeat(500) }));

  it('waits for the client, and is no longer read once the client has left', async () => {
    await serve(() => LONG);
    const answer = await begin(url);
    for await (const _ of answer) break;
    await returned;
    const then = read;
    // What the buffers on the way hold, and no more.
    expect((then * 250_000) / MEGABYTE).toBeLessThan(20);
    await new Promise((done) => setImmediate(done));
    expect(read).toBe(then);
  });

  it.each(['identity', 'gzip'])('breaks off when a page fails (%s)', async (encoding) => {
    await serve((n) => {
      if (n === 3) throw new Error('the database is gone');
      return LONG;
    });
    const answer = await begin(url, { 'accept-encoding': encoding });
    expect(answer.statusCode).toBe(200);
    expect(await endOf(answer)).toBe('cut');
    expect(answer.complete).toBe(false);
  });

  it('answers with an error when the first page fails', async () => {
    await serve(() => {
      throw new Error('the database is gone');
    });
    const answer = await begin(url);
    expect(answer.statusCode).toBe(500);
    expect(answer.headers['content-disposition']).toBeUndefined();
    expect(await endOf(answer)).toBe('whole');
  });

  it('passes over pages without rows', async () => {
    await serve((n) => [[], [{ text: 'a' }], [], [{ text: 'b' }], []][n - 1]);
    const answer = await begin(url, { 'accept-encoding': 'gzip' });
    let text = '';
    for await (const chunk of answer.pipe(createGunzip())) text += String(chunk);
    expect(text).toBe('\ufefftext\r\na\r\nb\r\n');
  });
});
