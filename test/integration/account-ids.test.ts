import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { migrate, Transactions } from '../../src/common/database/index.js';
import { type AccountName, emptyAccount } from '../../src/ledger/domain/index.js';
import { Lanes, LedgerMetrics } from '../../src/ledger/index.js';
import { accountId, AccountRow, bucketOf, LEDGER_ENTITIES, LedgerStore, PROBES } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { operationOn, posting } from '../support/posting.js';

// Two names with one id are one in 2^40, too rare to be found: so a stranger is put where another name's account
// belongs.
describeEachDatabase((database) => {
  let dataSource: DataSource;
  let transactions: Transactions;
  let store: LedgerStore;

  beforeAll(async () => {
    dataSource = await connectTo(database, LEDGER_ENTITIES);
    await migrate(dataSource);
    transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
    store = new LedgerStore(dataSource);
  });
  afterAll(async () => {
    await transactions?.onApplicationShutdown();
    await dataSource?.destroy();
  });

  const idsOf = (...names: AccountName[]) => transactions.run((tx) => store.accountIds(tx, names));
  const names = (ids: number[]) =>
    Promise.all(
      ids.map(async (id) =>
        (({ unit, owner }) => `${unit} ${owner}`)(await dataSource.getRepository(AccountRow).findOneByOrFail({ id })),
      ),
    );
  /** Takes the first ids of a name. */
  async function occupy(name: AccountName, count = 1): Promise<void> {
    for (let probe = 0; probe < count; probe++) {
      const id = accountId(name, probe);
      await dataSource.getRepository(AccountRow).insert({ ...emptyAccount(id, 1, `USD user:stranger-${id}`) });
    }
  }

  it('makes an account that is missing under its own id, and finds it again', async () => {
    const wanted: AccountName[] = ['USD user:plain', 'tokens user:plain', 'USD org:plain'];
    expect(await idsOf(...wanted)).toEqual(wanted.map((name) => accountId(name)));
    expect(await idsOf(...wanted)).toEqual(wanted.map((name) => accountId(name)));
    expect(await names(await idsOf(...wanted))).toEqual(wanted);
  });

  it("gives the later of two names with one id the next one, in its owner's bucket, and finds it there again", async () => {
    const name = 'USD user:later';
    await occupy(name);
    const [id] = (await idsOf(name)) as [number];
    expect(id).toBe(accountId(name, 1));
    expect(bucketOf(id)).toBe(bucketOf(accountId(name)));
    expect(await idsOf(name)).toEqual([id]);
    expect(await names([id])).toEqual([name]);
  });

  it('goes on to the third, next to names that have their own', async () => {
    const wanted: AccountName[] = ['USD user:before', 'USD user:third', 'USD user:after'];
    await occupy('USD user:third', 2);
    const must = [accountId('USD user:before'), accountId('USD user:third', 2), accountId('USD user:after')];
    expect(await idsOf(...wanted)).toEqual(must);
    expect(await idsOf(...wanted)).toEqual(must);
  });

  it('finds the later one where it is when the earlier one has gone', async () => {
    const name = 'USD user:stayed';
    await occupy(name);
    const ids = await idsOf(name);
    await dataSource.getRepository(AccountRow).delete({ id: accountId(name) });
    expect(await idsOf(name)).toEqual(ids);
  });

  it('gives up rather than take an id of another', async () => {
    const name = 'USD user:crowded';
    await occupy(name, PROBES);
    await expect(idsOf(name)).rejects.toThrow('no id is free for USD user:crowded');
    expect(await dataSource.getRepository(AccountRow).countBy({ owner: 'user:crowded' })).toBe(0);
  });

  it('makes one account of many that are asked for at once', async () => {
    const wanted = Array.from({ length: 20 }, (_, i): AccountName => `USD user:at-once-${i}`);
    const found = await Promise.all(
      Array.from({ length: 8 }, (_, i) => idsOf(...wanted.slice(i), ...wanted.slice(0, i))),
    );
    for (const ids of found) expect([...ids].sort()).toEqual(wanted.map((name) => accountId(name)).sort());
  });

  it('writes what is meant for the later one to the later one', async () => {
    const name = 'USD user:posted';
    await occupy(name);
    const lanes = new Lanes(transactions, store, new LedgerMetrics({ enabled: false } as never));
    for (let i = 1; i <= 4; i++)
      expect(await lanes.submit({ operations: [operationOn(name, posting(10))] })).toMatchObject([
        { outcome: { status: 'posted', entry: { accountId: accountId(name, 1), sequence: i, balanceAfter: 10 * i } } },
      ]);
    expect(await dataSource.getRepository(AccountRow).findOneByOrFail({ id: accountId(name) })).toMatchObject({
      balance: 0,
      sequence: 0,
    });
    await lanes.onApplicationShutdown();
  });
});
