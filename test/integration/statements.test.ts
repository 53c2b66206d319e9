import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, type DataSource, Entity, PrimaryColumn } from 'typeorm';
import {
  ask,
  describeTable,
  execute,
  FenceLost,
  insertRows,
  integer,
  isDuplicate,
  json,
  type OnConflict,
  type Raw,
  type Rewrite,
  rewriteRows,
  sum,
  type Table,
  tableOptions,
  Transactions,
  type Tx,
  updateRows,
  type Value,
  write,
} from '../../src/common/database/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';

/** A table with every kind of column that the product's have. */
@Entity('sample')
class Sample {
  @PrimaryColumn({ type: 'bigint', transformer: integer })
  id: number;

  @PrimaryColumn({ name: 'sub_id', type: 'varchar', length: 20 })
  subId: string;

  @Column({ type: 'varchar', length: 200, nullable: true })
  text: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: integer })
  amount: number | null;

  @Column({ name: 'grand_total', type: 'bigint', transformer: sum })
  grandTotal: bigint;

  @Column({ type: 'text', nullable: true, transformer: json })
  details: { a: number; b: string[] } | null;

  @Column({ type: 'integer' })
  small: number;

  @Column({ name: 'made_at', type: 'bigint', update: false, transformer: integer })
  madeAt: number;
}

/** Another one, to be joined to it: some of its columns have the same names. */
@Entity('other')
class Other {
  @PrimaryColumn({ type: 'bigint', transformer: integer })
  id: number;

  @Column({ type: 'varchar', length: 200, nullable: true })
  text: string | null;
}

const TABLES = [
  `CREATE TABLE sample (id bigint NOT NULL, sub_id varchar(20) NOT NULL, text varchar(200) NULL, amount bigint NULL, grand_total bigint NOT NULL,
     details text NULL, small integer NOT NULL, made_at bigint NOT NULL, PRIMARY KEY (id, sub_id))`,
  'CREATE TABLE other (id bigint NOT NULL PRIMARY KEY, text varchar(200) NULL)',
  'CREATE TABLE counter (id bigint NOT NULL PRIMARY KEY, number bigint NULL, name varchar(200) NULL, version bigint NOT NULL)',
];
const COLUMNS = ['id', 'number', 'name', 'version'];

const sample = (more: Partial<Sample> = {}): Sample => ({
  ...{
    id: 1,
    subId: 'a',
    text: 'x',
    amount: 5,
    grandTotal: 7n,
    details: { a: 1, b: ['c'] },
    small: 3,
    madeAt: 1_776_249_000_000,
  },
  ...more,
});

describeEachDatabase((database) => {
  const isMysql = database.engine !== 'sqlite';
  let dataSource: DataSource;
  let transactions: Transactions;

  beforeAll(async () => {
    dataSource = await connectTo(database, [Sample, Other]);
    const runner = dataSource.createQueryRunner();
    for (const table of TABLES) await runner.query(table + tableOptions(runner));
    await runner.release();
    transactions = new Transactions(dataSource);
    await transactions.onModuleInit();
  });
  afterAll(async () => {
    await transactions?.onApplicationShutdown();
    await dataSource?.destroy();
  });
  beforeEach(async () => {
    for (const table of ['sample', 'other', 'counter']) await dataSource.query(`DELETE FROM ${table}`);
  });

  const insert = (rows: Value[][], onConflict?: OnConflict) =>
    transactions.run((tx) => execute(tx, insertRows(tx, 'counter', COLUMNS, rows, onConflict)));
  const counters = async (): Promise<Value[][]> => {
    const rows = await dataSource.query<Raw[]>('SELECT id, number, name, version FROM counter ORDER BY id');
    return rows.map(({ id, number, name, version }) => [
      Number(id),
      number === null ? null : Number(number),
      name!,
      Number(version),
    ]);
  };

  describe('rows that are there', () => {
    it('get the columns that are named, and are not made when they are missing on SQLite', async () => {
      await insert([
        [1, 10, 'one', 1],
        [2, 20, 'two', 1],
      ]);
      const rows = [[1, 11, 'other', 9], [2, 22, 'other', 9], ...(isMysql ? [] : [[3, 33, 'other', 9]])];
      await transactions.run((tx) =>
        execute(tx, updateRows(tx, 'counter', COLUMNS, rows, { key: ['id'], columns: ['number', 'version'] })),
      );
      expect(await counters()).toEqual([
        [1, 11, 'one', 9],
        [2, 22, 'two', 9],
      ]);
    });
  });

  describe('rows that are inserted', () => {
    it('are all there, however many, in few statements', async () => {
      const rows = Array.from({ length: 201 }, (_, i): Value[] => [i, 5 - i, `#${i}`, 1]);
      const statements = await transactions.run(async (tx) => insertRows(tx, 'counter', COLUMNS, rows));
      await insert(rows);
      expect(await counters()).toEqual(rows);
      // SQLite keeps a prepared statement for each text, so there are few of them.
      if (isMysql) expect(statements).toHaveLength(1);
      else expect(new Set(statements.map(({ sql }) => sql)).size).toBeLessThanOrEqual(3);
      expect(statements.length).toBeLessThan(rows.length / 10);
    });

    it('need no statement when there are none', async () => {
      expect(await transactions.run(async (tx) => insertRows(tx, 'counter', COLUMNS, []))).toEqual([]);
    });

    it.each(["it's", 'a "b" `c`', 'back\\slash', '? ?? :name', 'line\nand\ttab', '日本語 🙂', '', ' ', '%_'])(
      'keep the text %j as it is',
      async (text) => {
        await insert([
          [1, 1, text, 1],
          [2, null, null, 1],
        ]);
        expect(await counters()).toEqual([
          [1, 1, text, 1],
          [2, null, null, 1],
        ]);
      },
    );

    it('fail together when a key is taken', async () => {
      await insert([[2, 20, 'there', 1]]);
      const failed = await insert([
        [1, 10, 'new', 1],
        [2, 0, 'taken', 1],
      ]).catch((error: unknown) => error);
      expect(isDuplicate(failed)).toBe(true);
      expect(await counters()).toEqual([[2, 20, 'there', 1]]);
    });

    it.each<[OnConflict['how'], columns: string[], left: Value[]]>([
      ['keep', [], [2, 20, 'there', 1]],
      ['set', ['number', 'name'], [2, 7, 'given', 1]],
      ['set', ['name'], [2, 20, 'given', 1]],
      ['add', ['number', 'version'], [2, 27, 'there', 10]],
      ['raise', ['number', 'version'], [2, 20, 'there', 9]],
    ])('%s the columns %j of a row whose key is taken, and leave its others', async (how, columns, left) => {
      await insert([
        [1, 10, 'before', 1],
        [2, 20, 'there', 1],
      ]);
      await insert(
        [
          [2, 7, 'given', 9],
          [3, 30, 'new', 9],
        ],
        { key: ['id'], how, columns },
      );
      expect(await counters()).toEqual([[1, 10, 'before', 1], left, [3, 30, 'new', 9]]);
    });

    it('add up exactly beyond 2^53', async () => {
      const onConflict: OnConflict = { key: ['id'], how: 'add', columns: ['number'] };
      for (let i = 0; i < 3; i++) await insert([[1, String(2n ** 53n - 1n), null, 1]], onConflict);
      const [row] = await dataSource.query<[Raw]>('SELECT CAST(number AS CHAR) AS number FROM counter');
      expect(row['number']).toBe(String(3n * (2n ** 53n - 1n)));
    });
  });

  describe('rows that are rewritten', () => {
    const rewrite = (rows: Rewrite[], commit = true) =>
      transactions.run(
        (tx) =>
          write(tx, rewriteRows(tx, 'counter', ['id', 'version'], ['number', 'name', 'version'], rows), [], commit),
        {
          fences: 1,
        },
      );
    const rewritten = (id: number, version = 1): Rewrite => ({ must: [id, version], set: [id * 100, `new ${id}`, 2] });
    const before = (count: number) => Array.from({ length: count }, (_, i): Value[] => [i, i, `old ${i}`, 1]);
    const after = (count: number) => Array.from({ length: count }, (_, i): Value[] => [i, i * 100, `new ${i}`, 2]);

    // More than one statement takes of them.
    it.each([1, 2, 32, 33, 70])('get the values that are theirs: %d of them, and no others', async (count) => {
      await insert([...before(count), [1_000, 5, 'other', 1]]);
      await rewrite(Array.from({ length: count }, (_, i) => rewritten(i)));
      expect(await counters()).toEqual([...after(count), [1_000, 5, 'other', 1]]);
    });

    it('may be committed with the statement or later', async () => {
      await insert(before(2));
      await rewrite([rewritten(0)], true);
      await rewrite([rewritten(1)], false);
      expect(await counters()).toEqual(after(2));
    });

    it('may get no value, and the ones that they have', async () => {
      await insert(before(40));
      await rewrite(before(40).map(([id]) => ({ must: [id!, 1], set: [null, `old ${id}`, 1] })));
      await rewrite(before(40).map(([id]) => ({ must: [id!, 1], set: [null, `old ${id}`, 1] })));
      expect(await counters()).toEqual(before(40).map(([id, , name, version]) => [id, null, name, version]));
    });

    it.each([0, 20, 31, 32, 50, 69])(
      'are left as they were when one of 70 is no longer as it must be: number %d',
      async (changed) => {
        await insert(before(70));
        const rows = Array.from({ length: 70 }, (_, i) => rewritten(i, i === changed ? 9 : 1));
        await expect(rewrite(rows)).rejects.toBeInstanceOf(FenceLost);
        expect(await counters()).toEqual(before(70));
      },
    );

    it.each([
      ['one', 1],
      ['the first of several', 3],
    ])('lose the fence when %s is not there at all', async (_, count) => {
      await insert(before(count).slice(1));
      await expect(rewrite(Array.from({ length: count }, (__, i) => rewritten(i)))).rejects.toBeInstanceOf(FenceLost);
      expect(await counters()).toEqual(before(count).slice(1));
    });

    it('are left as they were when what is written with them meets a key that is taken', async () => {
      await insert(before(2));
      const both = (tx: Tx) =>
        write(
          tx,
          rewriteRows(tx, 'counter', ['id', 'version'], ['number', 'name', 'version'], [rewritten(0)]),
          insertRows(tx, 'counter', COLUMNS, [[1, 0, 'taken', 1]]),
          true,
        );
      await expect(transactions.run(both, { fences: 1 })).rejects.toBeInstanceOf(FenceLost);
      expect(await counters()).toEqual(before(2));
    });

    it('are decided by the one that comes first, of two that know the same', async () => {
      await insert(before(1));
      const outcomes = await Promise.allSettled([rewrite([rewritten(0)]), rewrite([rewritten(0)])]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await counters()).toEqual(after(1));
    });
  });

  describe('a table as its entity describes it', () => {
    let table: Table<Sample>;
    beforeAll(() => {
      table = describeTable(dataSource, Sample);
    });
    const put = (rows: Sample[]) =>
      transactions.run((tx) => execute(tx, insertRows(tx, table.name, table.columns, rows.map(table.values))));
    const read = async () =>
      transactions.run(async (tx) => {
        const [rows] = await ask<Raw>(tx, [
          { sql: `SELECT ${table.select} FROM sample ORDER BY id, sub_id`, values: [] },
        ]);
        return rows!.map(table.read);
      });

    it('names its columns in one order, its keys, and those that may change', () => {
      expect(table).toMatchObject({
        name: 'sample',
        columns: ['id', 'sub_id', 'text', 'amount', 'grand_total', 'details', 'small', 'made_at'],
        keys: ['id', 'sub_id'],
        mutable: ['text', 'amount', 'grand_total', 'details', 'small'],
      });
    });

    it("gives a row's values in the order of the columns that they are for", () => {
      const row = sample();
      expect(table.values(row)).toEqual([1, 'a', 'x', 5, '7', '{"a":1,"b":["c"]}', 3, 1_776_249_000_000]);
      expect(table.keyValues(row)).toEqual([1, 'a']);
      expect(table.mutableValues(row)).toEqual(['x', 5, '7', '{"a":1,"b":["c"]}', 3]);
    });

    it.each<[string, Partial<Sample>]>([
      ['all that it can have', {}],
      ['nothing where nothing may be', { text: null, amount: null, details: null }],
      ['the greatest integers', { id: Number.MAX_SAFE_INTEGER, amount: -Number.MAX_SAFE_INTEGER, small: 2 ** 31 - 1 }],
      ['sums that a double would round', { grandTotal: 2n ** 53n + 1n }],
      ['sums below zero', { grandTotal: -(2n ** 62n) - 1n }],
      [
        'text that is no plain one',
        { text: `it's "?" \\ 🙂`, details: { a: -0.5, b: [`it's`, '"', '\\', '🙂', '\n'] } },
      ],
      ['zeros and empty text', { amount: 0, grandTotal: 0n, text: '', subId: '' }],
    ])('reads a row as it was written: %s', async (_, more) => {
      await put([sample(more)]);
      expect(await read()).toEqual([sample(more)]);
    });

    it('reads many rows, each as it was written', async () => {
      const rows = Array.from({ length: 100 }, (_, i) =>
        sample({ id: i, grandTotal: BigInt(i) ** 9n, text: i % 2 ? null : `${i}` }),
      );
      await put(rows);
      expect(await read()).toEqual(rows);
    });

    it('reads two tables from one join, though they have columns of the same name', async () => {
      const other = describeTable(dataSource, Other);
      await put([sample(), sample({ id: 2, text: null })]);
      await transactions.run((tx) =>
        execute(tx, insertRows(tx, other.name, other.columns, [other.values({ id: 1, text: 'y' })])),
      );
      const sql = `SELECT ${table.select}, ${other.select} FROM sample LEFT JOIN other ON other.id = sample.id ORDER BY sample.id`;
      const [rows] = await transactions.run((tx) => ask<Raw>(tx, [{ sql, values: [] }]));
      expect(rows!.map(table.read)).toEqual([sample(), sample({ id: 2, text: null })]);
      expect(rows!.map(other.read)).toMatchObject([{ id: 1, text: 'y' }, { text: null }]);
    });

    it('replaces what may change of a row, and nothing else', async () => {
      await put([sample()]);
      const changed = sample({ text: 'changed', amount: null, grandTotal: 8n, madeAt: 0 });
      const onConflict = { key: table.keys, how: 'set', columns: table.mutable } as const;
      await transactions.run((tx) =>
        execute(tx, insertRows(tx, table.name, table.columns, [table.values(changed)], onConflict)),
      );
      expect(await read()).toEqual([{ ...changed, madeAt: sample().madeAt }]);
    });
  });
});
