import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { migrate, Transactions } from '../../src/common/database/index.js';
import type { Job } from '../../src/common/jobs/worker.js';
import { type AccountName, type Spend, USAGE_DIMENSIONS } from '../../src/ledger/domain/index.js';
import { Lanes, LedgerMetrics, UsageReader, UsageRollup, UsageStore, verifyLedger } from '../../src/ledger/index.js';
import { accountId, LEDGER_ENTITIES, LedgerStore } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { connectTo, expectVerified, ledgerCommand } from '../support/ledger.js';
import { funding, operationOn, spending } from '../support/posting.js';
import { type Server, startServer } from '../support/server.js';
import { newName } from '../support/words.js';

const DAYS = [{ grain: 'day', low: 0, high: 100_000 }] as const;

describeEachDatabase((database) => {
  let dataSource: DataSource;
  let transactions: Transactions;

  beforeAll(async () => {
    dataSource = await connectTo(database, LEDGER_ENTITIES);
    await migrate(dataSource);
    transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
  });
  afterAll(async () => {
    await transactions?.onApplicationShutdown();
    await dataSource?.destroy();
  });

  /** A process: its lanes, and the jobs of its rollup, which run when the test says so. */
  function start() {
    const lanes = new Lanes(transactions, new LedgerStore(dataSource), new LedgerMetrics({ enabled: false } as never));
    const jobs: Job[] = [];
    const add = (_: unknown, job: Job) => void jobs.push(job);
    const store = new UsageStore(dataSource, transactions);
    new UsageRollup(lanes, transactions, store, { enabled: false } as never, { add } as never);
    const submit = (name: AccountName, action: Spend | ReturnType<typeof funding>) =>
      lanes.submit({ operations: [operationOn(name, action)] });
    const fund = (name: AccountName) => submit(name, funding(1_000_000));
    const spend = (name: AccountName, ...spent: Partial<Spend>[]) =>
      Promise.all(spent.map((more) => submit(name, spending(Number(more.amount ?? 1), more))));
    const runs = async ({ work }: Job) => {
      while (await work());
    };
    return { lanes, store, fund, spend, keepUp: () => runs(jobs[0]!), repair: () => runs(jobs[1]!) };
  }

  async function watermark(name: AccountName): Promise<number> {
    const [row] = await dataSource.query<{ watermark: number | string }[]>(
      'SELECT watermark FROM usage_watermark WHERE account_id = ?',
      [accountId(name)],
    );
    return Number(row?.watermark ?? 0);
  }

  /** What a question about an account is answered with. */
  async function asked(name: AccountName, dimension: (typeof USAGE_DIMENSIONS)[number] = 'type', limit = 1_000) {
    const read = await new UsageReader(dataSource).read(name, dimension, DAYS);
    return read.usage({ from: 0, to: 1 }, 'total', limit);
  }

  const times = (length: number, of: (i: number) => Partial<Spend>) => Array.from({ length }, (_, i) => of(i));

  it('sums up in steps what its process has written, and answers the same before, between and after them', async () => {
    const name = 'USD user:steps';
    const { fund, spend, keepUp, lanes, store } = start();
    await fund(name);
    const usage = JSON.stringify({ input: 2 ** 40, output: 3, service_tier: 'batch' });
    for (let i = 0; i < 4; i++) await spend(name, ...times(700, (j) => ({ runId: `run-${i}-${j}`, usage })));
    const answer = async () => {
      const { total, totals } = await asked(name, 'run_id');
      const { quantities } = (await asked(name)).totals[0]!.tally;
      return { amount: total.amount, count: total.count, quantities, values: totals.length };
    };
    const must = {
      ...{ amount: 2_800n, count: 2_800, values: 1_000 },
      quantities: [
        ['input', 2_800n * 2n ** 40n],
        ['output', 8_400n],
      ],
    };
    expect(await answer()).toEqual(must);
    const step = store.step.bind(store);
    const marks: number[] = [];
    store.step = async (ids) => {
      const done = await step(ids);
      marks.push(await watermark(name));
      expect(await answer()).toEqual(must);
      return done;
    };
    await keepUp();
    expect(marks.length).toBeGreaterThan(1);
    expect(marks.at(-1)).toBe(2_801);
    expect(lanes.used.size).toBe(0);
    await verifyLedger(dataSource);
  });

  it('lets others work between the pages of a big question', async () => {
    const name = 'USD user:big';
    const { fund, spend, store, keepUp } = start();
    await fund(name);
    const usage = JSON.stringify({ input: 1, output: 2, requests: 3 });
    await spend(name, ...times(3_500, (i) => ({ runId: `run-${i}`, usage })));
    await keepUp();
    for (const when of ['today', 'before today']) {
      let [turns, isDone] = [0, false];
      const others = (async () => {
        for (; !isDone; turns++) await setImmediate();
      })();
      const { totals, rest, total } = await asked(name, 'run_id');
      isDone = true;
      await others;
      expect([when, total.amount, totals.length, rest?.count]).toEqual([when, 3_500n, 1_000, 2_500]);
      expect(totals[0]!.tally.quantities.sort()).toEqual(Object.entries({ input: 1n, output: 2n, requests: 3n }));
      expect(turns).toBeGreaterThanOrEqual(6);
      await dataSource.query("UPDATE usage_sum SET bucket = bucket - 1 WHERE grain = 'day' AND account_id = ?", [
        accountId(name),
      ]);
    }
    await store.rebuild(accountId(name));
  });

  it('answers of one moment, although sums and watermark move on between the pages', async () => {
    const name = 'USD user:moving';
    const { fund, spend, store } = start();
    await fund(name);
    const usage = JSON.stringify({ input: 1, output: 2 });
    const both = ['a', 'z'].map((runId) => ({ runId, usage }));
    await spend(name, ...times(1_500, (i) => ({ runId: `run-${i}`, usage })), ...both);
    await store.step([accountId(name)]);
    const query = dataSource.query.bind(dataSource);
    let moved = 0;
    dataSource.query = async <T>(sql: string, values?: any[]): Promise<T> => {
      const rows = await query<T>(sql, values);
      if (sql.includes('LEFT JOIN usage_sum')) {
        await spend(name, ...both, { runId: `new-${moved}`, usage }, { runId: `zero-${moved}`, usage });
        await store.step([accountId(name)]);
        moved += 1;
      }
      return rows;
    };
    try {
      const { totals, rest, total } = await asked(name, 'run_id', 10);
      const sums = totals.slice(0, 2).map(({ value, tally }) => [value, tally.count, tally.amount, tally.quantities]);
      const count = 1 + moved - 1;
      const quantities = [
        ['input', BigInt(count)],
        ['output', BigInt(2 * count)],
      ];
      expect(moved).toBeGreaterThan(2);
      expect(sums).toEqual(['a', 'z'].map((value) => [value, count, BigInt(count), quantities]));
      expect(total.count).toBe(1_500 + 2 + 4 * (moved - 1));
      expect(total.amount).toBe(BigInt(total.count));
      expect(totals.reduce((sum, { tally }) => sum + tally.count, rest!.count)).toBe(total.count);
    } finally {
      dataSource.query = query;
    }
    await verifyLedger(dataSource);
  });

  it('keeps values apart that a database may take for one', async () => {
    const name = 'USD user:values';
    const { fund, spend, keepUp } = start();
    await fund(name);
    const models = [null, 'x', 'X', 'x ', 'x  ', 'x.', 'é', 'e\u0301', 'É'];
    await spend(name, ...models.map((model) => ({ model })));
    await keepUp();
    await spend(name, ...models.map((model) => ({ model })));
    for (const when of ['with a tail', 'summed up']) {
      const { totals } = await asked(name, 'model');
      expect({ when, values: new Map(totals.map(({ value, tally }) => [value, tally.count])) }).toEqual({
        when,
        values: new Map(models.map((model) => [model, 2])),
      });
      await keepUp();
    }
    await verifyLedger(dataSource);
  });

  it('finds what a crash has left, and what another process has', async () => {
    const names: AccountName[] = ['USD user:crashed', 'USD user:left'];
    const gone = start();
    for (const name of names) {
      await gone.fund(name);
      await gone.spend(name, {}, {});
    }
    const after = start();
    await dataSource.query('UPDATE follow_lease SET next_at = 0');
    await after.repair();
    await after.keepUp();
    for (const name of names) expect(await watermark(name)).toBe(3);
    await verifyLedger(dataSource);
  });

  it('is done by several processes at once, and no entry is counted twice', async () => {
    const names = Array.from({ length: 6 }, (_, i): AccountName => `USD user:shared-${i}`);
    const processes = [start(), start(), start()];
    await Promise.all(names.map((name) => processes[0]!.fund(name)));
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        processes.flatMap(({ spend, store }) => [
          ...names.map((name) => spend(name, ...times(4, (i) => ({ agent: `agent-${i}` })))),
          store.step(names.map(accountId)),
        ]),
      );
      for (const name of names) expect((await asked(name)).total.count).toBe((round + 1) * 12);
    }
    await Promise.all(processes.map(({ keepUp }) => keepUp()));
    for (const name of names) expect(await watermark(name)).toBe(61);
    await verifyLedger(dataSource);
  });

  it('takes up again what a failure has interrupted', async () => {
    const name = 'USD user:failed';
    const { fund, spend, keepUp, lanes } = start();
    await fund(name);
    await spend(name, {});
    await dataSource.query('ALTER TABLE usage_sum RENAME TO usage_sum_away');
    await expect(keepUp()).rejects.toThrow(/usage_sum/);
    await dataSource.query('ALTER TABLE usage_sum_away RENAME TO usage_sum');
    expect([await watermark(name), lanes.used.size]).toEqual([0, 1]);
    await keepUp();
    expect(await watermark(name)).toBe(2);
    await verifyLedger(dataSource);
  });

  it('is divergent when a sum is not that of the entries, and is made anew from them', async () => {
    const name = 'USD user:tampered';
    const { fund, spend, keepUp, store } = start();
    await fund(name);
    await spend(name, { model: 'm', usage: JSON.stringify({ meter: 'second', quantity: 0.5 }) }, { agent: 'a' });
    await keepUp();
    await spend(name, {});
    const before = (await asked(name)).total;
    const id = accountId(name);
    const changes: [sql: string, named: RegExp][] = [
      ['UPDATE usage_sum SET units = units + 1 WHERE account_id = ?', /its usage by .* is .*, its entries make/],
      ['UPDATE usage_sum SET count = count + 1 WHERE account_id = ?', /its usage by .* is .*, its entries make/],
      ["DELETE FROM usage_sum WHERE dimension = 'agent' AND account_id = ?", /its usage by agent .* is missing/],
      ['UPDATE usage_sum SET bucket = 1 WHERE account_id = ?', /its usage by .* is missing/],
      ["UPDATE usage_sum SET value = 'b.' WHERE value = 'a.' AND account_id = ?", /its usage by agent "b"/],
      ['UPDATE usage_watermark SET watermark = 2 WHERE account_id = ?', /its usage by/],
      ['UPDATE usage_watermark SET watermark = 9 WHERE account_id = ?', /summed up to entry 9, its last entry is 4/],
      ['DELETE FROM usage_watermark WHERE account_id = ?', /sums of usage, its entries make 0/],
    ];
    for (const [sql, named] of changes) {
      await dataSource.query(sql, [id]);
      await expect(verifyLedger(dataSource, 'user:tampered')).rejects.toThrow(named);
      await store.rebuild(id);
      await verifyLedger(dataSource, 'user:tampered');
      const { total, totals } = await asked(name);
      expect([total.amount, total.count]).toEqual([before.amount, before.count]);
      expect(totals[0]!.tally.quantities).toEqual([['meter:second', 500_000n]]);
    }
    await dataSource.query(changes[0]![0], [id]);
    const { code, output } = await ledgerCommand('rebuild-totals', database, '--usage', '--account', 'user:tampered');
    expect([code, output]).toEqual([0, 'The usage of 1 accounts was summed up anew.\n']);
    await verifyLedger(dataSource, 'user:tampered');
  });

  it('is exact after its server was killed in the midst, more than once', async () => {
    const sub = newName();
    let [sent, done] = [0, 0];
    const begin = () => startServer({ DATABASE_URL: database.url }, ['test/support/short-intervals.mjs']);
    const count = async (server: Server) =>
      (await (await server.clientFor({ sub })).get('/api/credits/usage', { group_by: 'run_id' })).body.data.total.count;
    let server = await begin();
    try {
      const admin = await server.clientFor({ sub: 'root', admin: true });
      const body = { amount: 1_000_000, description: 'in', account: `user:${sub}` };
      expect((await admin.post('/api/credits/deposit', body)).status).toBe(201);
      for (let round = 0; round < 3; round++) {
        const client = await server.clientFor({ sub });
        const spend = async (): Promise<void> => {
          const body = { amount: 0.5, description: 'x', run_id: `run-${sent++ % 50}` };
          const answer = await client.post('/api/credits/debit', body).catch(() => undefined);
          if (answer === undefined) return;
          expect(answer.status).toBe(201);
          done += 1;
          await spend();
        };
        const running = Promise.all(Array.from({ length: 16 }, spend));
        const reached = await watermark(`USD user:${sub}`);
        await eventually(async () => expect(await watermark(`USD user:${sub}`)).toBeGreaterThan(reached + 200));
        await server.stop('SIGKILL');
        await running;
        server = await begin();
        expect(await count(server)).toBeGreaterThanOrEqual(done);
        expect(await count(server)).toBeLessThanOrEqual(sent);
      }
      const { balance } = (await (await server.clientFor({ sub })).get('/api/credits/balance')).body.data;
      const entries = 1 + (1_000_000 - balance) / 0.5;
      expect(await count(server)).toBe(entries - 1);
      await eventually(async () => expect(await watermark(`USD user:${sub}`)).toBe(entries));
      expect(await count(server)).toBe(entries - 1);
    } finally {
      await server.stop();
    }
    await expectVerified(database);
  });
});
