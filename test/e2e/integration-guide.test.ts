import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectVerified } from '../support/ledger.js';
import type { Client } from '../support/client.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

const GUIDE = readFileSync('docs/integration.md', 'utf8');
const codeIn = (language: string) => new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'ms').exec(GUIDE)![1]!;
/** The output that the guide prints. */
const OUTPUT = codeIn('text');

const PROGRAMS = [
  { language: 'ts', file: 'run-agent.mts', command: [process.execPath, '--import', 'tsx'] },
  { language: 'python', file: 'run_agent.py', command: ['python3'] },
];

describe('the programs of the integration guide', () => {
  const directory = mkdtempSync(join(tmpdir(), 'credits-guide-'));
  let server: Server;
  let admin: Client;
  const losing = createServer();

  beforeAll(async () => {
    server = await startServer();
    admin = await server.clientFor({ sub: '1', admin: true });
    losing.on('request', losesFirstAnswers(server.url));
    losing.listen(0, '127.0.0.1');
    await once(losing, 'listening');
  });
  afterAll(async () => {
    losing.close();
    losing.closeAllConnections();
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs a program as a user, and gives its exit code and its output. */
  async function runAs(sub: string, [program, ...args]: readonly string[], origin: string): Promise<[number, string]> {
    const env = { PATH: process.env['PATH'], CREDITS_API: `${origin}/api`, CREDITS_TOKEN: await mintToken({ sub }) };
    return new Promise((done) =>
      execFile(program!, args, { env }, (error, stdout, stderr) =>
        done([error ? Number(error.code ?? -1) : 0, stdout + stderr]),
      ),
    );
  }

  for (const { language, file, command } of PROGRAMS) {
    const isThere = spawnSync(command[0]!, ['--version']).status === 0;
    const path = join(directory, file);

    (isThere ? describe : describe.skip)(`in ${language}`, () => {
      beforeAll(() => writeFileSync(path, codeIn(language)));

      it('charges a run once, however often it is started and whatever answers are lost', async () => {
        const account = `user:${language}`;
        await admin.post('/api/credits/deposit', { account, amount: 10, description: 'Manual top-up' });
        const { port } = losing.address() as AddressInfo;
        const run = [...command, path, 'run-7001'];
        expect(await runAs(language, run, `http://127.0.0.1:${port}`)).toEqual([0, OUTPUT]);
        expect(await runAs(language, run, server.url)).toEqual([0, OUTPUT]);
        const { body } = await admin.get('/api/credits/transactions', { account, run_id: 'run-7001' });
        expect(body.data).toMatchObject([
          { type: 'debit', amount: -0.042, agent: 'researcher', model: 'anthropic/claude-sonnet-4-5' },
          { type: 'debit', amount: -0.048, description: 'Agent run-7001, step 2' },
        ]);
        const balance = (await admin.get('/api/credits/balance', { account })).body.data;
        expect(balance).toMatchObject({ balance: 9.91, available: 9.91, held: 0 });
      });

      it('says how much is missing where credits are short', async () => {
        const [code, output] = await runAs(`poor-${language}`, [...command, path, 'run-1'], server.url);
        expect([code, output]).toEqual([2, 'short of 0.132: buy credits, then start a new run\n']);
      });
    });
  }

  it('leave books that the verifier accepts', async () => {
    await expectVerified({ url: `sqlite:${join(server.directory, 'credits.sqlite')}` });
  });
});

/**
 * Passes requests on. Of each request under a new key the first answer is lost, and in place of the second there is a
 * 503.
 */
function losesFirstAnswers(target: string): NonNullable<Parameters<typeof createServer>[1]> {
  const attempts = new Map<unknown, number>();
  return (request, response) => {
    const { method, headers, url = '/' } = request;
    const key = headers['idempotency-key'];
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    const onward = httpRequest(new URL(url, target), { method, headers }, (answer) => {
      if (attempt === 1) {
        answer.resume();
        request.socket.destroy();
      } else if (attempt === 2) {
        answer.resume();
        response.writeHead(503, { 'Content-Type': 'application/json', 'Retry-After': '0' });
        response.end(JSON.stringify({ error: { code: 'OVERLOADED', message: '', details: null, trace_id: '' } }));
      } else {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      }
    });
    request.pipe(onward);
  };
}
