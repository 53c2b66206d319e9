// A server in this process whose time and chance belong to the script: nothing happens in it by itself.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource } from 'typeorm';
import { type Answer, Client } from '../../test/support/client.js';
import { Random } from '../../test/support/random.js';
import { mintToken, type Who } from '../../test/support/tokens.js';

/** The token of a script whose clock runs for a month. */
const FOREVER = { exp: Math.floor(Date.UTC(2099, 0, 1) / 1000) };
const SEED = 20261;

/** A file of the built application. TypeScript's types are those of its source. */
const built = async <T>(path: string): Promise<T> =>
  (await import(new URL(`../../dist/${path}`, import.meta.url).href)) as T;

/** The application with a clock that stands still between two acts. */
export class Simulation {
  readonly random = new Random(SEED);
  private now: number;
  private readonly agenda: { readonly at: number; readonly act: () => Promise<void> }[] = [];
  private readonly clients = new Map<string, Client>();
  private requests = 0;

  private constructor(
    private readonly app: NestFastifyApplication,
    readonly database: DataSource,
    private readonly client: Client,
    private readonly jobs: readonly (() => Promise<void>)[],
    start: number,
  ) {
    this.now = start;
    stopClock(() => this.now);
    seedChance();
  }

  /**
   * Migrates the database and starts the application on a free port of this machine.
   * @param start the time at which it begins, in milliseconds since 1970
   */
  static async begin(start: number): Promise<Simulation> {
    const { AppModule } = await built<typeof import('../../src/app.module.js')>('app.module.js');
    const { currentConfig } = await built<typeof import('../../src/common/config/index.js')>('common/config/index.js');
    const { Jobs } = await built<typeof import('../../src/common/jobs/index.js')>('common/jobs/index.js');
    const http = await built<typeof import('../../src/common/http/index.js')>('common/http/index.js');
    const logging = await built<typeof import('../../src/common/logging/index.js')>('common/logging/index.js');
    const { partiesOf } = await built<typeof import('../../src/auth/index.js')>('auth/index.js');
    const { ExpirySweeper } = await built<typeof import('../../src/ledger/index.js')>('ledger/index.js');
    const { InboxService } =
      await built<typeof import('../../src/payments/settlement/index.js')>('payments/settlement/index.js');
    const { NestFactory } = await import('@nestjs/core');
    const { DataSource: Database } = await import('typeorm');
    const database = await built<typeof import('../../src/common/database/index.js')>('common/database/index.js');
    const config = currentConfig();
    const logger = logging.createLogger(config);
    const app = await NestFactory.create<NestFastifyApplication>(AppModule, http.createAdapter(logger), {
      logger: new logging.NestLogger(logger),
      bodyParser: false,
      abortOnError: false,
    });
    await http.configureHttp(app, config, partiesOf);
    await app.listen(0, '127.0.0.1');
    const find = <T>(type: Type<T>): T => app.get(type, { strict: false });
    // By their own timers they would run in real time, and the books would depend on the speed of the machine.
    await find(Jobs).onModuleDestroy();
    // Demo data need not outlive the power; waiting for the disk at each commit would be most of the time.
    const transactions = find(database.Transactions);
    if (transactions.engine === 'sqlite') await transactions['writer'].query('PRAGMA synchronous = OFF');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const jobs = [() => find(ExpirySweeper).sweep(), () => find(InboxService).workOff()];
    return new Simulation(app, find(Database), new Client(`http://127.0.0.1:${port}`), jobs, start);
  }

  get time(): number {
    return this.now;
  }

  /** Adds an act to the agenda. */
  at(time: number, act: () => Promise<unknown>): void {
    let place = this.agenda.length;
    while (place > 0 && this.agenda[place - 1]!.at <= time) place -= 1;
    this.agenda.splice(place, 0, { at: time, act: async () => void (await act()) });
  }

  /** Plays the agenda in order, with what the acts add to it, and leaves the clock at the end. */
  async playUntil(end: number): Promise<void> {
    for (let next = this.agenda.pop(); next && next.at < end; next = this.agenda.pop()) {
      this.now = next.at;
      await next.act();
    }
    this.now = end;
    await this.work();
  }

  /** Does what a server does by itself: events of the payment provider, and what has expired. */
  async work(): Promise<void> {
    for (const job of this.jobs) await job();
  }

  /**
   * Sends a request as somebody. Its trace id is the request's number, unless it is given.
   * @throws Error for an answer that is neither a success nor among the expected
   */
  async send<T = Record<string, unknown>>(
    who: Who,
    [method, path]: readonly [method: 'GET' | 'POST' | 'PATCH', path: string],
    body?: object,
    { key, traceId, allow = [] }: { key?: string; traceId?: string; allow?: readonly number[] } = {},
  ): Promise<Answer<{ data: T; meta: { total: number } }>> {
    this.requests += 1;
    const trace = traceId ?? crypto.createHash('md5').update(`request ${this.requests}`).digest('hex');
    const answer = await (
      await this.as(who)
    ).request<{ data: T; meta: { total: number } }>(method, `/api${path}`, {
      body,
      key,
      headers: { traceparent: `00-${trace}-${trace.slice(16)}-01` },
    });
    if (answer.status >= 300 && !allow.includes(answer.status))
      throw new Error(`${method} ${path} ${JSON.stringify(body)} was answered with ${answer.status}: ${answer.text}`);
    return answer;
  }

  /** Presses a button of the sandbox's page, and waits until the server has dealt with it. */
  async press(sessionId: string, action: string): Promise<void> {
    const raw = `action=${action}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { status } = await this.client.request('POST', `/sandbox/checkout/${sessionId}`, { raw, headers });
    if (status !== 303) throw new Error(`the sandbox answered ${action} with ${status}`);
    await this.work();
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.app.close();
  }

  private async as(who: Who): Promise<Client> {
    const name = JSON.stringify(who);
    const client = this.clients.get(name) ?? this.client.as(await mintToken({ ...who, claims: FOREVER }));
    this.clients.set(name, client);
    return client;
  }
}

/** Replaces the process's clock. */
function stopClock(now: () => number): void {
  const RealDate = Date;
  globalThis.Date = class extends RealDate {
    constructor(...args: []) {
      if (args.length === 0) super(now());
      else super(...args);
    }

    static override now(): number {
      return now();
    }
  } as DateConstructor;
}

/** The bytes that the next random id is made of, in hexadecimal. */
const chosen: string[] = [];

/** Makes the next random id of 16 bytes this one, so that the examples of the documentation name something. */
export function chooseNextId(hex: string): void {
  chosen.push(hex);
}

/** Replaces the process's random bytes by some that can be repeated, so that ids are the same in every database. */
function seedChance(): void {
  const random = new Random(SEED);
  const bytes = (size: number): Buffer => {
    const next = size === 16 ? chosen.pop() : undefined;
    return next ? Buffer.from(next, 'hex') : Buffer.from(Array.from({ length: size }, () => random.below(256)));
  };
  const { randomBytes } = crypto;
  const seeded = (size: number, callback?: (error: Error | null, buffer: Buffer) => void) =>
    callback ? randomBytes(size, callback) : bytes(size);
  crypto.randomBytes = seeded as typeof randomBytes;
  syncBuiltinESMExports();
}
