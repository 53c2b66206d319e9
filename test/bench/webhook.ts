// How fast the webhook answers while 64 clients debit: npm run bench:webhook. DATABASE_URL names the database, by
// default a new SQLite file. It prints figures and judges nothing but this: 1,000 deliveries of 100 events have 100
// effects.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { Client } from '../support/client.js';
import { FakeStripe } from '../support/fake-stripe.js';
import { startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

const [EVENTS, TIMES, CONNECTIONS, DEBITORS, WARM_UP] = [100, 10, 20, 64, 50];
const SECRET = 'whsec_of_the_bench';

/** What is sent in one request. */
type Delivery = ReturnType<FakeStripe['delivery']>;

// Each part has a process of its own, so that its work is not counted as the webhook's.
if (process.argv[2] === 'debit') await debit(process.argv[3]!);
else if (process.argv[2] === 'deliver') deliver(process.argv[3]!);
else await measure();

async function debit(url: string): Promise<void> {
  const token = await mintToken({ sub: 'spender' });
  const client = new Client(url, token);
  const loop = async () => {
    for (;;) {
      const { status } = await client.post('/api/credits/debit', { amount: 0.01, description: 'bench' });
      if (status !== 201) throw new Error(`a debit was answered with ${status}`);
    }
  };
  process.on('message', () => process.exit(0));
  void Promise.all(Array.from({ length: DEBITORS }, loop));
  process.send!('running');
}

function deliver(url: string): void {
  const client = new Client(url, undefined, new Agent({ keepAlive: true, maxSockets: CONNECTIONS }));
  process.on('message', (deliveries: Delivery[]) => {
    const latencies: number[] = [];
    const send = async () => {
      for (let delivery = deliveries.pop(); delivery; delivery = deliveries.pop()) {
        const sent = performance.now();
        const { status } = await client.request('POST', '/api/webhooks/stripe', delivery);
        latencies.push(performance.now() - sent);
        if (status !== 200) throw new Error(`a delivery was answered with ${status}`);
      }
    };
    void Promise.all(Array.from({ length: CONNECTIONS }, send)).then(() => process.send!(latencies));
  });
  process.send!('ready');
}

async function measure(): Promise<void> {
  const stripe = await FakeStripe.start();
  const server = await startServer({
    DATABASE_URL: process.env['DATABASE_URL'],
    STRIPE_SECRET_KEY: 'sk_test_fake',
    STRIPE_WEBHOOK_SECRET: SECRET,
    STRIPE_API_BASE: stripe.url,
    LOG_LEVEL: 'error',
    RECONCILE_EVERY_SECONDS: '0',
  });
  try {
    const admin = await server.clientFor({ sub: 'root', admin: true });
    await admin.post('/api/credits/deposit', { amount: 8_000_000_000, description: 'bench', account: 'user:spender' });
    const buyer = await server.clientFor({ sub: `buyer-${Date.now()}` });
    const pay = async (count: number) => {
      const events = [];
      for (let i = 0; i < count; i++) {
        const { body } = await buyer.post<{ data: { purchase_id: string } }>('/api/credits/purchase', {
          package_id: 'pro',
        });
        events.push(stripe.pay(stripe.sessionOf(body.data.purchase_id))[0]!);
      }
      return events
        .flatMap((event) => Array.from({ length: TIMES }, () => stripe.delivery(event, SECRET)))
        .sort(() => Math.random() - 0.5);
    };
    const total = async () =>
      (await buyer.get<{ meta: { total: number } }>('/api/credits/transactions', { limit: 1 })).body.meta.total;
    const granted = async (count: number) => {
      while ((await total()) < count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const [first, deliveries] = [await pay(WARM_UP), await pay(EVENTS)];

    const load = fork(import.meta.filename, ['debit', server.url]);
    const sender = fork(import.meta.filename, ['deliver', server.url]);
    await Promise.all([once(load, 'message'), once(sender, 'message')]);
    // A server that has just started is still being compiled.
    sender.send(first);
    await once(sender, 'message');
    await granted(WARM_UP);
    const begun = performance.now();
    sender.send(deliveries);
    const [latencies] = (await once(sender, 'message')) as [number[]];
    const answered = performance.now() - begun;
    await granted(WARM_UP + EVENTS);
    const settled = performance.now() - begun;
    load.send('stop');
    await once(load, 'exit');
    sender.kill();
    const effects = (await total()) - WARM_UP;

    latencies.sort((a, b) => a - b);
    const percentile = (share: number) => latencies[Math.ceil(latencies.length * share) - 1]!.toFixed(1);
    process.stdout.write(
      `${latencies.length} deliveries of ${EVENTS} events over ${CONNECTIONS} connections in ${answered.toFixed(0)} ms: ` +
        `p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, slowest ${percentile(1)} ms\n` +
        `${effects} effects, the last of them after ${settled.toFixed(0)} ms, beside debits of ${DEBITORS} clients\n`,
    );
    if (effects !== EVENTS) process.exitCode = 1;
  } finally {
    await server.stop();
    await stripe.stop();
  }
}
