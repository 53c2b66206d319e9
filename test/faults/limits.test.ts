import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { Answer, Client } from '../support/client.js';
import { describeEachDatabase } from '../support/databases.js';
import { connectTo, expectVerified } from '../support/ledger.js';
import { report } from '../support/report.js';
import { type Server, startServer } from '../support/server.js';
import { expectError, expectUnbroken, historyOf, newName, WORDS } from '../support/words.js';

const [words] = WORDS;
const { add, spend, base } = words!;
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));

/** What the database itself refuses, for a reason that no other attempt removes. */
const POISON = {
  sqlite: [
    "CREATE TRIGGER poison BEFORE INSERT ON entry WHEN NEW.description = 'poison' BEGIN SELECT RAISE(ABORT, 'poison'); END",
  ],
  mysql: [
    "CREATE TRIGGER poison BEFORE INSERT ON entry FOR EACH ROW IF NEW.description = 'poison' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'poison'; END IF",
  ],
};

describeEachDatabase((database) => {
  let server: Server;
  let admin: Client;
  let dataSource: DataSource;

  beforeAll(async () => {
    server = await startServer({ DATABASE_URL: database.url, LOG_LEVEL: 'error' });
    admin = await server.clientFor({ sub: 'root', admin: true });
    dataSource = await connectTo(database);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await server?.stop();
  });

  async function account(amount: number): Promise<{ client: Client; name: string }> {
    const name = newName();
    expect((await admin.post(add, { amount, description: 'Opening', account: `user:${name}` })).status).toBe(201);
    return { client: await server.clientFor({ sub: name }), name };
  }

  it('what one operation poisons fails alone: everybody else in its batch is answered and there', async () => {
    for (const sql of database.engine === 'sqlite' ? POISON.sqlite : POISON.mysql) await dataSource.query(sql);
    try {
      const accounts = await Promise.all(times(4, () => account(1_000)));
      const sent = times(200, (i) => ({
        client: accounts[i % 4]!.client,
        description: i % 50 === 17 ? 'poison' : `#${i}`,
      }));
      const answers = await Promise.all(
        sent.map(({ client, description }) =>
          client.post(spend, { amount: 1, description }, { key: 'k'.concat(description) }),
        ),
      );
      const poisoned = answers.filter((_, i) => sent[i]!.description === 'poison');
      for (const answer of poisoned) expectError(answer, 500, 'INTERNAL_ERROR');
      const posted = answers.filter(({ status }) => status === 201).map(({ body }) => body.data);
      expect(posted).toHaveLength(196);
      const histories = await Promise.all(accounts.map(({ client }) => historyOf(client, words!)));
      for (const history of histories) expectUnbroken(history, words!);
      const written = histories.flat().filter(({ type }) => type === 'debit');
      expect(written.map(({ description }) => description as string).sort()).toEqual(
        posted.map(({ description }) => description as string).sort(),
      );
      report(
        `a poisoned batch on ${database.engine}`,
        {
          sent: sent.length,
          acknowledged: posted.length,
          lost: posted.filter(({ description }) => !written.some((entry) => entry.description === description)).length,
          doubled: written.length - new Set(written.map(({ description }) => description)).size,
        },
        `${poisoned.length} refused by the database`,
      );
    } finally {
      await dataSource.query('DROP TRIGGER poison');
    }
  });

  // On SQLite the writer waits for the file's lock in the driver, which lets nothing else happen meanwhile: there is no
  // queue to fill.
  if (database.engine !== 'sqlite')
    it('more than may wait is refused with 503 and Retry-After, what was taken is done, and nobody else is kept from his own', async () => {
      const [{ client, name }, { client: other }] = [await account(100_000), await account(1_000)];
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.query('SELECT id FROM account WHERE owner = ? FOR UPDATE', [`user:${name}`]);
      const items = times(1_000, (i) => ({ amount: 1, description: `#${i}` }));
      const refused: Answer[] = [];
      let full = () => undefined as void;
      const isFull = new Promise<void>((resolve) => (full = resolve));
      const sending = times(14, async (i) => {
        const answer = await client.post(`${spend}/batch`, { mode: 'atomic', items }, { key: `k${i}` });
        if (answer.status !== 200 && refused.push(answer) === 3) full();
        return answer;
      });
      // One of them is being written and nine fill the account's share; the first that are refused say so while the
      // others wait.
      await isFull;
      for (const answer of refused) {
        expectError(answer, 503, 'OVERLOADED');
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
      expect((await client.get(`${base}/balance`)).body.data.balance).toBe(100_000);
      await runner.rollbackTransaction();
      await runner.release();
      const answers = await Promise.all(sending);
      const done = answers.filter(({ status }) => status === 200);
      for (const { body } of done) expect(body.meta).toEqual({ posted: 1_000, rejected: 0 });
      expect((await client.get(`${base}/balance`)).body.data.balance).toBe(100_000 - 1_000 * done.length);
      expect((await other.post(spend, { amount: 1, description: 'x' })).status).toBe(201);
      // Whoever was refused asks again, and it is done once.
      for (let i = 0; i < 14; i++)
        expect((await client.post(`${spend}/batch`, { mode: 'atomic', items }, { key: `k${i}` })).body.meta).toEqual({
          posted: 1_000,
          rejected: 0,
        });
      expect((await client.get(`${base}/balance`)).body.data.balance).toBe(100_000 - 14_000);
      report(
        `a full queue on ${database.engine}`,
        { sent: 14, acknowledged: done.length, lost: 0, doubled: 0 },
        `${refused.length} refused with 503`,
      );
    });

  it('a row that stands where an account would write keeps nobody else from being written', async () => {
    const accounts = await Promise.all(times(8, () => account(1_000)));
    const [victim] = accounts;
    const owner = [`user:${victim!.name}`];
    const next =
      "SELECT account_id, 2, 'debit', 1, -1, -1, 0, actor, created_at FROM entry WHERE account_id = (SELECT id FROM account WHERE owner = ?)";
    await dataSource.query(
      `INSERT INTO entry (account_id, sequence, type, type_sequence, type_total, amount, balance_after, actor, created_at) ${next}`,
      owner,
    );
    const answers = await Promise.all(
      times(200, (i) =>
        accounts[i % 8]!.client.post(spend, { amount: 1, description: `#${i}` }, { key: `stray-${i}` }),
      ),
    );
    answers.forEach((answer, i) => {
      if (i % 8 === 0) expectError(answer, 503, 'OVERLOADED');
      else expect(answer.status).toBe(201);
    });
    await dataSource.query(
      'DELETE FROM entry WHERE sequence = 2 AND account_id = (SELECT id FROM account WHERE owner = ?)',
      owner,
    );
    expect((await victim!.client.post(spend, { amount: 1, description: '#0' }, { key: 'stray-0' })).status).toBe(201);
  });

  it.each([
    ['not there', 1_000],
    ["another's", 3],
  ])(
    'a key whose entry is %s gets no answer and is not done again; everybody else is answered',
    async (_name, sequence) => {
      const [damaged, other] = [await account(1_000), await account(1_000)];
      const ask = (amount: number, key: string) => damaged.client.post(spend, { amount, description: 'x' }, { key });
      for (const [amount, key] of [
        [1, 'damaged'],
        [2, 'whole'],
      ] as const)
        expect((await ask(amount, key)).status).toBe(201);
      const point = (to: number) =>
        dataSource.query(
          "UPDATE operation SET sequence = ? WHERE idempotency_key LIKE 'damaged%' AND account_id = (SELECT id FROM account WHERE owner = ?)",
          [to, `user:${damaged.name}`],
        );
      await point(sequence);
      const all = await Promise.all([
        ...times(3, () => ask(1, 'damaged')),
        ...times(20, (i) => other.client.post(spend, { amount: 1, description: 'x' }, { key: `other-${i}` })),
        ask(2, 'whole'),
      ]);
      for (const answer of all.slice(0, 3)) expectError(answer, 500, 'INTERNAL_ERROR');
      for (const { status } of all.slice(3)) expect(status).toBe(201);
      expectError(await ask(7, 'damaged'), 422, 'IDEMPOTENCY_KEY_REUSED');
      expect((await damaged.client.get(`${base}/balance`)).body.data.balance).toBe(997);
      await server.line((line) => line.includes(`${damaged.name} is not there or another's`));
      await point(2);
      expect((await ask(1, 'damaged')).status).toBe(201);
      expect((await damaged.client.get(`${base}/balance`)).body.data.balance).toBe(997);
    },
  );

  it('after all of it the ledger verifies', () => expectVerified(database));
});
