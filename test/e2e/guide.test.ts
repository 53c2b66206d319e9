import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/client.js';
import { commandsIn, curl } from '../support/curl.js';
import { type Server, startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

/** As the published guide prints them. */
const GUIDE = `
curl https://api.orkosi.com/api/credits/balance \\
-H "Authorization: Bearer TOKEN"

curl https://api.orkosi.com/api/credits/packages

curl -X POST https://api.orkosi.com/api/credits/purchase \\
-H "Authorization: Bearer TOKEN" \\
-H "Content-Type: application/json" \\
-d '{"package_id": "pro"}'

curl -X POST https://api.orkosi.com/api/credits/deposit \\
-H "Authorization: Bearer TOKEN" \\
-H "Content-Type: application/json" \\
-d '{"amount": 50.00, "description": "Manual top-up"}'

curl -X POST https://api.orkosi.com/api/credits/debit \\
-H "Authorization: Bearer TOKEN" \\
-H "Content-Type: application/json" \\
-d '{"amount": 1.25, "description": "Agent run #4521"}'

curl "https://api.orkosi.com/api/credits/transactions?limit=20&offset=0" \\
-H "Authorization: Bearer TOKEN"

curl https://api.orkosi.com/api/credits/usage-summary \\
-H "Authorization: Bearer TOKEN"
`;

describe('the commands that are printed', () => {
  let server: Server;
  let token: string;
  let admin: string;

  beforeAll(async () => {
    server = await startServer();
    token = await mintToken({ sub: '42' });
    admin = await mintToken({ sub: '1', admin: true });
  });
  afterAll(() => server?.stop());

  it('the guide’s work as they stand there, with an administrator’s token', async () => {
    const answers: Answer[] = [];
    for (const command of commandsIn(GUIDE))
      answers.push(await curl(server.client, command.replaceAll('TOKEN', admin)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 201, 201, 201, 200, 200]);
    const [balance, packages, purchase, , , history, summary] = answers.map(({ body }) => body);
    expect(balance.data).toMatchObject({ balance: 0, currency: 'USD' });
    expect(packages.data).toContainEqual(
      expect.objectContaining({ id: 'pro', name: 'Pro', amount: 100, price: 90, currency: 'USD' }),
    );
    expect(purchase.data).toMatchObject({
      status: 'open',
      amount: 100,
      price: 90,
      currency: 'USD',
      checkout_url: expect.stringMatching(/^https?:/),
    });
    expect(history).toMatchObject({
      data: [
        { id: 1, type: 'deposit', amount: 50, balance_after: 50, description: 'Manual top-up' },
        { id: 2, type: 'debit', amount: -1.25, balance_after: 48.75, description: 'Agent run #4521' },
      ],
      meta: { total: 2, limit: 20, offset: 0 },
    });
    expect(summary.data).toMatchObject({ total_deposited: 50, total_debited: 1.25, closing_balance: 48.75 });
  });

  it('the README’s work in their order', async () => {
    const commands = commandsIn(readFileSync('README.md', 'utf8'));
    expect(commands.length).toBeGreaterThanOrEqual(7);
    for (const command of commands) {
      const { status, text } = await curl(
        server.client,
        command.replaceAll('$API', `${server.url}/api`).replaceAll('$ADMIN', admin).replaceAll('$TOKEN', token),
      );
      expect({ command, status, text: status < 300 ? '' : text }).toEqual({
        command,
        status: command.includes('POST') ? 201 : 200,
        text: '',
      });
    }
  });

  it('`npm run demo` walks the whole story', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', resolve('scripts/demo.ts')]);
    for (const landmark of [
      '→ 402',
      'INSUFFICIENT_CREDITS',
      'Idempotent-Replayed: true',
      '"status": "paid"',
      'Pro package purchase',
      '3  deposit, promotional, expired: 3 = used 1 + expired 2',
      '7  bonus, promotional, active: 10 = taken_back 5 + remaining 5',
      '1  deposit, paid, active: 5 = remaining 5',
      '"closing_balance": 59.97882',
    ]) {
      expect(stdout).toContain(landmark);
    }
  });
});
