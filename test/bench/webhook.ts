// How fast the webhook answers while 64 clients debit: npm run bench:webhook. DATABASE_URL names the database, by default a new SQLite file.
// It prints figures and judges nothing but this: 1,000 deliveries of 100 events have 100 effects.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { Client } from '../support/client.js';
import { FakeStripe } from '../support/fake-stripe.js';
import { startServer } from '../support/server.js';
import { mintToken } from '../support/tokens.js';

const [EVENTS, TIMES, CONNECTIONS, DEBITORS] = [100, 10, 20, 64];
const SECRET = 'whsec_of_the_bench';

if (process.argv[2] === 'debit') await debit(process.argv[3]!);
else await measure();

/** In a process of its own, so that its work is not counted as the webhook's. */
async function debit(url: string): Promise<void> {
  const token = await mintToken({ sub: 'spender' });
  let count = 0;
  const client = new Client(url, token);
  const loop = async () => {
    for (;;) {
      const { status } = await client.post('/api/credits/debit', { amount: 0.01, description: 'bench' });
      if (status !== 201) throw new Error(`a debit was answered with ${status}`);
      count += 1;
    }
  };
  process.on('message', () => process.send!(count, () => process.exit(0)));
  void Promise.all(Array.from({ length: DEBITORS }, loop));
  process.send!('running');
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
    const events = [];
    for (let i = 0; i < EVENTS; i++) {
      const { body } = await buyer.post<{ data: { purchase_id: string } }>('/api/credits/purchase', { package_id: 'pro' });
      events.push(stripe.pay(stripe.sessionOf(body.data.purchase_id))[0]!);
    }
    const deliveries = events.flatMap((event) => Array.from({ length: TIMES }, () => event)).sort(() => Math.random() - 0.5);

    const load = fork(import.meta.filename, ['debit', server.url]);
    await once(load, 'message');
    const begun = performance.now();
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const client = new Client(server.url, undefined, agent);
    const latencies: number[] = [];
    const send = async () => {
      for (let event = deliveries.pop(); event; event = deliveries.pop()) {
        const delivery = stripe.delivery(event, SECRET);
        const sent = performance.now();
        const { status } = await client.request('POST', '/api/webhooks/stripe', delivery);
        latencies.push(performance.now() - sent);
        if (status !== 200) throw new Error(`a delivery was answered with ${status}`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, send));
    const answered = performance.now() - begun;
    const total = async () => (await buyer.get<{ meta: { total: number } }>('/api/credits/transactions', { limit: 1 })).body.meta.total;
    while ((await total()) < EVENTS) await new Promise((resolve) => setTimeout(resolve, 20));
    const granted = performance.now() - begun;
    load.send('stop');
    const [debits] = (await once(load, 'message')) as [number];
    const seconds = (performance.now() - begun) / 1000;
    agent.destroy();
    const effects = await total();

    latencies.sort((a, b) => a - b);
    const percentile = (share: number) => latencies[Math.ceil(latencies.length * share) - 1]!.toFixed(1);
    process.stdout.write(
      `${latencies.length} deliveries of ${EVENTS} events over ${CONNECTIONS} connections in ${answered.toFixed(0)} ms: ` +
        `p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, slowest ${percentile(1)} ms\n` +
        `${effects} effects, the last of them after ${granted.toFixed(0)} ms, beside ${Math.round(debits / seconds)} debits a second of ${DEBITORS} clients\n`,
    );
    if (effects !== EVENTS) process.exitCode = 1;
  } finally {
    await server.stop();
    await stripe.stop();
  }
}
