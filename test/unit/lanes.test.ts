import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { AccountName, Action, Answer } from '../../src/ledger/domain/index.js';
import type { Submission } from '../../src/ledger/engine/submission.js';
import { LedgerUnavailable } from '../../src/ledger/engine/errors.js';
import { accountId, BUCKETS, bucketOf } from '../../src/ledger/store/account-id.js';
import type { Process, World } from '../support/lane-world.js';
import { FOR_NOTHING, funding, operationOn, posting, stored } from '../support/posting.js';
import { Random } from '../support/random.js';

let world: World;
jest.unstable_mockModule('node:timers/promises', () => ({
  setTimeout: () => world.pause(),
  setImmediate: () => world.pause(),
}));
const { NO_FAULTS, POISON, Process: Server, World: NewWorld } = await import('../support/lane-world.js');
const { BATCH, QUEUE, SHARE } = await import('../../src/ledger/engine/lane.js');

/** Accounts of the first of four lanes. */
const [FLOOD, SINGLE, OTHER] = Array.from({ length: 100 }, (_, i): AccountName => `USD user:${i}`).filter(
  (name) => bucketOf(accountId(name)) < BUCKETS / 4,
) as [AccountName, AccountName, AccountName];

const deposit = (account: AccountName, description: string, amount = 1) =>
  operationOn(account, posting(amount, { description }));
const single = (account: AccountName, description = 'x'): Submission => ({
  operations: [deposit(account, description)],
});
const group = (account: AccountName, size: number): Submission => ({
  operations: [
    operationOn(account, { kind: 'claim' }),
    ...Array.from({ length: size }, (_, i) => deposit(account, `#${i}`)),
  ],
});

describe('a lane', () => {
  let server: Process;
  /** What was answered, in the order in which it was. */
  let told: { name: string; answers?: readonly Answer[]; error?: Error & { code?: string }; after: number }[];
  let asked: number;

  // What it says of a database that is away would be many lines.
  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    world = new NewWorld(new Random(1));
    jest.spyOn(Date, 'now').mockImplementation(() => world.now);
    server = await Server.start(world);
    [told, asked] = [[], 0];
  });
  afterEach(() => void jest.restoreAllMocks());

  function send(name: string, submission: Submission): void {
    asked += 1;
    server.lanes.submit(submission).then(
      (answers) => told.push({ name, answers, after: world.committed.length }),
      (error: Error) => told.push({ name, error, after: world.committed.length }),
    );
  }
  const settle = () => world.run(() => told.length === asked);
  const answerOf = (name: string) => told.find((each) => each.name === name)!;
  const refused = () => told.filter(({ error }) => error instanceof LedgerUnavailable).length;
  const failed = () => told.filter(({ error }) => error && !(error instanceof LedgerUnavailable));
  const entries = (account: AccountName) => world.tables.entriesOf(accountId(account));

  it('takes what arrives during a transaction as the next batch, bounded, in order', async () => {
    for (let i = 0; i < 3 * BATCH; i++) send(`#${i}`, single(FLOOD, `#${i}`));
    await settle();
    // The first one waits for nobody.
    expect(world.committed.map(({ entries }) => entries.length)).toEqual([1, BATCH, BATCH, BATCH - 1]);
    expect(told.map(({ name }) => name)).toEqual(Array.from({ length: 3 * BATCH }, (_, i) => `#${i}`));
    expect(entries(FLOOD).map(({ description }) => description)).toEqual(told.map(({ name }) => name));
  });

  it("answers another account's single operation with the next batch, however many of one account wait before it", async () => {
    for (let i = 0; i < SHARE; i++) send(`#${i}`, single(FLOOD));
    send('single', single(SINGLE));
    await settle();
    expect(told.filter(({ error }) => error)).toEqual([]);
    // The second batch is the first that could have it in.
    expect(answerOf('single').after).toBeLessThanOrEqual(2);
    expect(told.findIndex(({ name }) => name === 'single')).toBeLessThanOrEqual(BATCH + 1);
  });

  it('takes several accounts in turn, so that none waits for all of another', async () => {
    for (const account of [FLOOD, SINGLE, OTHER]) for (let i = 0; i < 2 * BATCH; i++) send(account, single(account));
    await settle();
    for (const [i, { entries }] of world.committed.slice(1, -1).entries()) {
      const shares = new Map<number, number>();
      for (const { accountId } of entries) shares.set(accountId, (shares.get(accountId) ?? 0) + 1);
      expect({ i, shares: [...shares.values()].every((share) => share > BATCH / 3 - 2) }).toEqual({ i, shares: true });
    }
  });

  it('refuses what goes beyond its bound with OVERLOADED, and answers all that it took', async () => {
    for (let i = 0; i < SHARE + 100; i++) send('x', single(FLOOD));
    await settle();
    // The one that is being written no longer waits.
    expect(refused()).toBe(99);
    expect(entries(FLOOD)).toHaveLength(SHARE + 1);
  });

  it('leaves room for others when one account has filled its share', async () => {
    for (let i = 0; i < 2 * SHARE; i++) send('flood', single(FLOOD));
    send('single', single(SINGLE));
    await settle();
    expect(answerOf('single')).toMatchObject({ answers: [{ outcome: { status: 'posted' } }] });
    expect(answerOf('single').after).toBeLessThanOrEqual(2);
  });

  it('counts operations and not requests, so that large groups do not wait without a bound', async () => {
    for (let i = 0; i < 100; i++) send('group', group(FLOOD, 999));
    await settle();
    const taken = told.filter(({ answers }) => answers).length;
    expect(taken).toBe(1 + SHARE / 1_000);
    expect(refused()).toBe(100 - taken);
    for (const { entries } of world.committed) expect(entries).toHaveLength(999);
  });

  it('is bounded however many accounts there are', async () => {
    for (let i = 0; i < 8 * QUEUE; i += 100) send('x', group(`USD user:${i}`, 99));
    await settle();
    expect(refused()).toBeGreaterThan(0);
    expect(told.length - refused()).toBeLessThanOrEqual((4 * (QUEUE + BATCH)) / 100);
  });

  it('finds the one that the database can not take by halving; it fails alone', async () => {
    for (let i = 0; i <= 400; i++) send(`#${i}`, single(i % 2 ? FLOOD : SINGLE, i === 123 ? POISON : `#${i}`));
    await settle();
    expect(failed()).toMatchObject([{ name: '#123', error: { code: 'ER_DATA_TOO_LONG' } }]);
    expect(world.tables.entries()).toHaveLength(400);
    expect(world.tables.problems()).toEqual([]);
    // The halves of the halves: about the logarithm, not one by one.
    expect(world.committed.length).toBeLessThanOrEqual(2 + 2 * Math.ceil(Math.log2(400)));
  });

  it('finds the account that loses every fence by halving; it alone is given up, and the others are written', async () => {
    for (const account of [FLOOD, SINGLE, OTHER]) send(account, single(account));
    await settle();
    // As a torn transaction would leave it: in the place where the account's next entry belongs.
    const [first] = entries(FLOOD);
    world.tables.plant({ ...first!, sequence: 2 });
    const begun = world.trips;
    for (let i = 0; i < 100; i++) for (const account of [FLOOD, SINGLE, OTHER]) send(account, single(account));
    await settle();
    expect(failed()).toEqual([]);
    expect(told.filter(({ error }) => error).map(({ name }) => name)).toEqual(Array.from({ length: 100 }, () => FLOOD));
    for (const account of [SINGLE, OTHER]) expect(entries(account)).toHaveLength(101);
    // Few attempts each, though every half of those that fail is tried.
    expect(world.trips - begun).toBeLessThan(3_000);
  });

  it('answers OVERLOADED while the database is away, and works when it is back', async () => {
    world.faults = { ...NO_FAULTS, away: true };
    for (let i = 0; i < 10; i++) send('away', single(FLOOD));
    await settle();
    expect(refused()).toBe(10);
    world.faults = NO_FAULTS;
    send('back', single(FLOOD));
    await settle();
    expect(answerOf('back').answers).toMatchObject([{ outcome: { status: 'posted', entry: { sequence: 1 } } }]);
  });

  it('drains: whoever stops it waits for all that it took', async () => {
    for (let i = 0; i < 2_000; i++) send('x', single(FLOOD));
    let stopped = false;
    void server.lanes.onApplicationShutdown().then(() => (stopped = true));
    await world.run(() => stopped);
    expect(told).toHaveLength(2_000);
    expect(told.filter(({ error }) => error)).toEqual([]);
  });

  describe('that remembers accounts', () => {
    let other: Process;
    beforeEach(async () => {
      other = await Server.start(world);
    });

    /** What one action comes to, and how many round trips it took. */
    async function act(by: Process, action: Action, key?: string) {
      const before = world.trips;
      let answers: readonly Answer[] | undefined;
      void by.lanes.submit({ operations: [operationOn(FLOOD, action, { key })] }).then((given) => (answers = given));
      await world.run(() => answers !== undefined);
      const [{ outcome, ...answer }] = answers as [Answer];
      const status = outcome === 'key-reused' ? outcome : outcome.status;
      return { status, trips: world.trips - before, replayed: 'replayed' in answer && answer.replayed };
    }
    const ask = (by: Process, amount: number, key?: string) => act(by, posting(amount), key);
    const posted = (trips: number) => ({ status: 'posted', trips, replayed: false });

    it('asks twice, and from then on only writes, as long as nobody else does', async () => {
      await ask(server, 1);
      expect(await ask(server, 1)).toEqual(posted(2));
      expect(await ask(server, 1)).toEqual(posted(1));
      expect(await ask(server, -1, 'k')).toEqual(posted(1));
      await ask(other, 1);
      expect(await ask(server, 1)).toEqual(posted(3));
      expect(await ask(server, 1)).toEqual(posted(2));
      expect(await ask(server, 1)).toEqual(posted(1));
      expect(world.tables.problems()).toEqual([]);
    });

    it('opens, captures and releases holds that it remembers with one round trip each, as long as nobody else writes the account', async () => {
      const hold = (number: number) => ({ accountId: accountId(FLOOD), number });
      const open = {
        kind: 'open',
        amount: stored(10),
        description: null,
        metadata: null,
        ...FOR_NOTHING,
        expiresIn: 60_000,
      } as const;
      const capture = (number: number, final = false) =>
        ({
          kind: 'capture',
          hold: hold(number),
          type: 'debit',
          amount: stored(1),
          final,
          description: null,
          model: null,
        }) as const;
      const held = { status: 'held', trips: 1, replayed: false };
      for (let i = 0; i < 3; i++) await ask(server, 100);
      expect(await act(server, open)).toEqual(held);
      expect(await act(server, open)).toEqual(held);
      expect(await act(server, capture(1))).toEqual(posted(1));
      expect(await act(server, capture(1, true))).toEqual(posted(1));
      expect(await act(server, { kind: 'release', hold: hold(2) })).toEqual(held);
      // Closed holds are not remembered, and another process may have opened more.
      expect((await act(server, capture(1))).status).toBe('refused');
      expect((await act(other, open)).status).toBe('held');
      expect((await act(server, capture(3))).status).toBe('posted');
      expect((await act(other, capture(3, true))).status).toBe('posted');
      expect((await act(server, capture(3))).status).toBe('refused');
      expect(world.tables.problems()).toEqual([]);
    });

    it('does not spend what another process has spent', async () => {
      for (let i = 0; i < 3; i++) await ask(server, 1);
      expect((await ask(other, -3)).status).toBe('posted');
      expect((await ask(server, -1)).status).toBe('refused');
    });

    it('refuses nothing that another process has made possible', async () => {
      for (const amount of [1, 1, -2]) await ask(server, amount);
      await ask(other, 5);
      expect((await ask(server, -5)).status).toBe('posted');
    });

    it('has one effect for a key that it did not look for', async () => {
      for (let i = 0; i < 3; i++) await ask(server, 1);
      expect(await ask(server, 1, 'k')).toEqual(posted(1));
      expect(await ask(server, 1, 'k')).toMatchObject({ status: 'posted', replayed: true });
      expect(await ask(server, 2)).toMatchObject({ status: 'posted' });
      expect(entries(FLOOD)).toHaveLength(5);
    });

    it('still remembers an account to which a hold gave something back that had expired', async () => {
      await act(server, funding(5, { expiresAt: world.now + 1_000, priority: 1 }));
      const open = { kind: 'open', description: null, metadata: null, ...FOR_NOTHING, expiresIn: 60_000 } as const;
      for (let i = 0; i < 2; i++) await act(server, { ...open, amount: stored(2) });
      world.now += 2_000;
      for (let i = 0; i < 3; i++) await ask(server, 1);
      const release = (number: number): Action => ({ kind: 'release', hold: { accountId: accountId(FLOOD), number } });
      expect(await act(server, release(1))).toMatchObject({ status: 'held', trips: 1 });
      expect(await act(server, release(2))).toMatchObject({ status: 'held', trips: 1 });
      expect(await ask(server, 1)).toEqual(posted(1));
      expect(world.tables.problems()).toEqual([]);
    });

    it('answers with the first answer under the key of a deposit that would have expired meanwhile', async () => {
      const expiring = funding(5, { expiresAt: world.now + 1_000 });
      expect((await act(server, expiring, 'k')).status).toBe('posted');
      world.now += 2_000;
      for (let i = 0; i < 3; i++) await ask(server, 1);
      // The first of them waits for nobody; the others share a batch.
      for (const name of ['first', 'second']) send(name, single(FLOOD, name));
      send('again', { operations: [operationOn(FLOOD, expiring, { key: 'k' })] });
      for (const name of ['third', 'fourth']) send(name, single(FLOOD, name));
      await settle();
      expect(answerOf('again').answers).toMatchObject([{ outcome: { status: 'posted' }, replayed: true }]);
    });

    it('remembers nothing that was not committed', async () => {
      for (let i = 0; i < 3; i++) await ask(server, 1);
      world.faults = { ...NO_FAULTS, lost: 1 };
      const lost = server.lanes.submit({ operations: [deposit(FLOOD, 'x', 100)] }).catch((error: unknown) => error);
      let told: unknown;
      void lost.then((answer) => (told = answer));
      await world.run(() => told !== undefined);
      expect(told).toBeInstanceOf(LedgerUnavailable);
      world.faults = NO_FAULTS;
      expect((await ask(server, -4)).status).toBe('refused');
      expect((await ask(server, -3)).status).toBe('posted');
    });

    it('answers what was committed when it hears of the commit only later', async () => {
      for (let i = 0; i < 3; i++) await ask(server, 1);
      world.faults = { ...NO_FAULTS, lostAfterCommit: 1 };
      let told: readonly Answer[] | undefined;
      void server.lanes.submit({ operations: [deposit(FLOOD, 'x', 7)] }).then((answers) => (told = answers));
      await world.run(() => world.committed.length === 4);
      world.faults = NO_FAULTS;
      await world.run(() => told !== undefined);
      expect(told).toMatchObject([
        { outcome: { status: 'posted', entry: { sequence: 4, amount: 7 } }, replayed: false },
      ]);
      expect(entries(FLOOD)).toHaveLength(4);
    });
  });
});
