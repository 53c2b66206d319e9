import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { describeEachDatabase } from '../support/databases.js';
import { freePort, startServer } from '../support/server.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { Shop } from '../support/shop.js';

describeEachDatabase((database) => {
  let shop: Shop;
  let metrics: Client;
  beforeAll(async () => {
    const port = String(await freePort());
    shop = await Shop.open(database, { METRICS_PORT: port });
    metrics = new Client(`http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    metrics?.close();
    await shop?.close();
  });

  /** The values by their names and labels. */
  async function read(): Promise<Record<string, number>> {
    const { status, text } = await metrics.get('/metrics');
    expect(status).toBe(200);
    return Object.fromEntries(
      text
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }

  it('counts purchases by state, events by outcome, and what the ledger does', async () => {
    await shop.sell();
    await shop.buy();
    const held = shop.stripe.holdOn('GET /v1/checkout/sessions/');
    const sale = await shop.buy();
    const [completed] = shop.stripe.pay(sale.session);
    expect((await shop.deliver(completed!)).status).toBe(200);
    await held.arrived;
    const waiting = await read();
    expect(waiting).toMatchObject({ 'payments_purchases{status="paid"}': 1, payments_events_unprocessed: 1 });
    expect(waiting['payments_oldest_unprocessed_event_seconds']).toBeGreaterThan(0);
    held.release();
    await shop.expectEnd(sale, { status: 'paid', entries: [100] });
    await shop.workedOff();
    await eventually(async () =>
      expect(await read()).toMatchObject({
        'payments_purchases{status="paid"}': 2,
        'payments_purchases{status="open"}': 1,
        'payments_purchases{status="review"}': 0,
        'payments_events_total{outcome="settled"}': 3,
        payments_events_unprocessed: 0,
        payments_oldest_unprocessed_event_seconds: 0,
        'ledger_operations_total{operation="purchase",result="posted"}': 2,
        ledger_queue_operations: 0,
        ledger_follower_accounts_behind: 0,
        ledger_follower_entries_total: 2,
        ledger_usage_accounts_behind: 0,
        ledger_usage_entries_behind: 0,
        ledger_usage_entries_total: 2,
        ledger_batch_operations_count: 2,
        ledger_commit_seconds_count: 2,
      }),
    );
    await sale.client.post('/api/credits/debit', { amount: 1000, description: 'x' }, { key: 'k' });
    await sale.client.post('/api/credits/debit', { amount: 1000, description: 'x' }, { key: 'k' });
    expect(await read()).toMatchObject({
      'ledger_operations_total{operation="debit",result="refused"}': 1,
      'ledger_operations_total{operation="debit",result="replayed"}': 1,
    });
  });

  it('are not on the public port', async () => {
    expect((await shop.server.client.get('/metrics')).status).toBe(404);
    expect((await shop.server.client.get('/api/metrics')).status).toBe(404);
    expect((await metrics.get('/api/health')).status).toBe(404);
  });
});

describe('without METRICS_PORT', () => {
  it('nothing is served, and a port that is taken by the API is refused', async () => {
    const port = await freePort();
    const server = await startServer();
    try {
      await expect(
        new Promise((answered, failed) => request({ port, host: '127.0.0.1' }, answered).on('error', failed).end()),
      ).rejects.toMatchObject({
        code: 'ECONNREFUSED',
      });
    } finally {
      await server.stop();
    }
    await expect(startServer({ PORT: String(port), METRICS_PORT: String(port) })).rejects.toThrow(
      'METRICS_PORT must differ from PORT',
    );
  });
});
