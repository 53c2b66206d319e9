import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { Answer, Client } from './client.js';
import type { TestDatabase } from './databases.js';
import { eventually } from './eventually.js';
import { type FakeEvent, type FakeSession, FakeStripe } from './fake-stripe.js';
import { type Server, startServer } from './server.js';
import { Sql } from './sql.js';
import { JWT_SECRET } from './tokens.js';
import { newName } from './words.js';

export const SECRET = 'whsec_of_the_tests';
export const OLD_SECRET = 'whsec_before_the_rotation';
const WEBHOOK = '/api/webhooks/stripe';

/** A purchase with its buyer. */
export interface Sale {
  readonly client: Client;
  readonly account: string;
  readonly kind: 'credits' | 'tokens';
  readonly id: string;
  readonly session: FakeSession;
}

/**
 * What a purchase has come to, in every place where it shows. Amounts of entries are in dollars or tokens, money in
 * dollars.
 */
export interface End {
  readonly status: string;
  /** The amounts of the account's history, in order. */
  readonly entries: readonly number[];
  readonly refunded?: number;
  readonly disputed?: number;
}

/** A server, a fake Stripe and a database, and what tests do with them. */
export class Shop {
  private constructor(
    readonly database: TestDatabase,
    readonly stripe: FakeStripe,
    readonly environment: Record<string, string>,
    public server: Server,
    readonly sql: Sql,
  ) {}

  static async open(database: TestDatabase, env: Record<string, string> = {}): Promise<Shop> {
    const stripe = await FakeStripe.start();
    const environment = {
      DATABASE_URL: database.url,
      STRIPE_SECRET_KEY: 'sk_test_fake',
      STRIPE_WEBHOOK_SECRET: `${SECRET}, ${OLD_SECRET}`,
      STRIPE_API_BASE: stripe.url,
      PUBLIC_URL: 'https://pay.example.com',
      // The tests say when it is time.
      RECONCILE_EVERY_SECONDS: '0',
      ...env,
    };
    const server = await startServer(environment);
    return new Shop(database, stripe, environment, server, new Sql(database));
  }

  async close(): Promise<void> {
    await this.server?.stop();
    await this.stripe.stop();
    await this.sql.close();
  }

  /** Kills the server and starts another one. */
  async crash(env: Record<string, string> = {}): Promise<void> {
    await this.server.stop('SIGKILL');
    this.server = await startServer({ ...this.environment, ...env });
  }

  admin(): Promise<Client> {
    return this.server.clientFor({ sub: 'root', admin: true });
  }

  /** Begins a purchase; without a key each is a new one. */
  async buy(kind: 'credits' | 'tokens' = 'credits', sub = newName()): Promise<Sale> {
    const client = await this.server.clientFor({ sub });
    const { status, body } = await begin(client, kind);
    expect(status).toBe(201);
    const { purchase_id: id } = body.data;
    return { client, account: `user:${sub}`, kind, id, session: this.stripe.sessionOf(id) };
  }

  /** Begins a purchase and pays it, and waits until the account has been credited. */
  async sell(kind: 'credits' | 'tokens' = 'credits', sub?: string): Promise<Sale> {
    const sale = await this.buy(kind, sub);
    await this.tell(...this.stripe.pay(sale.session));
    await this.expectEnd(sale, { status: 'paid', entries: [kind === 'credits' ? 100 : 1_000_000] });
    return sale;
  }

  /** Delivers one event, signed anew. */
  deliver(event: FakeEvent, secret: string | readonly string[] = SECRET, ageSeconds = 0): Promise<Answer> {
    return this.server.client.request('POST', WEBHOOK, this.stripe.delivery(event, secret, ageSeconds));
  }

  /** Delivers events one after the other, each answered with 200, and waits until they have been worked off. */
  async tell(...events: readonly FakeEvent[]): Promise<void> {
    for (const event of events) expect((await this.deliver(event)).status).toBe(200);
    await this.workedOff(events.map(({ id }) => id));
  }

  /** Waits until none of these events, or none at all, is left to be worked off. */
  async workedOff(ids?: readonly string[]): Promise<void> {
    await eventually(async () => {
      const left = (await this.inbox()).filter(({ id, outcome }) => outcome === null && (!ids || ids.includes(id)));
      expect(left).toEqual([]);
    });
  }

  inbox(): Promise<
    { id: string; type: string; outcome: string | null; attempts: number; last_error: string | null }[]
  > {
    return this.sql.query('SELECT id, type, outcome, attempts, last_error FROM webhook_event');
  }

  /** How an event of the inbox ended; undefined when it isn't in it, null when it has not. */
  async outcomeOf(event: FakeEvent): Promise<string | null | undefined> {
    return (await this.inbox()).find(({ id }) => id === event.id)?.outcome;
  }

  /**
   * Waits until a purchase shows this end in its state, the ledger and the balance, and no event is left to be worked
   * off.
   */
  async expectEnd(sale: Sale, end: End): Promise<void> {
    await eventually(async () => expect(await this.endOf(sale)).toEqual({ refunded: 0, disputed: 0, ...end }));
    const { body } = await sale.client.get(`/api/${sale.kind}/balance`);
    expect(body.data.balance).toBeCloseTo(
      end.entries.reduce((sum, amount) => sum + amount, 0),
      6,
    );
  }

  /** What the list of purchases and the history show; neither asks Stripe. */
  async endOf({ client, id, kind }: Sale): Promise<End> {
    const [purchases, history] = await Promise.all([
      client.get('/api/payments/purchases', { limit: 200 }),
      client.get(`/api/${kind}/transactions`, { limit: 200 }),
    ]);
    const found = purchases.body.data.find((purchase: any) => purchase.purchase_id === id);
    const { status, refunded_amount: refunded, disputed } = found;
    return { status, refunded, disputed, entries: history.body.data.map(({ amount }: any) => amount) };
  }

  /** One round of reconciliation in a process of its own. */
  async reconcile(options: object = {}): Promise<Summary> {
    const reconciler = await Reconciler.start(this.environment);
    try {
      return await reconciler.run(options);
    } finally {
      await reconciler.stop();
    }
  }
}

export function begin(client: Client, kind: 'credits' | 'tokens', key?: string): Promise<Answer> {
  return kind === 'credits'
    ? client.post('/api/credits/purchase', { package_id: 'pro' }, { key })
    : client.post('/api/tokens/checkout', { plan_id: 'basic' }, { key });
}

export interface Summary {
  readonly unfinished: number;
  readonly refunds: number;
  readonly events: number;
  readonly missed: number;
  readonly listed: number;
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

/** A process that reconciles as often as it is told to. */
export class Reconciler {
  private constructor(
    private readonly process: ChildProcess,
    private readonly directory: string,
  ) {}

  static async start(environment: Record<string, string>): Promise<Reconciler> {
    const directory = mkdtempSync(join(tmpdir(), 'credits-reconciler-'));
    const child = fork(resolve('test/support/reconciler.mjs'), {
      cwd: directory,
      env: { PATH: process.env['PATH'], BUILT: resolve('dist'), JWT_SECRET, ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    return new Reconciler(child, directory);
  }

  /** By default: everything of the last day, whenever it was looked at last. */
  async run(options: object = {}): Promise<Summary> {
    const now = Date.now();
    this.process.send({
      since: now - 86_400_000,
      dryRun: false,
      thorough: true,
      untouchedSince: now + 1_000,
      ...options,
    });
    const [{ summary, error }] = (await once(this.process, 'message')) as [{ summary: Summary; error?: string }];
    if (error) throw new Error(error);
    return summary;
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.disconnect();
    await exited;
    rmSync(this.directory, { recursive: true, force: true });
  }
}
