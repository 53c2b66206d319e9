import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.js';
import { commandsIn, curl } from '../support/curl.js';
import { eventually } from '../support/eventually.js';
import { expectVerified } from '../support/ledger.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

const GUIDE = readFileSync('docs/support.md', 'utf8');
const COMMANDS = commandsIn(GUIDE);
/** The answers that the guide prints, each after its command; {} where it prints none. */
const PRINTED = GUIDE.split(/^```sh\ncurl /m)
  .slice(1)
  .map((part) => JSON.parse(/^```json\n(.*?)^```/ms.exec(part)?.[1] ?? '{}') as object);

const { paths } = JSON.parse(readFileSync('openapi.json', 'utf8')) as { paths: object };
const itAcrossAccounts = '/api/admin/accounts' in paths ? it : it.skip;

describe('the support guide', () => {
  const directory = mkdtempSync(join(tmpdir(), 'credits-support-'));
  const url = `sqlite:${join(directory, 'demo.sqlite')}`;
  let server: Server;
  /** In the guide's order. */
  const answers: Answer[] = [];

  beforeAll(async () => {
    const env = { PATH: process.env['PATH'], DATABASE_URL: url };
    await promisify(execFile)(process.execPath, ['--import', 'tsx', resolve('scripts/demo-data.ts')], { env });
    server = await startServer({ DATABASE_URL: url });
    const admin = await mintToken({ sub: '1', admin: true });
    for (const command of COMMANDS)
      answers.push(await ask(command.replaceAll('$API', `${server.url}/api`).replaceAll('$ADMIN', admin)));
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A list across accounts may be a moment behind. */
  async function ask(command: string): Promise<Answer> {
    let answer: Answer;
    await eventually(async () => {
      answer = await curl(server.client, command);
      expect(answer.body.data).not.toEqual([]);
    });
    return answer!;
  }

  it('needs at most six calls from the complaint to the reversal and its record', () => {
    expect(COMMANDS.length).toBeLessThanOrEqual(6);
  });

  it('finds both charges of the run, and reverses the second', () => {
    const [, , run, , reversal] = answers;
    expect([run!.status, reversal!.status]).toEqual([200, 201]);
    expect([run!.body, reversal!.body]).toMatchObject([PRINTED[2], PRINTED[4]]);
    const [one, other] = run!.body.data.map(({ created_at }: { created_at: string }) => Date.parse(created_at));
    expect(other - one).toBe(31_000);
  });

  itAcrossAccounts('finds the customer, and shows the account with its last transactions', () => {
    const [found, whole] = answers;
    expect([found!.status, whole!.status]).toEqual([200, 200]);
    expect(found!.body.data).toMatchObject([{ account: 'user:42', unit: 'USD', debt: 0, frozen: false }]);
    expect(whole!.body.data).toMatchObject({ account: 'user:42' });
    expect(whole!.text).toContain('"run_id":"run-4521"');
  });

  itAcrossAccounts('finds the request behind the second charge, and the reversal in the record', () => {
    const [, , , request, reversal, record] = answers;
    expect([request!.status, record!.status]).toEqual([200, 200]);
    expect([request!.body, record!.body]).toMatchObject([PRINTED[3], PRINTED[5]]);
    expect(record!.body.data[0].trace_id).toBe(reversal!.body.data.trace_id);
  });

  it('reverses nothing twice under the ticket’s key', async () => {
    const admin = await server.clientFor({ sub: '1', admin: true });
    const again = { account: 'user:42', reason: 'Charged twice for run #4521' };
    const path = '/api/credits/transactions/120/reverse';
    const { status, headers } = await admin.post(path, again, { key: 'SUP-1204' });
    expect([status, headers['idempotent-replayed']]).toEqual([201, 'true']);
    expect((await admin.post(path, again)).body.error).toMatchObject({ code: 'CONFLICT', details: { remaining: 0 } });
    await expectVerified({ url });
  });
});
