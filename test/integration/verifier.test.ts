import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { describeEachDatabase } from '../support/databases.js';
import { Divergence, LEDGER_ENTITIES, verifyLedger } from '../../src/ledger/index.js';
import { accountId } from '../../src/ledger/store/index.js';
import { eventually } from '../support/eventually.js';
import { connectTo, ledgerCommand } from '../support/ledger.js';
import { startServer } from '../support/server.js';

const DAY = 86_400_000;
const TABLES = ['account', 'entry', 'operation', 'hold', 'daily_total'];

/** The account that is corrupted. */
const VICTIM = accountId('USD user:victim');

/**
 * One change behind the ledger's back, and how the verifier names it. `victim` has 5 deposits, 5 debits, and holds: a
 * captured one, a released one, an open one, one that has expired, and one that was released as soon as it was opened.
 */
const CORRUPTIONS: [name: string, sql: string, named: RegExp][] = [
  [
    "an entry's amount",
    `UPDATE entry SET amount = amount - 1 WHERE account_id = ${VICTIM} AND sequence = 4`,
    /entry 4: balanceAfter/,
  ],
  [
    "the last entry's amount",
    `UPDATE entry SET amount = amount - 1 WHERE account_id = ${VICTIM} AND sequence = 11`,
    /entry 11: balanceAfter/,
  ],
  [
    "an entry's balance_after",
    `UPDATE entry SET balance_after = balance_after + 1 WHERE account_id = ${VICTIM} AND sequence = 4`,
    /entry 4: balanceAfter/,
  ],
  [
    'an entry that is gone',
    `DELETE FROM entry WHERE account_id = ${VICTIM} AND sequence = 5`,
    /entry 6: sequence is 6, must be 5/,
  ],
  [
    'the first entry gone',
    `DELETE FROM entry WHERE account_id = ${VICTIM} AND sequence = 1`,
    /entry 2: sequence is 2, must be 1/,
  ],
  [
    'the last entry gone',
    `DELETE FROM entry WHERE account_id = ${VICTIM} AND sequence = 11`,
    /hold 5 was opened after entry 11, which is not there/,
  ],
  [
    'an entry too many',
    `INSERT INTO entry (account_id, sequence, type, type_sequence, type_total, amount, balance_after, actor, created_at) SELECT account_id, 12, 'deposit', 6, 50000001, 1, balance_after + 1, actor, created_at FROM entry WHERE account_id = ${VICTIM} AND sequence = 11`,
    /entry 12 made no grant/,
  ],
  [
    "an entry's number of its type",
    `UPDATE entry SET type_sequence = 99 WHERE account_id = ${VICTIM} AND sequence = 11`,
    /entry 11: typeSequence/,
  ],
  [
    "an entry's time",
    `UPDATE entry SET created_at = created_at - ${2 * DAY} WHERE account_id = ${VICTIM} AND sequence = 6`,
    /entry 6 is older than the one before it/,
  ],
  [
    'spending what was not there',
    `UPDATE entry SET balance_after = balance_after - 1000000000 - amount, type_total = type_total - 1000000000 - amount, amount = -1000000000 WHERE account_id = ${VICTIM} AND sequence = 11`,
    /entry 11 can not follow: hold-exceeded/,
  ],
  ["the account's balance", `UPDATE account SET balance = balance + 1 WHERE id = ${VICTIM}`, /its balance is/],
  [
    "the account's number",
    `UPDATE account SET sequence = sequence + 1 WHERE id = ${VICTIM}`,
    /its last number is 12, its last entry is 11/,
  ],
  [
    "the account's counts",
    `UPDATE account SET types = '{"deposit":[5,"50000000"],"debit":[7,"-6000000"]}' WHERE id = ${VICTIM}`,
    /counts 7 entries of type debit, there are 6/,
  ],
  ["the account's last time", `UPDATE account SET last_at = last_at + 1 WHERE id = ${VICTIM}`, /its last time is/],
  ['held', `UPDATE account SET held = held + 1 WHERE id = ${VICTIM}`, /held is 2000001, its open holds keep 2000000/],
  [
    "the account's number of holds",
    `UPDATE account SET holds = 6 WHERE id = ${VICTIM}`,
    /its last hold is 6, there are 5/,
  ],
  [
    'a next expiry that is too late',
    `UPDATE account SET next_expiry = (SELECT expires_at + 1 FROM hold WHERE account_id = ${VICTIM} AND number = 3) WHERE id = ${VICTIM}`,
    /before the next expiry/,
  ],
  [
    'no next expiry with an open hold',
    `UPDATE account SET next_expiry = NULL WHERE id = ${VICTIM}`,
    /before the next expiry/,
  ],
  [
    'what a hold has captured',
    `UPDATE hold SET captured = captured + 1 WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 1: captured is 1000001, its history makes 1000000/,
  ],
  [
    'a capture that names another hold',
    `UPDATE entry SET hold = 2 WHERE account_id = ${VICTIM} AND hold = 1`,
    /hold 5: its grants are/,
  ],
  ['a hold that is gone', `DELETE FROM hold WHERE account_id = ${VICTIM} AND number = 2`, /hold 2 is missing/],
  [
    'the status of an open hold',
    `UPDATE hold SET status = 'released' WHERE account_id = ${VICTIM} AND number = 3`,
    /hold 3: status is released, its history makes open/,
  ],
  [
    'the status of a settled hold',
    `UPDATE hold SET status = 'open' WHERE account_id = ${VICTIM} AND number = 2`,
    /hold 2: status is open, its history makes released/,
  ],
  [
    'less held than captured',
    `UPDATE hold SET amount = 1 WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 1: its grants are/,
  ],
  [
    'the amount of a total',
    `UPDATE daily_total SET amount = amount + 1 WHERE account_id = ${VICTIM} AND type = 'debit'`,
    /the total of debit/,
  ],
  [
    'the count of a total',
    `UPDATE daily_total SET count = count + 1 WHERE account_id = ${VICTIM} AND type = 'deposit'`,
    /the total of deposit/,
  ],
  [
    'a total that is gone',
    `DELETE FROM daily_total WHERE account_id = ${VICTIM} AND type = 'debit'`,
    /the total of debit on day \d+ is missing/,
  ],
  [
    'a total too many',
    `INSERT INTO daily_total (account_id, day, type, amount, count) VALUES (${VICTIM}, 1, 'debit', -1, 1)`,
    /the total of debit on day 1/,
  ],
  [
    'an operation that is gone',
    `DELETE FROM operation WHERE account_id = ${VICTIM} AND sequence = 8`,
    /it counts 7 operations, there are 6/,
  ],
  [
    'a refusal that is forgotten',
    `DELETE FROM operation WHERE account_id = ${VICTIM} AND idempotency_key = 'refused'`,
    /it counts 7 operations, there are 6/,
  ],
  [
    'two operations of one entry',
    `UPDATE operation SET sequence = 4 WHERE account_id = ${VICTIM} AND sequence = 8`,
    /names entry 4, which is not there or another's/,
  ],
  [
    'an operation of no entry',
    `UPDATE operation SET sequence = 99 WHERE account_id = ${VICTIM} AND sequence = 8`,
    /names entry 99/,
  ],
  [
    'an operation that made nothing',
    `UPDATE operation SET sequence = NULL WHERE account_id = ${VICTIM} AND sequence = 6`,
    /operation debit "k2" was not refused and made nothing/,
  ],
  [
    'an operation more, that claims to have made nothing',
    `INSERT INTO operation (account_id, scope, idempotency_key, request_hash, created_at) VALUES (${VICTIM}, 'debit', 'more', 'x', 0)`,
    /operation debit "more" was not refused and made nothing/,
  ],
  [
    'a refusal that nobody was given',
    `INSERT INTO operation (account_id, scope, idempotency_key, request_hash, refusal, created_at) VALUES (${VICTIM}, 'debit', 'more', 'x', '{}', 0)`,
    /it counts 7 operations, there are 8/,
  ],
  [
    "an entry's sum of its type",
    `UPDATE entry SET type_total = type_total + 1 WHERE account_id = ${VICTIM} AND sequence = 3`,
    /entry 3: typeTotal is/,
  ],
  [
    "the account's sum of a type",
    `UPDATE account SET types = '{"deposit":[5,"50000001"],"debit":[6,"-6000000"]}' WHERE id = ${VICTIM}`,
    /entries of type deposit come to 50000001 there, they make 50000000/,
  ],
  [
    "the account's count of open holds",
    `UPDATE account SET open_holds = 7 WHERE id = ${VICTIM}`,
    /it counts 7 open holds, there are 1/,
  ],
  [
    "the account's count of operations",
    `UPDATE account SET operations = 8 WHERE id = ${VICTIM}`,
    /it counts 8 operations, there are 7/,
  ],
  [
    'a refused operation that made something',
    `UPDATE operation SET refusal = '{}' WHERE account_id = ${VICTIM} AND sequence = 8`,
    /was refused and yet made something/,
  ],
  [
    'a release of a hold that is not there',
    `UPDATE operation SET hold = 9 WHERE account_id = ${VICTIM} AND scope = 'release'`,
    /operation release .* names hold 9/,
  ],
  [
    'an entry of no account',
    "INSERT INTO entry (account_id, sequence, type, type_sequence, type_total, amount, balance_after, actor, created_at) VALUES (999, 1, 'deposit', 1, 1, 1, 1, 'system', 0)",
    /entry has rows of account 999, which is not there/,
  ],
  [
    'a hold for more than there was',
    `UPDATE hold SET amount = 100000000 WHERE account_id = ${VICTIM} AND number = 3`,
    /hold 3 can not follow: insufficient/,
  ],
  [
    'a hold that was captured by nothing',
    `UPDATE hold SET status = 'captured', closed_after = 11 WHERE account_id = ${VICTIM} AND number = 3`,
    /hold 3: status is captured, its history makes open/,
  ],
  [
    'a hold that was given back too late for what was spent',
    `UPDATE hold SET amount = 45000000, opened_after = 9, closed_after = 10 WHERE account_id = ${VICTIM} AND number = 2`,
    /hold 2 was opened after entry 9, before hold 1/,
  ],
  [
    'spending of what a hold kept back',
    `UPDATE hold SET amount = 10000000, opened_after = 1 WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 1: its grants are/,
  ],
  [
    'a debit of more than there was',
    `UPDATE entry SET balance_after = balance_after - 1000000000 - amount, type_total = type_total - 1000000000 - amount, amount = -1000000000 WHERE account_id = ${VICTIM} AND sequence = 10`,
    /entry 10 can not follow: insufficient/,
  ],
  [
    'a hold that was closed before it was opened',
    `UPDATE hold SET closed_after = 9 WHERE account_id = ${VICTIM} AND number = 2`,
    /hold 2: closedAfter is 9, must be 10 or more/,
  ],
  [
    'a hold that was given back after an entry that is not there',
    `UPDATE hold SET closed_after = 99 WHERE account_id = ${VICTIM} AND number = 2`,
    /hold 2 has an event after entry 99, which is not there/,
  ],
  [
    'a hold that was opened after an entry that is not there',
    `UPDATE hold SET opened_after = 99, closed_after = 99 WHERE account_id = ${VICTIM} AND number = 5`,
    /hold 4: its event is 7, must be 5/,
  ],
  [
    'a final capture after which its hold was not closed',
    `UPDATE hold SET closed_after = 10 WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 5: its grants are/,
  ],
  [
    'a hold that was given back and captured',
    `UPDATE hold SET status = 'released', captured = 0, closed_after = 10 WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 5: its grants are/,
  ],
  [
    'a hold that was given back when nothing was left of it',
    `UPDATE hold SET status = 'expired', amount = captured WHERE account_id = ${VICTIM} AND number = 1`,
    /hold 1: its grants are/,
  ],
  [
    'a hold that is open and says after what it was closed',
    `UPDATE hold SET status = 'open' WHERE account_id = ${VICTIM} AND number = 5`,
    /hold 5: status is open, its history makes released/,
  ],
  [
    'a hold that expired as soon as it was opened',
    `UPDATE hold SET expires_at = created_at WHERE account_id = ${VICTIM} AND number = 3`,
    /a hold or grant expires at \d+, before the next expiry/,
  ],
  [
    'an expired hold that was given back twice',
    `UPDATE account SET held = held - 1000000 WHERE id = ${VICTIM}`,
    /held is 1000000, its open holds keep 2000000/,
  ],
  [
    'an expired hold that was never given back',
    `UPDATE account SET held = held + 1000000, open_holds = open_holds + 1 WHERE id = ${VICTIM}`,
    /held is 3000000, its open holds keep 2000000/,
  ],
];

describeEachDatabase((database) => {
  let dataSource: DataSource;
  let saved: Map<string, Record<string, unknown>[]>;

  beforeAll(async () => {
    const server = await startServer({ DATABASE_URL: database.url });
    try {
      const admin = await server.clientFor({ sub: 'root', admin: true });
      const victim = await server.clientFor({ sub: 'victim' });
      for (let i = 0; i < 5; i++) {
        await admin.post('/api/credits/deposit', { amount: 10, description: 'in', account: 'user:victim' });
        await victim.post('/api/credits/debit', { amount: 1, description: 'out' }, { key: `k${i}` });
      }
      await victim.post('/api/credits/debit', { amount: 1_000, description: 'too much' }, { key: 'refused' });
      const holds = [];
      const open = async (body: object) => (await victim.post('/api/credits/holds', body)).body.data.id as string;
      for (const amount of [3, 4, 2]) holds.push(await open({ amount }));
      const brief = await open({ amount: 1, expires_in: 1 });
      expect((await victim.post(`/api/credits/holds/${holds[0]}/capture`, { amount: 1 })).status).toBe(201);
      expect((await victim.post(`/api/credits/holds/${await open({ amount: 6 })}/release`, {})).status).toBe(200);
      await eventually(async () =>
        expect((await victim.get(`/api/credits/holds/${brief}`)).body.data.status).toBe('expired'),
      );
      // Whatever comes next settles the one that has expired.
      expect((await victim.post(`/api/credits/holds/${holds[1]}/release`, {}, { key: 'r' })).status).toBe(200);
      // A neighbour, in whom nothing is wrong.
      await admin.post('/api/tokens/grant', { amount: 5, description: 'in', account: 'user:neighbour' });
    } finally {
      await server.stop();
    }
    dataSource = await connectTo(database, LEDGER_ENTITIES);
    saved = new Map();
    for (const table of TABLES) saved.set(table, await dataSource.query(`SELECT * FROM ${table}`));
    expect(saved.get('account')).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: VICTIM, owner: 'user:victim' })]),
    );
  });
  afterAll(() => dataSource?.destroy());

  /** Everything as it was before the last corruption. */
  beforeEach(async () => {
    await dataSource.transaction(async (manager) => {
      for (const [table, rows] of saved) {
        await manager.query(`DELETE FROM ${table}`);
        for (const row of rows) {
          const columns = Object.keys(row);
          await manager.query(
            `INSERT INTO ${table} (${columns.map((column) => `\`${column}\``).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
            Object.values(row),
          );
        }
      }
    });
  });

  it('finds nothing in a ledger that is as it must be, in all accounts or one', async () => {
    expect(await ledgerCommand('verify', database)).toEqual({
      code: 0,
      output: '2 accounts and 12 entries are consistent.\n',
    });
    expect(await ledgerCommand('verify', database, '--account', 'user:neighbour')).toEqual({
      code: 0,
      output: '1 accounts and 1 entries are consistent.\n',
    });
  });

  // In this process: starting the command for each of them would take longer than all that it does.
  it.each(CORRUPTIONS)('finds and names %s', async (_, sql, named) => {
    await dataSource.query(sql);
    const found: unknown = await verifyLedger(dataSource).catch((error: unknown) => error);
    expect(found).toBeInstanceOf(Divergence);
    expect((found as Divergence).message).toMatch(named);
    // An account that it does not concern is as it must be.
    expect(await verifyLedger(dataSource, 'user:neighbour')).toEqual({ accounts: 1, entries: 1 });
  });

  it('the command names the first one and ends with 1', async () => {
    await dataSource.query(`UPDATE entry SET amount = amount - 1 WHERE account_id = ${VICTIM} AND sequence = 4`);
    expect(await ledgerCommand('verify', database)).toEqual({
      code: 1,
      output: 'Divergence: user:victim (USD): entry 4: balanceAfter is 18000000, must be 17999999\n',
    });
    expect((await ledgerCommand('verify', database, '--account', 'user:neighbour')).code).toBe(0);
  });

  describe('rebuild-totals', () => {
    const rows = async () =>
      Object.fromEntries(
        await Promise.all(TABLES.map(async (table) => [table, await dataSource.query(`SELECT * FROM ${table}`)])),
      );

    it('makes the totals anew, and touches nothing else', async () => {
      const before = await rows();
      await dataSource.query("UPDATE daily_total SET amount = amount + 1, count = 0 WHERE type = 'debit'");
      await dataSource.query("DELETE FROM daily_total WHERE type = 'deposit'");
      await dataSource.query(
        `INSERT INTO daily_total (account_id, day, type, amount, count) VALUES (${VICTIM}, 1, 'refund', -1, 1)`,
      );
      expect(await ledgerCommand('rebuild-totals', database)).toEqual({
        code: 0,
        output: 'The daily totals of 2 accounts were rebuilt.\n',
      });
      const byKey = (a: any, b: any) => `${a.account_id} ${a.type}`.localeCompare(`${b.account_id} ${b.type}`);
      const after = await rows();
      for (const all of [before, after]) all['daily_total'].sort(byKey);
      expect(after).toEqual(before);
      expect((await ledgerCommand('verify', database)).code).toBe(0);
    });

    it('does one account alone when it is asked to', async () => {
      await dataSource.query('UPDATE daily_total SET count = 0');
      expect(await ledgerCommand('rebuild-totals', database, '--account', 'user:neighbour')).toMatchObject({ code: 0 });
      expect((await ledgerCommand('verify', database, '--account', 'user:neighbour')).code).toBe(0);
      expect((await ledgerCommand('verify', database)).code).toBe(1);
    });

    it('heals no other corruption', async () => {
      await dataSource.query(`UPDATE account SET balance = balance + 1 WHERE id = ${VICTIM}`);
      expect((await ledgerCommand('rebuild-totals', database)).code).toBe(0);
      expect(await ledgerCommand('verify', database)).toMatchObject({
        code: 1,
        output: expect.stringMatching(/its balance is/),
      });
    });

    if (database.engine === 'mariadb')
      it('works under the name that TypeORM has for MariaDB', async () => {
        const named = { url: database.url.replace('mysql:', 'mariadb:') };
        expect(await ledgerCommand('rebuild-totals', named)).toMatchObject({ code: 0 });
        expect(await ledgerCommand('verify', named)).toMatchObject({ code: 0 });
      });
  });

  it('ends with 2, not with a divergence, when it can not look', async () => {
    expect((await ledgerCommand('verify', { url: 'mysql://nobody@127.0.0.1:1/none' })).code).toBe(2);
  });
});
