import type { DataSource, QueryRunner } from 'typeorm';
import { forUpdate, isMysql } from '../../common/database/index.js';
import { type BookRow, Books, deferredOf, type Line, POSTINGS, type Unit } from '../domain/index.js';
import { AccountRow, FinanceDayRow, GrantRow } from '../store/index.js';
import { Divergence } from './replay.js';
import { inSnapshot, pages } from './scan.js';

/** What is owed to customers and by them, in units and micro-dollars. */
type Owed = Record<'paid' | 'promotional' | 'deferred revenue' | 'receivable', bigint>;

/**
 * The history does not say on which day a hold was given back. With it debts are paid, and grants end that were past:
 * of these lines only the sums of all days are compared.
 */
const WITHOUT_DAY: ReadonlySet<Line> = new Set<Line>(['collected', 'settled', 'waived', 'expired']);

/**
 * Compares the books with what they are derived from. What remains and is held is compared in one snapshot; what the
 * history makes of each line, only where no batch has added to it since `before`.
 * @param before the books before the histories were read
 * @param must what all histories make
 * @throws Divergence
 */
export async function verifyBooks(dataSource: DataSource, before: BookSums, must: Books): Promise<void> {
  const after = await inSnapshot(dataSource, async (runner) => {
    const rows = await readBooks(runner);
    const grants = await owedByGrants(runner);
    for (const unit of ['USD', 'tokens'] as const) compareOwed(unit, owedByBooks(rows, unit), grants.get(unit));
    return sumsOf(rows);
  });
  const made = sumsOf(must.rows());
  for (const key of new Set([...after.keys(), ...made.keys()])) {
    const [is, should] = [after.get(key) ?? NOTHING, made.get(key) ?? NOTHING];
    if ((before.get(key) ?? NOTHING) === is && is !== should)
      throw new Divergence(`the books of ${key} are ${is}, the entries make ${should}`);
  }
}

/**
 * Replaces the books, which are derived, by what all histories make.
 * @param before the books before the histories were read
 * @throws Error when a batch has added to the books since
 */
export async function replaceBooks(dataSource: DataSource, before: BookSums, must: Books): Promise<void> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query(isMysql(runner) ? 'START TRANSACTION' : 'BEGIN IMMEDIATE');
    try {
      await runner.query(`SELECT day FROM finance_day${forUpdate(runner)}`);
      const now = sumsOf(await readBooks(runner));
      if (now.size !== before.size || [...now].some(([key, sum]) => before.get(key) !== sum))
        throw new Error('The books can only be rebuilt while no server writes: stop the servers and try again.');
      await runner.manager.createQueryBuilder().delete().from(FinanceDayRow).execute();
      const rows = must.rows().map((row) => ({ ...row, shard: 0 }));
      for (let i = 0; i < rows.length; i += ROWS) await runner.manager.insert(FinanceDayRow, rows.slice(i, i + ROWS));
      await runner.query('COMMIT');
    } catch (error) {
      await runner.query('ROLLBACK');
      throw error;
    }
  } finally {
    await runner.release();
  }
}

const ROWS = 500;

/** Sums of the books by line, unit and day, as texts. */
export type BookSums = ReadonlyMap<string, string>;
const NOTHING = '0 paid, 0 promotional, 0 micro-dollars';

/** The books as they are now. */
export async function bookSums(dataSource: DataSource): Promise<BookSums> {
  return sumsOf(await inSnapshot(dataSource, readBooks));
}

function sumsOf(rows: readonly BookRow[]): BookSums {
  const sums = new Map<string, Pick<BookRow, 'paid' | 'promotional' | 'dollars'>>();
  for (const { day, unit, line, paid, promotional, dollars } of rows) {
    const key = WITHOUT_DAY.has(line) ? `${line} (${unit})` : `${line} (${unit}) on day ${day}`;
    const sum = sums.get(key) ?? { paid: 0n, promotional: 0n, dollars: 0n };
    sums.set(key, {
      paid: sum.paid + paid,
      promotional: sum.promotional + promotional,
      dollars: sum.dollars + dollars,
    });
  }
  return new Map(
    [...sums].map(([key, sum]) => [
      key,
      `${sum.paid} paid, ${sum.promotional} promotional, ${sum.dollars} micro-dollars`,
    ]),
  );
}

async function readBooks(runner: QueryRunner): Promise<BookRow[]> {
  const rows = (await runner.query(
    `SELECT day, unit, line, CAST(SUM(paid) AS CHAR) AS paid, CAST(SUM(promotional) AS CHAR) AS promotional,
       CAST(SUM(dollars) AS CHAR) AS dollars FROM finance_day GROUP BY day, unit, line`,
  )) as Record<keyof BookRow, string | number>[];
  return rows.map(({ day, unit, line, paid, promotional, dollars }) => {
    const sums = { paid: BigInt(paid), promotional: BigInt(promotional), dollars: BigInt(dollars) };
    return { day: Number(day), unit: unit as Unit, line: line as Line, ...sums };
  });
}

function owedByBooks(rows: readonly BookRow[], unit: Unit): Owed {
  const owed = nothingOwed();
  for (const row of rows) {
    if (row.unit !== unit) continue;
    const [debit, credit] = POSTINGS[row.line];
    if (credit === 'deferred_revenue') {
      owed.paid += row.paid;
      owed.promotional += row.promotional;
      owed['deferred revenue'] += row.dollars;
    }
    if (debit === 'receivable') owed.receivable += row.dollars;
    if (credit === 'receivable') owed.receivable -= row.dollars;
  }
  return owed;
}

/** Walks through the grants of which something remains or is held, in steps, in the order of their keys. */
async function owedByGrants(runner: QueryRunner): Promise<Map<Unit, Owed>> {
  const owed = new Map<Unit, Owed>();
  const of = (unit: Unit) => owed.get(unit) ?? owed.set(unit, nothingOwed()).get(unit)!;
  const read = async ([account, id]: readonly [number, number]) => {
    const { entities, raw } = await runner.manager
      .createQueryBuilder(GrantRow, 'g')
      .innerJoin(AccountRow, 'a', 'a.id = g.account_id')
      .addSelect('a.unit', 'unit')
      .where('(g.remaining > 0 OR g.held > 0)')
      .andWhere('(g.accountId > :account OR (g.accountId = :account AND g.id > :id))', { account, id })
      .orderBy({ 'g.accountId': 'ASC', 'g.id': 'ASC' })
      .limit(2_000)
      .getRawAndEntities<{ unit: Unit }>();
    return entities.map((grant, i) => ({ grant, unit: raw[i]!.unit }));
  };
  const start: readonly [number, number] = [0, 0];
  for await (const chunk of pages(read, ({ grant }) => [grant.accountId, grant.id] as const, start))
    for (const { grant, unit } of chunk) {
      of(unit)[grant.category] += BigInt(grant.remaining + grant.held);
      of(unit)['deferred revenue'] += BigInt(deferredOf(grant));
    }
  const debts = (await runner.query(
    'SELECT unit, CAST(SUM(debt_price) AS CHAR) AS price FROM account GROUP BY unit',
  )) as { unit: Unit; price: string }[];
  for (const { unit, price } of debts) of(unit).receivable = BigInt(price);
  return owed;
}

function compareOwed(unit: Unit, is: Owed, should: Owed = nothingOwed()): void {
  for (const what of Object.keys(is) as (keyof Owed)[])
    if (is[what] !== should[what])
      throw new Divergence(`the books (${unit}): ${what} comes to ${is[what]}, the accounts make ${should[what]}`);
}

function nothingOwed(): Owed {
  return { paid: 0n, promotional: 0n, 'deferred revenue': 0n, receivable: 0n };
}
