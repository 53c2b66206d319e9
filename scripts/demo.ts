// Walks the whole story against a server and a database of its own, and prints each request and answer: npm run demo
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Answer, Client } from '../test/support/client.js';
import { startServer } from '../test/support/server.js';

const out = (text: string) => process.stdout.write(`${text}\n`);
const step = (text: string) => out(`\n── ${text}\n`);

const MODEL = 'anthropic/claude-sonnet-4-5';

/** How long the demo's promotion lasts. */
const PROMOTION_MS = 2_000;

const server = await startServer({ CATALOG_FILE: fileURLToPath(new URL('demo-catalog.json', import.meta.url)) });
try {
  out(`A server of its own at ${server.url}, with an empty SQLite database.`);
  step('Two tokens: a customer, user 42, and an administrator. `npm run token` mints them for your own server.');
  const customer = await server.clientFor({ sub: '42' });
  const admin = await server.clientFor({ sub: '1', admin: true });

  step('The administrator deposits 5 dollars.');
  await send(admin, 'POST', '/api/credits/deposit', { amount: 5, description: 'Manual top-up', account: 'user:42' });

  step('An agent spends. The same Idempotency-Key again is the same answer, and no second charge.');
  await send(customer, 'POST', '/api/credits/debit', { amount: 1.25, description: 'Agent run #4521' }, 'run-4521');
  await send(customer, 'POST', '/api/credits/debit', { amount: 1.25, description: 'Agent run #4521' }, 'run-4521');

  step('Nobody spends what is not there.');
  await send(customer, 'POST', '/api/credits/debit', { amount: 10, description: 'Agent run #4522' }, undefined, 402);

  step('Every balance is made of grants. The administrator adds a promotion that burns first and soon expires.');
  await send(admin, 'POST', '/api/credits/deposit', {
    amount: 3,
    description: 'Welcome credits',
    account: 'user:42',
    category: 'promotional',
    priority: 10,
    expires_at: new Date(Date.now() + PROMOTION_MS).toISOString(),
  });
  await send(customer, 'POST', '/api/credits/debit', {
    amount: 1,
    description: 'Agent run #4523',
    agent: 'researcher',
  });
  await showGrants(customer);

  step('It expires: the balance counts that at once, and an entry says it soon after.');
  while ((await balanceOf(customer)).promotional > 0) await setTimeout(100);
  await send(customer, 'GET', '/api/credits/balance');
  await showGrants(customer);

  step('The customer buys a package with a bonus; without a Stripe key the checkout is a sandbox.');
  await send(customer, 'GET', '/api/credits/packages');
  const purchase = await send<Purchase>(customer, 'POST', '/api/credits/purchase', { package_id: 'pro' });
  const { purchase_id, checkout_url } = purchase.body.data;
  await pay(checkout_url);
  await paid(customer, purchase_id);
  await showGrants(customer);

  step('Half of the payment is refunded: the same share of the package and of its bonus goes.');
  await send(admin, 'POST', `/api/payments/purchases/${purchase_id}/refund`, { amount: 45 });
  await showGrants(customer);

  step('"I was charged twice": the administrator reverses the first debit.');
  await send(admin, 'POST', '/api/credits/transactions/2/reverse', { account: 'user:42', reason: 'Run #4521 failed' });
  await showGrants(customer);

  step('Usage in place of an amount: a quote says what a step costs at most, and a hold keeps that back.');
  const usage = { model: MODEL, input: 12_000, max_output: 4_000 };
  const quote = await send<Quoted>(customer, 'POST', '/api/pricing/quote', { usage });
  const quoted = { quote_id: quote.body.data.id, agent: 'researcher', run_id: 'run-4524', description: 'Run #4524' };
  const { id: hold } = (await send<Quoted>(customer, 'POST', '/api/credits/holds', quoted, 'run-4524')).body.data;

  step('The capture says what was used, as the provider said it, and gets the receipt. The rest comes back.');
  const raw = { input_tokens: 2_000, cache_read_input_tokens: 10_000, output_tokens: 812 };
  const used = { usage: { model: MODEL, format: 'anthropic', raw } };
  const captured = await send<Receipt>(customer, 'POST', `/api/credits/holds/${hold}/capture`, used, 'run-4524-1');
  printReceipt(captured.body.data);

  step('Nothing is charged at 0 because nobody knows its price.');
  const unknown = { usage: { model: 'anthropic/claude-sonet-4-5', input: 1 }, description: 'A typing error' };
  await send(customer, 'POST', '/api/credits/debit', unknown, undefined, 422);

  step('Tokens are the same machine.');
  await send(admin, 'POST', '/api/tokens/grant', { amount: 50_000, description: 'Welcome tokens', account: 'user:42' });
  await send(customer, 'POST', '/api/tokens/consume', {
    amount: 1_250,
    model: 'large-2026-10',
    description: 'Agent run #4521',
  });
  await send(customer, 'GET', '/api/tokens/balance');

  step('What happened, and what it comes to.');
  await send(customer, 'GET', '/api/credits/balance');
  await send(customer, 'GET', '/api/credits/transactions');
  await send(customer, 'GET', '/api/credits/usage-summary');
} finally {
  await server.stop();
}

interface Quoted {
  readonly data: { readonly id: string };
}

interface Receipt {
  readonly data: {
    readonly amount: number;
    readonly pricing: {
      readonly rate_card: number;
      readonly model: string;
      readonly lines: readonly Record<'pool' | 'quantity' | 'unit_price' | 'amount', string | number>[];
      readonly exact: string;
    };
  };
}

/** Prints what a charge is made of. */
function printReceipt({ amount, pricing: { rate_card, model, lines, exact } }: Receipt['data']): void {
  out(`  ${model}, rate card ${rate_card}`);
  for (const line of lines) {
    const cells = [`${line.quantity} ×`.padStart(9), `$${line.unit_price}`.padEnd(13), `$${line.amount}`.padStart(10)];
    out(`  ${String(line.pool).padEnd(12)}${cells.join(' ')}`);
  }
  out(`  ${'exactly'.padEnd(35)} ${`$${exact}`.padStart(10)}`);
  out(`  ${'charged, rounded up once'.padEnd(35)} ${`$${-amount}`.padStart(10)}\n`);
}

interface Purchase {
  readonly data: { readonly purchase_id: string; readonly checkout_url: string };
}

async function balanceOf(client: Client): Promise<{ readonly promotional: number }> {
  const { body } = await client.request<{ data: { promotional: number } }>('GET', '/api/credits/balance');
  return body.data;
}

/** Prints an account's grants, a line each. */
async function showGrants(client: Client): Promise<void> {
  out('GET /api/credits/grants');
  const { body } = await client.request<{ data: Record<string, string | number>[] }>('GET', '/api/credits/grants');
  for (const grant of body.data) {
    const shares = ['used', 'held', 'expired', 'voided', 'taken_back', 'remaining'].map((name) => [name, grant[name]]);
    const told = shares.filter(([, amount]) => amount !== 0).map(([name, amount]) => `${name} ${amount}`);
    out(
      `  ${grant['id']}  ${grant['source']}, ${grant['category']}, ${grant['status']}: ${grant['amount']} = ${told.join(' + ')}`,
    );
  }
  out('');
}

/** Sends a request, prints it with its answer, and insists on the status. */
async function send<T>(
  client: Client,
  method: string,
  path: string,
  body?: object,
  key?: string,
  status = method === 'GET' ? 200 : 201,
): Promise<Answer<T>> {
  out(`${method} ${path}${key ? `   Idempotency-Key: ${key}` : ''}`);
  if (body) out(`  ${JSON.stringify(body)}`);
  const answer = await client.request<T>(method, path, { body, key });
  const replayed = answer.headers['idempotent-replayed'] ? '   Idempotent-Replayed: true' : '';
  out(`→ ${answer.status}${replayed}\n${JSON.stringify(answer.body, null, 2).replace(/^/gm, '  ')}\n`);
  if (answer.status !== status) throw new Error(`expected ${status}`);
  return answer;
}

/** Presses the sandbox page's button, as the buyer would. */
async function pay(url: string): Promise<void> {
  const { pathname } = new URL(url);
  out(`POST ${pathname}   the buyer presses "Pay"`);
  const { status, headers } = await server.client.request('POST', pathname, {
    raw: 'action=pay',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  out(`→ ${status}   Location: ${headers.location}\n`);
  if (status !== 303) throw new Error('expected 303');
}

/**
 * The payment is told by a signed webhook, which has its own time; asking for the purchase settles it at the latest.
 */
async function paid(client: Client, id: string): Promise<void> {
  const answer = await send<{ data: { status: string } }>(client, 'GET', `/api/payments/purchases/${id}`);
  if (answer.body.data.status !== 'paid') throw new Error('expected the purchase to be paid');
}
