import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { migrate, Transactions } from '../../src/common/database/index.js';
import type { Action } from '../../src/ledger/domain/index.js';
import { Lanes, LedgerMetrics } from '../../src/ledger/index.js';
import { Divergence, rebuildBooks, verifyLedger } from '../../src/ledger/proof/index.js';
import { accountId, LEDGER_ENTITIES, LedgerStore } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { FOR_NOTHING, funding, operationOn, refunding, spending, stored } from '../support/posting.js';

const HOUR = 3_600_000;
const NAME = 'USD user:victim';

describeEachDatabase((database) => {
  let dataSource: DataSource;
  beforeAll(async () => {
    let now = Date.UTC(2026, 3, 15);
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    dataSource = await connectTo(database, LEDGER_ENTITIES);
    await migrate(dataSource);
    const transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
    const lanes = new Lanes(transactions, new LedgerStore(dataSource), new LedgerMetrics({ enabled: false } as never));
    const act = async (action: Action) => {
      const [answer] = await lanes.submit({ operations: [operationOn(NAME, action)] });
      expect(answer).toMatchObject({
        outcome: { status: action.kind === 'open' || action.kind === 'release' ? 'held' : 'posted' },
      });
    };
    const hold = (number: number) => ({ accountId: accountId(NAME), number });
    const open = (amount: number): Action => ({
      kind: 'open',
      amount: stored(amount),
      description: null,
      metadata: null,
      ...FOR_NOTHING,
      expiresIn: HOUR,
    });
    await act(funding(100, { expiresIn: 1_500, price: 100 })); // 1
    const bought = { source: 'purchase', price: 45, purchaseId: 'p' } as const;
    const { terms } = funding(1, { source: 'bonus', category: 'promotional', purchaseId: 'p', expiresIn: 2 * HOUR });
    await act(funding(50, bought, { bonus: { amount: stored(10), description: 'b', terms } })); // 2, 3
    await act(spending(30)); // 4
    await act(open(20));
    await act({ kind: 'extend', grant: 1, type: 'deposit', expiresAt: now + 9 * HOUR, description: 'e' }); // 5, 6
    await act({ kind: 'release', hold: hold(1) });
    await act({ kind: 'reverse', entry: 4, amount: stored(5), description: 'r' }); // 7
    await act(refunding(-20, 'p')); // 8
    await act(refunding(5, 'p')); // 9
    await act({ kind: 'void', grant: 3, description: 'v' }); // 10
    await act(funding(8, { expiresIn: 1_000, priority: 7 })); // 11
    await act(spending(3)); // 12
    await act(open(2));
    now += 2_000;
    await act({
      kind: 'capture',
      hold: hold(2),
      type: 'debit',
      amount: stored(1),
      final: true,
      description: null,
      model: null,
    }); // 13 expire, 14 capture, 15 expire
    await act({ kind: 'reverse', entry: 12, amount: null, description: 'r' }); // 16, return
    await act(open(7));
    await act(funding(4)); // 17
    await act({ kind: 'reverse', entry: 17, amount: stored(1), description: 'r' }); // 18
    await act({ kind: 'void', grant: 17, description: 'v' }); // 19
    await act(spending(2)); // 20
    const reprice = { kind: 'reprice', entry: 20, pricing: '{}', description: 'p' } as const;
    await act({ ...reprice, price: stored(3) }); // 21
    await act({ ...reprice, price: stored(1) }); // 22, 23
    await transactions.onApplicationShutdown();
    jest.restoreAllMocks();
  });
  afterAll(() => dataSource?.destroy());

  const ALL = ['amount', 'used', 'held', 'expired', 'voided', 'taken_back', 'remaining', 'is_open', 'extended_by'];
  const COLUMNS = [...ALL, 'carried', 'extends', 'source', 'purchase_id', 'created_at'];
  /** The terms of an extension and of what a reversal gave back follow from the grants that were there before. */
  const INHERITED = ['category', 'priority', 'price'];

  it('finds and names each change of a grant, but for the terms with which it came in', async () => {
    expect(await verifyLedger(dataSource)).toEqual({ accounts: 1, entries: 23 });
    const rows = await dataSource.query<Record<string, string | number | null>[]>('SELECT * FROM balance_grant');
    expect(rows.map(({ source }) => source)).toEqual([
      'deposit',
      'purchase',
      'bonus',
      'extension',
      'deposit',
      'return',
      'deposit',
    ]);
    for (const row of rows) {
      const columns =
        row['source'] === 'extension' || row['source'] === 'return' ? [...COLUMNS, ...INHERITED] : COLUMNS;
      for (const column of columns) {
        const value = row[column] ?? null;
        const other = ['source', 'category', 'purchase_id'].includes(column) ? 'x' : Number(value) + 1;
        await change('balance_grant', 'id', Number(row['id']), column, other);
        expect({ id: row['id'], column, found: await found() }).toEqual({
          id: row['id'],
          column,
          found: expect.any(Divergence),
        });
        await change('balance_grant', 'id', Number(row['id']), column, value);
      }
    }
  });

  it('finds and names what was not reversed', async () => {
    await change('reversal', 'sequence', 12, 'amount', 2);
    expect(await found()).toMatchObject({
      message: expect.stringMatching(/2 of entry 12 was reversed, its reversals make 3/),
    });
    await change('reversal', 'sequence', 12, 'amount', 3);
    expect(await found()).toBeUndefined();
  });

  it('finds and names a repricing that is not known, is of another entry, or is none', async () => {
    for (const [column, value, other] of [
      ['sequence', 20, 19],
      ['repricing', 21, 22],
    ] as const) {
      await change('repricing', column, value, column, other);
      expect(await found()).toMatchObject({ message: expect.stringContaining('repric') });
      await change('repricing', column, other, column, value);
    }
    for (const other of [null, 19]) {
      await change('entry', 'sequence', 21, 'reprices', other);
      expect(await found()).toBeInstanceOf(Divergence);
    }
    await change('entry', 'sequence', 21, 'reprices', 20);
    expect(await found()).toBeUndefined();
  });

  it('finds and names each change of the books', async () => {
    const rows = await dataSource.query<Record<string, string | number>[]>('SELECT * FROM finance_day');
    expect(new Set(rows.map(({ line }) => line)).size).toBeGreaterThan(6);
    for (const row of rows) {
      const { day, unit, line, shard } = row;
      for (const column of ['paid', 'promotional', 'dollars'] as const) {
        const to = (value: number) =>
          dataSource.query(
            `UPDATE finance_day SET ${column} = ? WHERE day = ? AND unit = ? AND line = ? AND shard = ?`,
            [value, day, unit, line, shard],
          );
        await to(Number(row[column]) + 1);
        expect({ line, column, found: await found() }).toEqual({
          line,
          column,
          found: expect.objectContaining({ message: expect.stringContaining('the books') }),
        });
        await to(Number(row[column]));
      }
    }
    await change('account', 'unit', 'USD', 'debt_price', 7);
    expect(await found()).toMatchObject({ message: expect.stringMatching(/its debt cost 7, its history makes 0/) });
    await change('account', 'unit', 'USD', 'debt_price', 0);
    expect(await found()).toBeUndefined();
  });

  it('finds money that moved from one line of the books to another, and units from one day to another', async () => {
    const move = (sign: 1 | -1) =>
      dataSource.query(
        `UPDATE finance_day SET dollars = dollars + CASE line WHEN 'spent' THEN ? ELSE ? END WHERE line IN ('spent', 'voided')`,
        [sign, 0 - sign],
      );
    await move(1);
    expect(await found()).toMatchObject({ message: expect.stringMatching(/the books of (spent|voided)/) });
    await move(-1);
    await dataSource.query("UPDATE finance_day SET day = day + 1 WHERE line = 'sold'");
    expect(await found()).toMatchObject({ message: expect.stringMatching(/the books of sold/) });
    await dataSource.query("UPDATE finance_day SET day = day - 1 WHERE line = 'sold'");
    expect(await found()).toBeUndefined();
  });

  it('rebuilds the books as the batches made them', async () => {
    const sums = () =>
      dataSource.query(
        'SELECT day, unit, line, SUM(paid) AS paid, SUM(promotional) AS promotional, SUM(dollars) AS dollars FROM finance_day GROUP BY day, unit, line ORDER BY day, unit, line',
      );
    const before: unknown = await sums();
    await dataSource.query("UPDATE finance_day SET dollars = 7 WHERE line = 'spent'");
    await dataSource.query("DELETE FROM finance_day WHERE line = 'sold'");
    await rebuildBooks(dataSource);
    expect(await sums()).toEqual(before);
    expect(await found()).toBeUndefined();
  });

  const found = () =>
    verifyLedger(dataSource).then(
      () => undefined,
      (error: unknown) => error,
    );
  const change = (table: string, key: string, id: number | string, column: string, value: unknown) =>
    dataSource.query(`UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`, [value, id]);
});
