import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { head, parseAnswer, RawConnection } from '../support/raw.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

const JSON_OF_100_BYTES = { 'Content-Type': 'application/json', 'Content-Length': 100 };
const BODY = '{"amount":1,"description":"x"}';

/** An error that was written on a bare connection. */
function expectRefusal(text: string, status: number, code: string): void {
  const answer = parseAnswer(text);
  expect({ status: answer.status, code: answer.body?.error?.code, text }).toEqual({ status, code, text });
  expect(answer.head).toMatch(/content-type: application\/json; charset=utf-8/i);
  expect(answer.body.error.trace_id).toBe(/x-trace-id: ([0-9a-f]{32})/i.exec(answer.head)?.[1]);
}

describe('a connection', () => {
  let server: Server;
  let authorization: string;
  const open = (text = '') => new RawConnection(server.port, text);
  const upload = (path: string, headers: Record<string, string | number | undefined> = {}) =>
    open(head(`POST ${path}`, { ...JSON_OF_100_BYTES, ...headers }));

  beforeAll(async () => {
    server = await startServer();
    authorization = `Bearer ${await mintToken()}`;
  });
  afterAll(() => server?.stop());

  it('without a token is answered before its body has come, and may go on once it has', async () => {
    for (const [path, headers, status] of [
      ['/api/credits/debit', {}, 401],
      ['/api/credits/debit', { Authorization: 'Bearer x.y.z' }, 401],
      ['/api/credits/debit', { 'Content-Length': undefined, 'Transfer-Encoding': 'chunked' }, 401],
      ['/api/nothing', {}, 404],
    ] as const) {
      const connection = upload(path, headers);
      expect((await connection.answer()).status).toBe(status);
      if ('Transfer-Encoding' in headers) connection.send('5\r\n{"a":\r\n0\r\n\r\n');
      else connection.send('x'.repeat(100));
      connection.send(head('GET /api/version'));
      expect((await connection.answer()).status).toBe(200);
      connection.hangUp();
    }
  });

  it('that announces or sends too long a body is told so at once, and closed', async () => {
    const long = 1024 * 1024 + 1;
    const announced = upload('/api/credits/debit', { Authorization: authorization, 'Content-Length': long });
    expectRefusal(await announced.closed, 413, 'PAYLOAD_TOO_LARGE');
    const webhook = upload('/api/webhooks/stripe', { 'Content-Length': long });
    expectRefusal(await webhook.closed, 413, 'PAYLOAD_TOO_LARGE');
    const chunked = upload('/api/credits/debit', {
      Authorization: authorization,
      'Content-Length': undefined,
      'Transfer-Encoding': 'chunked',
    });
    chunked.send(`${long.toString(16)}\r\n${'x'.repeat(long)}`);
    expect((await chunked.answer()).status).toBe(413);
    await chunked.closed;
  });

  it('sends its body in pieces', async () => {
    const connection = upload('/api/credits/debit', { Authorization: authorization, 'Content-Length': BODY.length });
    connection.send(BODY.slice(0, 10));
    connection.send(BODY.slice(10));
    expect((await connection.answer()).status).toBe(402);
    connection.hangUp();
  });

  it.each([
    ['no HTTP', 'NONSENSE\r\n\r\n', 400, 'VALIDATION_ERROR'],
    [
      'headers of more than 16 kB',
      head('GET /api/version', { 'X-Long': 'x'.repeat(20_000) }),
      431,
      'HEADERS_TOO_LARGE',
    ],
    ['no Host', head('GET /api/version', { Host: undefined, Connection: 'close' }), 400, 'VALIDATION_ERROR'],
    ['an expectation that nobody knows', head('GET /api/version', { Expect: 'a miracle' }), 417, 'EXPECTATION_FAILED'],
  ])('with %s is answered in the envelope', async (_, text, status, code) => {
    expectRefusal(await open(text).closed, status, code);
  });

  it('of HTTP/1.0 needs no Host', async () => {
    expect(parseAnswer(await open('GET /api/version HTTP/1.0\r\n\r\n').closed).status).toBe(200);
  });
});

describe('a connection on which nothing moves', () => {
  let server: Server;
  let authorization: string;

  beforeAll(async () => {
    server = await startServer({}, ['test/support/short-limits.mjs']);
    authorization = `Bearer ${await mintToken()}`;
  });
  afterAll(() => server?.stop());

  it.each<[string, () => string]>([
    ['nothing', () => ''],
    ['half its headers', () => 'GET /api/version HTTP/1.1\r\nHost: local'],
    [
      'half its body',
      () => head('POST /api/credits/debit', { ...JSON_OF_100_BYTES, Authorization: authorization }) + BODY,
    ],
    ['half an event', () => head('POST /api/webhooks/stripe', JSON_OF_100_BYTES) + BODY],
  ])('after it sent %s is told so and closed', async (_, text) => {
    expectRefusal(await new RawConnection(server.port, text()).closed, 408, 'REQUEST_TIMEOUT');
  });

  it('after it was refused is closed, though its body has not come', async () => {
    const connection = new RawConnection(server.port, head('POST /api/credits/debit', JSON_OF_100_BYTES));
    expect((await connection.answer()).status).toBe(401);
    await connection.closed;
  });

  it('after an answer is closed', async () => {
    const connection = new RawConnection(server.port, head('GET /api/version'));
    expect((await connection.answer()).status).toBe(200);
    expect(await connection.closed).toBe('');
  });
});

it('a client that hangs up, within its body or before the answer, is no error in the log', async () => {
  const server = await startServer();
  try {
    const request = head('POST /api/credits/debit', {
      ...JSON_OF_100_BYTES,
      Authorization: `Bearer ${await mintToken()}`,
    });
    for (const body of [BODY, BODY.padEnd(100)]) {
      // The first answer says that the server has read what came with its request.
      const connection = new RawConnection(server.port, head('GET /api/version') + request + body);
      await connection.answer();
      connection.hangUp();
    }
    expect(await server.stop()).toBe(0);
    expect(server.lines.filter((line) => /"level":"(warn|error|fatal)"/.test(line))).toEqual([]);
  } finally {
    await server.stop('SIGKILL');
  }
});
