import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { expectSound } from '../support/grants.js';
import { expectVerified } from '../support/ledger.js';
import { Random } from '../support/random.js';
import { type Counts, report } from '../support/report.js';
import { PUBLIC, type Server, startServer } from '../support/server.js';
import { newName, type Words, WORDS } from '../support/words.js';

/** `FAULT_SEED` makes the same requests again. */
const SEED = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const OPERATIONS = 1_200;
const WORKERS = 32;
/** No operation begins after this. */
const RUN_MS = 8_000;
const HOLDS = '/api/credits/holds';
const KINDS = [
  ...['add', 'add', 'add', 'spend', 'spend', 'spend', 'open', 'open', 'capture', 'release'],
  ...['void', 'extend', 'reverse', 'reverse', 'take'],
] as const;

/** An account with what the answers said is there. */
interface Owner {
  readonly words: Words;
  readonly name: string;
  /** One for each server. */
  readonly clients: readonly Client[];
  readonly grants: number[];
  readonly spendings: any[];
  readonly holds: string[];
}

type Wanted = readonly [path: string, body: object, byAdmin: boolean];

/** What is wanted once, and was answered. */
interface Request {
  readonly owner: Owner;
  readonly path: string;
  readonly body: object;
  readonly key: string;
  readonly byAdmin: boolean;
  answer?: Answer;
}

describeEachDatabase((database) => {
  const random = new Random(SEED);
  const requests: Request[] = [];
  let servers: Server[];
  let admins: Client[];
  let owners: Owner[];

  beforeAll(async () => {
    servers = await Promise.all(
      [1, 2].map(() => startServer({ ...PUBLIC, DATABASE_URL: database.url, LOG_LEVEL: 'warn' })),
    );
    admins = await Promise.all(servers.map((server) => server.clientFor({ sub: 'root', admin: true })));
    owners = await Promise.all([0, 0, 0, 1].map((i) => ownerOf(WORDS[i]!)));
  });
  afterAll(() => Promise.all((servers ?? []).map((server) => server.stop())));

  async function ownerOf(words: Words): Promise<Owner> {
    const sub = newName();
    const clients = await Promise.all(servers.map((server) => server.clientFor({ sub })));
    return { words, name: `user:${sub}`, clients, grants: [], spendings: [], holds: [] };
  }

  /** Whole numbers of the smallest part, so that sums are exact. */
  const amountFor = ({ words }: Owner, most: number) => ((1 + random.below(most)) * 1e6 * words.smallest) / 1e6;
  /** One of those that came last, which others are after, too. */
  const recent = <T>(all: readonly T[]): T | undefined => (all.length > 0 ? random.of(all.slice(-6)) : undefined);
  const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

  /** What is to be done next; nothing when there is nothing to do it to. */
  function next(owner: Owner, kind: (typeof KINDS)[number]): Wanted | undefined {
    const { words, name } = owner;
    switch (kind) {
      case 'add': {
        const category = random.of(['paid', 'promotional']);
        const expires_at = random.chance(0.7) ? inSeconds(1 + 2 * random.next()) : undefined;
        const terms = { category, priority: random.below(4), expires_at };
        return [words.add, { amount: amountFor(owner, 1_000), description: kind, account: name, ...terms }, true];
      }
      case 'spend':
        return [words.spend, { amount: amountFor(owner, 600), description: kind }, false];
      case 'open':
        if (words.name !== 'credits') return undefined;
        return [HOLDS, { amount: amountFor(owner, 800), expires_in: 1 + random.below(3) }, false];
      case 'capture':
      case 'release':
        return ofHold(owner, kind);
      case 'reverse':
        return ofSpending(owner);
      case 'void':
      case 'extend':
      case 'take':
        return ofGrant(owner, kind);
    }
  }

  function ofHold(owner: Owner, kind: 'capture' | 'release'): Wanted | undefined {
    const hold = recent(owner.holds);
    if (hold === undefined) return undefined;
    const body = kind === 'capture' ? { amount: amountFor(owner, 300), final: random.chance(0.4) } : {};
    return [`${HOLDS}/${hold}/${kind}`, body, false];
  }

  /** The whole, or a part of which three are more than the whole. */
  function ofSpending({ words, name, spendings }: Owner): Wanted | undefined {
    const spending = recent(spendings);
    if (spending === undefined) return undefined;
    const part = Math.ceil((-0.4 * spending.amount) / words.smallest);
    const amount = random.chance(0.5) ? (part * 1e6 * words.smallest) / 1e6 : undefined;
    return [`${words.base}/transactions/${spending.id}/reverse`, { account: name, reason: 'reverse', amount }, true];
  }

  function ofGrant(owner: Owner, kind: 'void' | 'extend' | 'take'): Wanted | undefined {
    const { base } = owner.words;
    const grant = recent(owner.grants);
    if (grant === undefined) return undefined;
    const body = { account: owner.name, reason: kind };
    if (kind === 'void') return [`${base}/grants/${grant}/void`, body, true];
    if (kind === 'extend') return [`${base}/grants/${grant}/extend`, { ...body, expires_at: inSeconds(3) }, true];
    return [`${base}/transactions/${grant}/reverse`, { ...body, amount: amountFor(owner, 500) }, true];
  }

  const ask = async ({ owner, path, body, key, byAdmin }: Request, server: number) => {
    for (;;) {
      const answer = await (byAdmin ? admins : owner.clients)[server]!.post(path, body, { key });
      if (answer.status !== 503) return answer;
    }
  };

  const told = ({ status, text }: Answer) => ({ status, text });

  /** Asks both servers at once, or one after the other. A 400 is for a time that has passed, and is not remembered. */
  async function send(request: Request): Promise<void> {
    requests.push(request);
    const order = random.chance(0.5) ? [0, 1] : [1, 0];
    const asked = order.map((server) => () => ask(request, server));
    const answers = random.chance(0.6)
      ? await Promise.all(asked.map((each) => each()))
      : [await asked[0]!(), await asked[1]!()];
    const decided = answers.filter(({ status }) => status !== 400);
    for (const answer of decided) expect(told(answer)).toEqual(told(decided[0]!));
    if (decided.length === 2)
      expect(decided.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(1);
    request.answer = decided[0] ?? answers[0]!;
    const { data } = request.answer.body;
    if (request.answer.status !== 201) return;
    const { grants, spendings, holds, words } = request.owner;
    if (request.path === words.add || request.path.endsWith('/extend')) grants.push(data.id);
    else if (request.path === HOLDS) holds.push(data.id);
    else if (data.type === words.spendType) spendings.push(data);
  }

  /** What is read meanwhile never shows a grant that has expired, nor a sum that is none. */
  async function look({ clients, words }: Owner): Promise<void> {
    const client = random.of(clients);
    const whole = (amount: number) => Math.round(amount / words.smallest);
    const before = new Date().toISOString();
    const { paid, promotional, debt, available, held, balance, expiring } = (await client.get(`${words.base}/balance`))
      .body.data;
    expect(whole(paid) + whole(promotional) - whole(debt)).toBe(whole(available));
    expect(whole(available) + whole(held)).toBe(whole(balance));
    expect(expiring.filter(({ expires_at }: any) => expires_at <= before)).toEqual([]);
    const { data } = (await client.get(`${words.base}/grants`, { order: 'desc', limit: 20 })).body;
    for (const { amount, used, held: kept, expired, voided, taken_back, remaining, expires_at } of data) {
      const shares = [used, kept, expired, voided, taken_back, remaining].map(whole);
      expect(shares.reduce((sum, share) => sum + share)).toBe(whole(amount));
      if (expires_at <= before) expect(remaining).toBe(0);
    }
  }

  it('servers that spend, hold, void, extend and reverse at once, while grants expire, keep the books', async () => {
    const end = Date.now() + RUN_MS;
    for (const owner of owners)
      for (const kind of ['add', 'add', 'spend'] as const) await send(requestOf(owner, ...next(owner, kind)!));
    const workers = Array.from({ length: WORKERS }, async () => {
      while (requests.length < OPERATIONS && Date.now() < end) {
        const owner = random.of(owners);
        const wanted = next(owner, random.of(KINDS));
        if (!wanted) continue;
        if (random.chance(0.15)) await look(owner);
        const many = /reverse$/.test(wanted[0]) ? 3 : 1;
        await Promise.all(Array.from({ length: many }, () => send(requestOf(owner, ...wanted))));
      }
    });
    await Promise.all(workers);

    const counts: Counts = { sent: requests.length, acknowledged: 0, lost: 0, doubled: 0 };
    for (const owner of owners) {
      // What expires or is held ends by itself within seconds; what reversals returned lasts for days.
      await eventually(async () => {
        const [client, { base }] = [owner.clients[0]!, owner.words];
        const { held, expiring, balance } = (await client.get(`${base}/balance`)).body.data;
        const soon = expiring.filter(({ expires_at }: any) => expires_at < inSeconds(60));
        // A balance counts what is due before its entry is there.
        const [latest] = (await client.get(`${base}/transactions`, { limit: 1, order: 'desc' })).body.data;
        expect({ held, soon, booked: latest.balance_after }).toEqual({ held: 0, soon: [], booked: balance });
      });
      await expectSound(owner.clients[0]!, owner.words);
      await audit(owner, counts);
    }
    for (const request of requests) if (request.answer!.status !== 400) await expectRepeated(request);
    report(`grants on ${database.engine}, seed ${SEED}`, counts);
    expect(counts).toMatchObject({ lost: 0, doubled: 0 });
    await eventually(() => expectVerified(database));
  });

  function requestOf(owner: Owner, path: string, body: object, byAdmin: boolean): Request {
    return { owner, path, body, byAdmin, key: `${owner.name}-${requests.length}-${random.below(2 ** 31)}` };
  }

  async function expectRepeated(request: Request): Promise<void> {
    const again = await ask(request, random.below(2));
    expect({ ...told(again), replayed: again.headers['idempotent-replayed'] }).toEqual({
      ...told(request.answer!),
      replayed: 'true',
    });
  }

  /** Each key has done what it was told to have done, once; nothing was reversed beyond its amount. */
  async function audit({ name, words }: Owner, counts: Counts): Promise<void> {
    const all: any[] = [];
    for (let total = 1; all.length < total;) {
      const { body } = await admins[0]!.get(`${words.base}/transactions`, {
        account: name,
        limit: 200,
        offset: all.length,
      });
      all.push(...body.data);
      total = body.meta.total;
    }
    const byKey = new Map<string, any[]>();
    for (const entry of all)
      if (entry.idempotency_key) byKey.set(entry.idempotency_key, [...(byKey.get(entry.idempotency_key) ?? []), entry]);
    for (const { owner, path, key, answer } of requests) {
      const { status, text, body } = answer!;
      if (owner.name !== name) continue;
      expect([200, 201, 400, 402, 404, 409]).toContain(status);
      counts.acknowledged += 1;
      const made = byKey.get(key) ?? [];
      const isHold = path === HOLDS || path.endsWith('/release');
      const due = status !== 201 || isHold ? 0 : path.endsWith('/extend') ? 2 : 1;
      if (made.length > due) counts.doubled += 1;
      if (made.length < due) counts.lost += 1;
      if (due === 1) expect({ text, amount: made[0]?.amount }).toEqual({ text, amount: body.data.amount });
    }
    const whole = (amount: number) => Math.round(amount / words.smallest);
    for (const { id, type, amount, reversed = 0 } of all) {
      const back = all.filter(({ reverses }) => reverses === id).map((entry) => Math.abs(whole(entry.amount)));
      const sum = back.reduce((total, each) => total + each, 0);
      expect({ id, reversed: whole(reversed) }).toEqual({ id, reversed: sum });
      if (type === words.spendType && sum > Math.abs(whole(amount))) counts.doubled += 1;
    }
    expect(all.filter(({ balance_after }) => balance_after < 0)).toEqual([]);
  }
});
