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
/** How long the grants last that expire while the servers come and go. */
const EXPIRES_MS = 2_000;
const [words] = WORDS;
const HOLDS = '/api/credits/holds';

type Kind = 'deposit' | 'debit' | 'reversal' | 'hold' | 'capture' | 'release' | 'independent' | 'atomic';

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
  private readonly debits = new Map<string, number[]>();
  private readonly clients = new WeakMap<Server, Map<string, Promise<Client>>>();
  private answered = 0;
  /** How many keys were given. The number of requests is none, because a late one is taken out again. */
  private keys = 0;
  private readonly watchers = new Set<() => void>();

  constructor(
    private readonly fleet: Fleet,
    readonly operations = OPERATIONS,
  ) {}

  /** Gives the accounts something to spend, and sends everything; longer than that, if it shall last longer. */
  async run(forMs = 0): Promise<void> {
    const end = Date.now() + forMs;
    this.lastAnswer = Date.now();
    const expires_at = new Date(Date.now() + EXPIRES_MS).toISOString();
    for (const terms of [{ expires_at }, { category: 'promotional', priority: 10 }, {}])
      await Promise.all(this.names.map((name) => this.send(this.deposit(name, terms))));
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
      // How much of an entry was reversed is the one thing of it that changes, and nobody asks for an expiry.
      for (const { reversed: _, ...entry } of history)
        if (entry.type !== 'expire') entries.set(entry.description, [...(entries.get(entry.description) ?? []), entry]);
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
    const made = (wanted: string) => histories.flat().filter(({ type }) => type === wanted).length;
    report(
      `${what} on ${database.engine}, seed ${SEED}`,
      counts,
      `${this.retries} asked again, longest stall ${this.stall} ms, ${made('reversal')} reversals, ${made('expire')} expiries`,
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
    const { who, path, answer } = request;
    // On a busy machine an expiring deposit can come too late; then the audit finds no trace of it.
    if (answer.status === 400 && answer.text.includes('expires_at must be in the future')) {
      this.requests.splice(this.requests.indexOf(request), 1);
      return;
    }
    const ids = path === HOLDS ? this.holds : path === words!.spend ? this.debits : undefined;
    if (answer.status === 201) ids?.set(who, [...(ids.get(who) ?? []), answer.body.data.id]);
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
      'reversal',
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

  private request(name: string, kind: Kind): Request {
    const { random } = this;
    const key = this.keyFor(kind);
    const micros = this.micros();
    const amount = micros / 1e6;
    const hold = random.of(this.holds.get(name)?.slice(-10) ?? []) as string | undefined;
    const debit = random.of(this.debits.get(name)?.slice(-10) ?? []) as number | undefined;
    const one = { key, who: name, marks: [key] };
    const spent = { agent: random.of(['researcher', 'writer']), run_id: key, model: 'acme/large-2' };
    if (kind === 'deposit') return this.deposit(name);
    if (kind === 'hold') {
      const body = { amount, description: key, expires_in: random.chance(0.5) ? 1 : 3600, ...spent };
      return { ...one, marks: [], path: HOLDS, body };
    }
    if (kind === 'capture' && hold) {
      const body = { amount: micros / 4e6, final: random.chance(0.3), description: key };
      return { ...one, path: `${HOLDS}/${hold}/capture`, body };
    }
    if (kind === 'release' && hold) return { ...one, marks: [], path: `${HOLDS}/${hold}/release`, body: {} };
    if (kind === 'reversal' && debit) {
      // The whole, or a part that may be more than is left of it.
      const part = random.chance(0.5) ? { amount: micros / 2e6 } : {};
      const body = { account: `user:${name}`, reason: key, ...part };
      return { ...one, who: 'root', path: `${words!.base}/transactions/${debit}/reverse`, body };
    }
    if (kind === 'independent' || kind === 'atomic') return this.batch(name, kind, key, micros / 2e6, spent);
    return { ...one, path: words!.spend, body: { amount, description: key, ...spent } };
  }

  private batch(name: string, mode: 'independent' | 'atomic', key: string, amount: number, spent: object): Request {
    const items = Array.from({ length: 5 }, (_, i) => ({
      amount,
      description: `${key}/${i}`,
      ...spent,
      ...(mode === 'atomic' ? { account: `user:${this.random.of(this.names)}` } : {}),
    }));
    const marks = items.map(({ description }) => description);
    const who = mode === 'atomic' ? 'root' : name;
    return { key, who, marks, path: `${words!.spend}/batch`, body: { mode, items } };
  }

  private deposit(name: string, terms: object = {}): Request {
    const key = this.keyFor('deposit');
    const body = { amount: (this.micros() * 20) / 1e6, description: key, account: `user:${name}`, ...terms };
    return { key, who: 'root', marks: [key], path: words!.add, body };
  }

  private keyFor(kind: Kind): string {
    this.keys += 1;
    return `${this.names[0]}-${kind}-${this.keys}`;
  }

  /** In micro-dollars, so that no part of it is a rounded one. */
  private micros(): number {
    return 4 * (1 + this.random.below(10_000));
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
