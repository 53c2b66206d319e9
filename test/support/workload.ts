import { setTimeout } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { Answer, Client } from './client.js';
import type { TestDatabase } from './databases.js';
import type { Fleet } from './fleet.js';
import { expectVerified } from './ledger.js';
import { Random } from './random.js';
import { type Counts, report } from './report.js';
import type { Server } from './server.js';
import { expectUnbroken, forEverybody, historyOf, newName, WORDS } from './words.js';

/** `FAULT_OPERATIONS` makes a soak of it; `FAULT_SEED` makes the same requests again. */
const OPERATIONS = Number(process.env['FAULT_OPERATIONS'] ?? 300);
const SEED = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const WORKERS = 48;
/** How long a client asks again before it takes 503 for the answer. */
const PATIENCE_MS = 120_000;
const ACCOUNTS = 6;
const [words] = WORDS;
const HOLDS = '/api/credits/holds';

/** What a client wants done once, and what it was told in the end. */
interface Request {
  readonly key: string;
  readonly who: string;
  readonly path: string;
  readonly body: object;
  /** What the entries that it may make are described with. */
  readonly marks: readonly string[];
  answer?: Answer;
}

/** Many clients that want many things of few accounts, and ask again under the same key whatever they were not told. */
export class Workload {
  readonly random = new Random(SEED);
  readonly requests: Request[] = [];
  retries = 0;
  /** The longest time in which nobody was answered, in milliseconds. */
  stall = 0;
  private lastAnswer = 0;
  private readonly names = Array.from({ length: ACCOUNTS }, newName);
  private readonly holds = new Map<string, string[]>();
  private readonly clients = new WeakMap<Server, Map<string, Promise<Client>>>();
  private answered = 0;
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly fleet: Fleet,
    readonly operations = OPERATIONS,
  ) {}

  /** Gives the accounts something to spend, and sends everything; longer than that, if it shall last longer. */
  async run(forMs = 0): Promise<void> {
    const end = Date.now() + forMs;
    this.lastAnswer = Date.now();
    for (const name of this.names) await this.send(this.request(name, 'deposit'));
    const workers = Array.from({ length: WORKERS }, async () => {
      while (this.requests.length < this.operations || Date.now() < end) await this.send(this.next());
    });
    await Promise.all(workers);
  }

  /** Resolves when this part of all is answered. */
  async done(part: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.answered < part * this.operations) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }

  /**
   * Everything that was acknowledged is there once, nothing else is, no balance was ever negative, every key answers as
   * the first time, and the verifier passes.
   * @param server what is asked; any, unless they have nodes of the database of their own
   */
  async audit(what: string, database: TestDatabase, server?: Server): Promise<void> {
    server ??= await this.fleet.any(this.random);
    const [entries, holds, histories] = [new Map<string, any[]>(), new Map<string, any[]>(), [] as any[][]];
    for (const name of this.names) {
      const client = await this.clientOf(server, name);
      const history = await historyOf(client, words!);
      histories.push(history);
      for (const entry of history) entries.set(entry.description, [...(entries.get(entry.description) ?? []), entry]);
      for (const hold of await holdsOf(client))
        holds.set(hold.description, [...(holds.get(hold.description) ?? []), hold]);
    }
    const counts: Counts = { sent: this.requests.length, acknowledged: 0, lost: 0, doubled: 0 };
    for (const found of [...entries.values(), ...holds.values()]) if (found.length > 1) counts.doubled += 1;
    const unexpected = new Set<string>();
    const known = new Set<string>();
    for (const { answer, path, key, marks } of this.requests) {
      const { status, body, text } = answer!;
      if (![200, 201, 402, 409].includes(status)) unexpected.add(`${status} ${text}`);
      else counts.acknowledged += 1;
      const promised: any[] = path.endsWith('/batch')
        ? (body.data ?? []).map(({ transaction }: any) => transaction)
        : [status === 201 ? body.data : undefined];
      if (path === HOLDS) {
        const there = holds.get(key) ?? [];
        if (
          status === 201 &&
          (there.length !== 1 || there[0].id !== body.data.id || there[0].amount !== body.data.amount)
        )
          counts.lost += 1;
        if (status !== 201 && there.length > 0) unexpected.add(`${key} was refused and is held`);
        continue;
      }
      marks.forEach((mark, i) => {
        known.add(mark);
        const there = entries.get(mark) ?? [];
        if (promised[i] && JSON.stringify(there[0]) !== JSON.stringify(forEverybody(promised[i]))) counts.lost += 1;
        if (!promised[i] && there.length > 0) unexpected.add(`${mark} was refused and is there`);
      });
    }
    for (const mark of entries.keys()) if (!known.has(mark)) unexpected.add(`nobody asked for ${mark}`);
    report(
      `${what} on ${database.engine}, seed ${SEED}`,
      counts,
      `${this.retries} asked again, longest stall ${this.stall} ms`,
    );
    expect({ lost: counts.lost, doubled: counts.doubled, unexpected: [...unexpected] }).toEqual({
      lost: 0,
      doubled: 0,
      unexpected: [],
    });
    for (const history of histories) {
      expectUnbroken(history, words!);
      expect(history.filter(({ balance_after }) => balance_after < 0)).toEqual([]);
    }
    await this.repeatAll();
    await expectVerified(database);
  }

  /** Every key once more: the same status and body to the letter, and marked. */
  private async repeatAll(): Promise<void> {
    const rest = [...this.requests];
    const workers = Array.from({ length: WORKERS }, async () => {
      for (let request = rest.pop(); request; request = rest.pop()) {
        const { status, text, headers } = await this.ask(request);
        expect({ key: request.key, status, text, replayed: headers['idempotent-replayed'] }).toEqual({
          key: request.key,
          status: request.answer!.status,
          text: request.answer!.text,
          replayed: 'true',
        });
      }
    });
    await Promise.all(workers);
  }

  private async send(request: Request): Promise<void> {
    this.requests.push(request);
    request.answer = await this.ask(request);
    if (request.path === HOLDS && request.answer.status === 201)
      this.holds.set(request.who, [...(this.holds.get(request.who) ?? []), request.answer.body.data.id]);
    this.answered += 1;
    this.stall = Math.max(this.stall, Date.now() - this.lastAnswer);
    this.lastAnswer = Date.now();
    for (const watcher of this.watchers) watcher();
  }

  private async ask({ who, path, body, key }: Request): Promise<Answer> {
    for (const end = Date.now() + PATIENCE_MS; ; this.retries += 1) {
      const client = await this.clientOf(await this.fleet.any(this.random), who);
      const answer = await client.post(path, body, { key }).catch(() => undefined);
      const later = answer?.status === 503 || (path.endsWith('/batch') && answer?.text.includes('"OVERLOADED"'));
      if (answer && (!later || Date.now() > end)) return answer;
      // As `Retry-After` asks, only sooner; a connection that broke needs no patience, because a server that is gone is
      // no longer asked.
      if (later) await setTimeout(50);
    }
  }

  private next(): Request {
    const kinds = [
      'deposit',
      'debit',
      'debit',
      'debit',
      'debit',
      'hold',
      'hold',
      'capture',
      'capture',
      'release',
      'independent',
      'atomic',
    ] as const;
    return this.request(this.random.of(this.names), this.random.of(kinds));
  }

  private request(
    name: string,
    kind: 'deposit' | 'debit' | 'hold' | 'capture' | 'release' | 'independent' | 'atomic',
  ): Request {
    const { random } = this;
    const key = `${this.names[0]}-${kind}-${this.requests.length}`;
    // In micro-dollars, so that no part of it is a rounded one.
    const micros = 4 * (1 + random.below(10_000));
    const amount = micros / 1e6;
    const hold = random.of(this.holds.get(name)?.slice(-10) ?? []) as string | undefined;
    const one = { key, who: name, marks: [key] };
    const items = Array.from({ length: 5 }, (_, i) => ({ amount: micros / 2e6, description: `${key}/${i}` }));
    const marks = items.map(({ description }) => description);
    if (kind === 'deposit')
      return {
        ...one,
        who: 'root',
        path: words!.add,
        body: { amount: (micros * 20) / 1e6, description: key, account: `user:${name}` },
      };
    if (kind === 'hold')
      return {
        ...one,
        marks: [],
        path: HOLDS,
        body: { amount, description: key, expires_in: random.chance(0.5) ? 1 : 3600 },
      };
    if (kind === 'capture' && hold)
      return {
        ...one,
        path: `${HOLDS}/${hold}/capture`,
        body: { amount: micros / 4e6, final: random.chance(0.3), description: key },
      };
    if (kind === 'release' && hold) return { ...one, marks: [], path: `${HOLDS}/${hold}/release`, body: {} };
    if (kind === 'independent') return { ...one, marks, path: `${words!.spend}/batch`, body: { mode: kind, items } };
    if (kind === 'atomic') {
      const spread = items.map((item) => ({ ...item, account: `user:${random.of(this.names)}` }));
      return { ...one, marks, who: 'root', path: `${words!.spend}/batch`, body: { mode: kind, items: spread } };
    }
    return { ...one, path: words!.spend, body: { amount, description: key } };
  }

  private clientOf(server: Server, who: string): Promise<Client> {
    let clients = this.clients.get(server);
    if (!clients) this.clients.set(server, (clients = new Map()));
    let client = clients.get(who);
    if (!client) clients.set(who, (client = server.clientFor({ sub: who, admin: who === 'root' })));
    return client;
  }
}

async function holdsOf(client: Client): Promise<any[]> {
  const all: any[] = [];
  for (;;) {
    const { body } = await client.get(HOLDS, { limit: 200, offset: all.length });
    all.push(...body.data);
    if (body.data.length === 0 || all.length >= body.meta.total) return all;
  }
}
