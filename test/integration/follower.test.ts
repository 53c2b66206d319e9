import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { migrate, Transactions } from '../../src/common/database/index.js';
import type { Job } from '../../src/common/jobs/worker.js';
import { type AccountName, dayOf } from '../../src/ledger/domain/index.js';
import { Follower, Lanes, LedgerMetrics, OverviewStore, verifyLedger } from '../../src/ledger/index.js';
import { accountId, LEDGER_ENTITIES, LedgerStore, LookupRow, OverviewRow } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { operationOn, posting } from '../support/posting.js';

const ALL = 0;

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

  /** A process: its lanes, its follower, and the follower's jobs, which run when the test says so. */
  function start() {
    const lanes = new Lanes(transactions, new LedgerStore(dataSource), new LedgerMetrics({ enabled: false } as never));
    const jobs: Job[] = [];
    const add = (_: unknown, job: Job) => void jobs.push(job);
    const follower = new Follower(
      lanes,
      transactions,
      new OverviewStore(dataSource),
      { enabled: false } as never,
      { add } as never,
    );
    const post = async (name: AccountName, ...amounts: number[]) => {
      await Promise.all(amounts.map((amount) => lanes.submit({ operations: [operationOn(name, posting(amount))] })));
    };
    const runs = async ({ work }: Job) => {
      while (await work());
    };
    return { lanes, follower, post, keepUp: () => runs(jobs[0]!), repair: () => runs(jobs[1]!) };
  }

  const overview = (name: AccountName) => dataSource.manager.findOneBy(OverviewRow, { accountId: accountId(name) });
  /** The numbers of the entries that can be looked up among all. */
  async function lookedUp(name: AccountName): Promise<number[]> {
    const where = { accountId: accountId(name), hash: ALL };
    const rows = await dataSource.manager.find(LookupRow, { where, order: { last: 'asc' } });
    return rows.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
  }
  const upTo = (length: number) => Array.from({ length }, (_, i) => i + 1);
  async function expectFollowed(name: AccountName, entries: number): Promise<void> {
    expect(await overview(name)).toMatchObject({ watermark: entries });
    expect(await lookedUp(name)).toEqual(upTo(entries));
    await verifyLedger(dataSource);
  }

  it('follows what its process has written, once', async () => {
    const name = 'USD user:followed';
    const { post, follower, keepUp, lanes } = start();
    await post(name, 100, -10, -20);
    expect(await overview(name)).toBeNull();
    await follower.flush();
    expect(await overview(name)).toMatchObject({
      balance: 70,
      debt: 0,
      spent: 30,
      owner: 'user:followed',
      unit: 'USD',
    });
    await expectFollowed(name, 3);
    await post(name, -5);
    await keepUp();
    expect(await overview(name)).toMatchObject({ balance: 65, spent: 35 });
    for (let times = 0; times < 2; times++) {
      lanes.written.remember(accountId(name));
      await follower.flush();
      await expectFollowed(name, 4);
    }
  });

  it('follows in parts what is too much for one transaction', async () => {
    const name = 'USD user:long';
    const { post, follower } = start();
    await post(name, 10_000, ...Array.from({ length: 700 }, () => -1));
    await follower.flush();
    expect(await overview(name)).toMatchObject({ balance: 9_300, spent: 700 });
    await expectFollowed(name, 701);
  });

  it('finds at the next start what a crash has left', async () => {
    const name = 'USD user:crashed';
    const before = start();
    await before.post(name, 100, -1);
    await before.follower.flush();
    await before.post(name, -1, -1);
    // Nobody follows the last two: the process has ended.
    const after = start();
    await after.follower.flush();
    expect(await overview(name)).toMatchObject({ watermark: 2 });
    await after.repair();
    await after.keepUp();
    await expectFollowed(name, 4);
  });

  it('finds it in another process, of which one looks at a time', async () => {
    const name = 'USD user:left';
    const [gone, one, other] = [start(), start(), start()];
    await one.repair();
    await other.repair();
    await gone.post(name, 100, -1);
    await one.repair();
    await one.follower.flush();
    expect(await overview(name)).toBeNull();
    await dataSource.query('UPDATE follow_lease SET next_at = 0');
    await other.repair();
    await one.repair();
    expect([one.lanes.written.size, other.lanes.written.size]).toEqual([0, 1]);
    await other.keepUp();
    await expectFollowed(name, 2);
  });

  it('is done by several processes at once, and each entry is found once', async () => {
    const names = Array.from({ length: 10 }, (_, i): AccountName => `USD user:shared-${i}`);
    const processes = [start(), start(), start()];
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        processes.flatMap(({ post, follower }) => [...names.map((name) => post(name, 5, 5, 5)), follower.flush()]),
      );
    }
    await Promise.all(processes.map(({ follower }) => follower.flush()));
    for (const name of names) await expectFollowed(name, 45);
  });

  it('takes up again what a failure has interrupted', async () => {
    const name = 'USD user:failed';
    const { post, follower } = start();
    await post(name, 7);
    await dataSource.query('ALTER TABLE entry_lookup RENAME TO entry_lookup_away');
    await expect(follower.flush()).rejects.toThrow(/entry_lookup/);
    await dataSource.query('ALTER TABLE entry_lookup_away RENAME TO entry_lookup');
    expect(await overview(name)).toBeNull();
    await follower.flush();
    await expectFollowed(name, 1);
  });

  it('lets spending go that is older than thirty days', async () => {
    const name = 'USD user:old';
    const { post, follower, repair, keepUp } = start();
    await post(name, 100, -30);
    await follower.flush();
    const today = dayOf(Date.now());
    expect(await overview(name)).toMatchObject({ spent: 30, rollsOn: today + 30 });
    // As it would be thirty days later.
    const where = [today - 30, accountId(name)];
    await dataSource.query('UPDATE daily_total SET day = ? WHERE account_id = ?', where);
    await dataSource.query('UPDATE account_overview SET rolls_on = ? WHERE account_id = ?', [today, where[1]]);
    await dataSource.query('UPDATE follow_lease SET next_at = 0');
    await repair();
    await keepUp();
    expect(await overview(name)).toMatchObject({ spent: 0, rollsOn: null });
    await dataSource.query('UPDATE daily_total SET day = ? WHERE account_id = ?', [dayOf(Date.now()), where[1]]);
  });

  it('can be made again from nothing', async () => {
    const watermarks = async () => {
      const rows = await dataSource.manager.find(OverviewRow, { order: { accountId: 'asc' } });
      return rows.map(({ accountId: id, watermark, createdAt }) => ({ id, watermark, createdAt }));
    };
    const before = await watermarks();
    expect(before.length).toBeGreaterThan(10);
    await dataSource.query('DELETE FROM entry_lookup');
    await dataSource.query('DELETE FROM account_overview');
    const { repair, keepUp } = start();
    await repair();
    await keepUp();
    expect(await watermarks()).toEqual(before);
    expect(await lookedUp('USD user:long')).toEqual(upTo(701));
    await verifyLedger(dataSource);
  });

  it('is divergent when it is ahead of its account', async () => {
    const name = 'USD user:ahead';
    const { post, follower } = start();
    await post(name, 7);
    await follower.flush();
    const set = (column: string, value: number) =>
      dataSource.query(`UPDATE account_overview SET ${column} = ? WHERE account_id = ?`, [value, accountId(name)]);
    await set('balance', 8);
    await expect(verifyLedger(dataSource)).rejects.toThrow(/its overview has the balance 8/);
    await set('balance', 7);
    await set('watermark', 2);
    await expect(verifyLedger(dataSource)).rejects.toThrow(/its overview is at entry 2/);
    await set('watermark', 1);
    await verifyLedger(dataSource);
  });
});
