import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { PoolConnection } from 'mysql2';
import type { DataSource, QueryRunner } from 'typeorm';
import { migrate, Transactions } from '../../src/common/database/index.js';
import type { Answer, Operation } from '../../src/ledger/domain/index.js';
import { Lanes, LedgerMetrics, LedgerUnavailable } from '../../src/ledger/index.js';
import { rebuildBooks, verifyLedger } from '../../src/ledger/proof/index.js';
import { LEDGER_ENTITIES, LedgerStore } from '../../src/ledger/store/index.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo } from '../support/ledger.js';
import { FOR_NOTHING, operationOn, posting, stored } from '../support/posting.js';
import { Proxy } from '../support/proxy.js';

const post = (owner: string, amount: number): Operation => operationOn(`USD ${owner}`, posting(amount));

/** The pool inside TypeORM's driver. */
interface Pool {
  getConnection(taken: (error: Error | null, connection: PoolConnection) => void): void;
  readonly _connectionQueue: { readonly length: number };
  readonly _allConnections: { readonly length: number };
  readonly _freeConnections: { readonly length: number };
}

/** All of them with the number 1105, which says nothing. */
const AWAY_ON_VITESS = [
  'target: credits.0.primary: primary is not serving, there may be a reparent operation in progress',
  'target: credits.0.primary: vttablet: rpc error: code = FailedPrecondition desc = operation not allowed in state SHUTTING_DOWN',
  'target: credits.0.primary: vttablet: rpc error: code = Unavailable desc = error reading from server: EOF',
  'target: credits.0.primary: inconsistent state detected, primary is serving but initially found no available tablet',
  'VT15001: transaction error, issue ROLLBACK and retry the transaction: tablet: cell:"zone1" uid:101 is either down or nonexistent',
];

// What a batch that was given up may still do: nothing.
describeEachDatabase(
  (database) => {
    let proxy: Proxy;
    let direct: DataSource;
    let dataSource: DataSource;
    let transactions: Transactions;
    let lanes: Lanes;

    beforeAll(async () => {
      const first = await connectTo(database, LEDGER_ENTITIES);
      await migrate(first);
      await first.destroy();
    });

    beforeEach(async () => {
      proxy = await Proxy.to(database.url);
      direct = await connectTo(database, LEDGER_ENTITIES);
      dataSource = await connectTo({ ...database, url: proxy.url }, LEDGER_ENTITIES);
      transactions = new Transactions(dataSource);
      await transactions.onModuleInit();
      lanes = new Lanes(transactions, new LedgerStore(dataSource), new LedgerMetrics({ enabled: false } as never));
    });

    afterEach(async () => {
      expect(await verifyLedger(direct)).toBeDefined();
      await direct.destroy();
      await dataSource.destroy();
      await proxy.close();
    });

    const balance = async (owner: string) =>
      Number(
        (await direct.query<{ balance: number }[]>('SELECT balance FROM account WHERE owner = ?', [owner]))[0]!.balance,
      );
    const deposit = async (owner: string, times: number) => {
      for (let i = 0; i < times; i++) await lanes.submit({ operations: [post(owner, 10)] });
    };
    const told = (operation: Operation): Promise<Answer | 'unavailable'> =>
      lanes.submit({ operations: [operation] }).then(
        ([answer]) => answer!,
        (error: unknown) => {
          if (error instanceof LedgerUnavailable) return 'unavailable';
          throw error;
        },
      );
    const until = async (what: () => boolean | Promise<boolean>) => {
      while (!(await what())) await setTimeout(5);
    };
    /** The commit arrives, its answer does not, and the line breaks or an error comes in its place. */
    async function committedUnheard(
      asked: Operation,
      isCommitted: () => Promise<boolean>,
      meanwhile = async () => {},
      error?: string,
    ): Promise<Answer | 'unavailable'> {
      proxy.mute = true;
      const answer = told(asked);
      await until(isCommitted);
      await meanwhile();
      if (error === undefined) proxy.cut();
      else proxy.refuse(1105, error);
      proxy.mute = false;
      proxy.mend();
      return answer;
    }

    it.each([
      ['locks', 1],
      ['decides from memory', 3],
    ])('an attempt that %s does nothing when its connection comes after it was given up', async (_, deposits) => {
      const owner = `user:late-${deposits}`;
      await deposit(owner, deposits);
      const { pool } = dataSource.driver as unknown as { pool: Pool };
      const taken = await Promise.all(
        Array.from(
          { length: (dataSource.options as { poolSize: number }).poolSize },
          () => new Promise<PoolConnection>((done) => pool.getConnection((__, connection) => done(connection))),
        ),
      );
      transactions.deadlineMs = 300;
      const answer = told(post(owner, -1));
      await until(() => pool._connectionQueue.length > 1);
      transactions.deadlineMs = 15_000;
      for (const connection of taken) connection.release();
      expect(await answer).toMatchObject({ outcome: { status: 'posted' } });
      expect(await Promise.race([told(post(owner, 1)), setTimeout(5_000, 'locked', { ref: false })])).toMatchObject({
        outcome: { status: 'posted' },
      });
      await until(
        () => pool._connectionQueue.length === 0 && pool._freeConnections.length === pool._allConnections.length,
      );
      expect(await balance(owner)).toBe(10 * deposits);
    });

    it('the late commit of an older batch does not hide a commit of which the answer was lost', async () => {
      const [older, newer] = ['user:flood', 'user:ka'] as const;
      for (const owner of [older, newer]) await deposit(owner, 4);
      const other: QueryRunner = direct.createQueryRunner();
      await other.query('START TRANSACTION');
      await other.query('SELECT id FROM account WHERE owner = ? FOR UPDATE', [older]);
      const given = told(post(older, -1));
      await setTimeout(300);
      proxy.cut();
      expect(await given).toBe('unavailable');
      proxy.mend();
      expect(await told(post(newer, 10))).toMatchObject({ outcome: { status: 'posted' } });
      const answer = await committedUnheard(
        post(newer, -1),
        async () => (await balance(newer)) === 49,
        async () => {
          await other.query('COMMIT');
          await other.release();
          await until(async () => (await balance(older)) === 39);
        },
      );
      expect(answer).toMatchObject({ outcome: { status: 'posted' }, replayed: false });
      expect(await balance(newer)).toBe(49);
    });

    it.each(AWAY_ON_VITESS)(
      'a commit that Vitess answers with "%s" is looked for, and not done again',
      async (text) => {
        const owner = `user:${text.length}`;
        await deposit(owner, 3);
        const answer = await committedUnheard(
          post(owner, -1),
          async () => (await balance(owner)) === 29,
          undefined,
          text,
        );
        expect(answer).toMatchObject({ outcome: { status: 'posted' }, replayed: false });
        expect(await balance(owner)).toBe(29);
      },
    );

    it('a hold that expires while the outcome of a commit is unknown is given back', async () => {
      const owner = 'user:holder';
      await deposit(owner, 3);
      await told(
        operationOn(`USD ${owner}`, {
          kind: 'open',
          amount: stored(5),
          description: null,
          metadata: null,
          ...FOR_NOTHING,
          expiresIn: 800,
        }),
      );
      const answer = await committedUnheard(
        post(owner, -1),
        async () => (await balance(owner)) === 29,
        () => setTimeout(900),
      );
      expect(answer).toMatchObject({ outcome: { status: 'posted' } });
      expect(await told(post(owner, -29))).toMatchObject({ outcome: { status: 'posted' } });
    });

    it.each([
      ['locks', 1],
      ['decides from memory', 3],
    ])(
      'an attempt that %s writes nothing for an account that was lost, nor to the one that has its id now',
      async (_, deposits) => {
        const [owner, stranger] = [`user:lost-${deposits}`, `user:stranger-${deposits}`];
        await deposit(owner, deposits);
        const [{ id }] = await direct.query<[{ id: number }]>('SELECT id FROM account WHERE owner = ?', [owner]);
        for (const table of ['entry', 'balance_grant', 'daily_total'])
          await direct.query(`DELETE FROM ${table} WHERE account_id = ?`, [id]);
        await direct.query('DELETE FROM account WHERE id = ?', [id]);
        await rebuildBooks(direct);
        expect(await told(post(owner, 7))).toBe('unavailable');
        expect(await told(post(owner, 7))).toMatchObject({ outcome: { status: 'posted' } });
        await deposit(owner, deposits - 1);
        await direct.query('UPDATE account SET owner = ?, version = version + 1 WHERE owner = ?', [stranger, owner]);
        expect(await told(post(owner, 5))).toBe('unavailable');
        expect(await told(post(owner, 5))).toMatchObject({ outcome: { status: 'posted' } });
        expect([await balance(owner), await balance(stranger)]).toEqual([5, 7 + 10 * (deposits - 1)]);
      },
    );
  },
  ['mariadb', 'mysql'],
);
