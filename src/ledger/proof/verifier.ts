import type { DataSource, QueryRunner } from 'typeorm';
import { AccountRow, DailyTotalRow, OperationRow, OverviewRow, UsageWatermarkRow } from '../store/index.js';
import { type Account, Books, correctedBy, type EntryType, type Hold, type Remembered } from '../domain/index.js';
import { bookSums, replaceBooks, verifyBooks } from './books.js';
import { type Fail, verifyCorrections } from './corrections.js';
import { Divergence, Replay } from './replay.js';
import { accountIds, correctedIn, entries, grants, holds, inSnapshot, pages } from './scan.js';
import { Totals } from './totals.js';
import { UsageProof } from './usage.js';

/** How much was looked at. */
export interface Verified {
  accounts: number;
  entries: number;
}

/**
 * Decides the history of the accounts again and compares everything that is derived from it.
 * @param owner one owner's accounts; without it, all
 * @param onEntries told after each chunk how many entries it had
 * @throws Divergence at the first one found
 */
export async function verifyLedger(
  dataSource: DataSource,
  owner?: string,
  onEntries: (count: number) => void = () => undefined,
): Promise<Verified> {
  const verified: Verified = { accounts: 0, entries: 0 };
  const [before, books] = [await bookSums(dataSource), new Books()];
  for await (const id of accountIds(dataSource, owner)) {
    verified.entries += await inSnapshot(dataSource, (runner) => verifyAccount(runner, id, books, onEntries));
    verified.accounts += 1;
  }
  if (owner === undefined) {
    await verifyBelonging(dataSource);
    await verifyBooks(dataSource, before, books);
  }
  return verified;
}

/**
 * Rebuilds the books of all accounts from their history. What a hold's return paid of a debt is booked on the day of
 * the hold, because the history does not say when it was given back.
 * @throws Divergence when the history itself is inconsistent
 * @throws Error when a server writes meanwhile
 */
export async function rebuildBooks(dataSource: DataSource): Promise<void> {
  const [before, books] = [await bookSums(dataSource), new Books()];
  for await (const id of accountIds(dataSource))
    await inSnapshot(dataSource, (runner) => verifyAccount(runner, id, books, () => undefined));
  await replaceBooks(dataSource, before, books);
}

/** How many entries there are to verify. */
export async function countEntries(dataSource: DataSource, owner?: string): Promise<number> {
  const total = await dataSource.getRepository(AccountRow).sum('sequence', owner === undefined ? {} : { owner });
  return Number(total ?? 0);
}

async function verifyAccount(
  runner: QueryRunner,
  id: number,
  books: Books,
  onEntries: (count: number) => void,
): Promise<number> {
  const row: Account = await runner.manager.findOneByOrFail(AccountRow, { id });
  const fail: Fail = (what) => {
    throw new Divergence(`${row.owner} (${row.unit}): ${what}`);
  };
  const replay = new Replay(row, await grants(runner, id), fail);
  const totals = new Totals();
  const summed = await runner.manager.findOneBy(UsageWatermarkRow, { accountId: id });
  const usage = new UsageProof(runner, row, summed?.watermark ?? 0, fail);
  const opened = new Opened(holds(runner, id), fail);
  replay.holds(await opened.upTo(0));
  for await (const chunk of entries(runner, id)) {
    const corrected = await correctedIn(runner, chunk);
    for (const entry of chunk) {
      replay.entry(entry, corrected.get(entry.reverses ?? 0));
      replay.holds(await opened.upTo(entry.sequence));
      for (const booked of replay.books.splice(0)) books.add(booked);
    }
    totals.add(chunk);
    await usage.add(chunk, (entry) => corrected.get(correctedBy(entry) ?? 0));
    onEntries(chunk.length);
  }
  await opened.end();
  replay.end();
  compareAccount(row, replay.account, fail);
  const first = Math.min(opened.firstExpiry, replay.firstExpiry());
  if (first < (row.nextExpiry ?? Infinity))
    fail(`a hold or grant expires at ${first}, before the next expiry ${row.nextExpiry}`);
  await verifyCorrections(runner, id, replay, fail);
  await verifyTotals(runner, id, totals, fail);
  await usage.end();
  await verifyOperations(runner, row, fail);
  await verifyOverview(runner, row, fail);
  return row.sequence;
}

/** An overview may be behind its account, and never ahead of it. */
async function verifyOverview(runner: QueryRunner, { id, sequence, balance }: Account, fail: Fail): Promise<void> {
  const overview = await runner.manager.findOneBy(OverviewRow, { accountId: id });
  if (!overview) return;
  if (overview.watermark > sequence)
    fail(`its overview is at entry ${overview.watermark}, its last entry is ${sequence}`);
  if (overview.watermark === sequence && overview.balance !== balance)
    fail(`its overview has the balance ${overview.balance}, its entries make ${balance}`);
}

/** The holds of an account, handed out by the entry after which they were opened. */
class Opened {
  /** When the first of the holds that are still open expires. */
  firstExpiry = Infinity;
  private last = 0;
  private chunk: Hold[] = [];
  private next = 0;
  private done = false;

  constructor(
    private readonly chunks: AsyncGenerator<Hold[]>,
    private readonly fail: Fail,
  ) {}

  /** Those that were opened after this entry; the earlier ones have been asked for. */
  async upTo(sequence: number): Promise<Hold[]> {
    const found: Hold[] = [];
    while (!this.done) {
      if (this.next === this.chunk.length) await this.read();
      const hold = this.chunk[this.next];
      if (!hold || hold.openedAfter > sequence) break;
      if (hold.openedAfter < sequence)
        this.fail(`hold ${hold.number} was opened after entry ${hold.openedAfter}, before hold ${this.last}`);
      if (hold.number !== this.last + 1) this.fail(`hold ${this.last + 1} is missing`);
      if (hold.status === 'open') this.firstExpiry = Math.min(this.firstExpiry, hold.expiresAt);
      this.last = hold.number;
      this.next += 1;
      found.push(hold);
    }
    return found;
  }

  async end(): Promise<void> {
    if (this.next === this.chunk.length) await this.read();
    const left = this.chunk[this.next];
    if (left) this.fail(`hold ${left.number} was opened after entry ${left.openedAfter}, which is not there`);
  }

  private async read(): Promise<void> {
    const read = await this.chunks.next();
    this.done = read.done === true;
    this.chunk = read.done ? [] : read.value;
    this.next = 0;
  }
}

function compareAccount(row: Account, must: Account, fail: Fail): void {
  if (row.debtPrice !== must.debtPrice) fail(`its debt cost ${row.debtPrice}, its history makes ${must.debtPrice}`);
  if (row.balance !== must.balance) fail(`its balance is ${row.balance}, its entries make ${must.balance}`);
  if (row.sequence !== must.sequence) fail(`its last number is ${row.sequence}, its last entry is ${must.sequence}`);
  if (row.lastAt !== must.lastAt) fail(`its last time is ${row.lastAt}, its last entry's is ${must.lastAt}`);
  if (row.holds !== must.holds) fail(`its last hold is ${row.holds}, there are ${must.holds}`);
  if (row.holdEvents !== must.holdEvents)
    fail(`it counts ${row.holdEvents} events of holds, there are ${must.holdEvents}`);
  if (row.held !== must.held) fail(`held is ${row.held}, its open holds keep ${must.held}`);
  if (row.openHolds !== must.openHolds) fail(`it counts ${row.openHolds} open holds, there are ${must.openHolds}`);
  compareTypes(row, must, fail);
}

function compareTypes(row: Account, must: Account, fail: Fail): void {
  const none = { count: 0, total: 0n };
  for (const type of new Set([...Object.keys(row.types), ...Object.keys(must.types)]) as Set<EntryType>) {
    const [is, should] = [row.types[type] ?? none, must.types[type] ?? none];
    if (is.count !== should.count) fail(`it counts ${is.count} entries of type ${type}, there are ${should.count}`);
    if (is.total !== should.total)
      fail(`its entries of type ${type} come to ${is.total} there, they make ${should.total}`);
  }
}

/** Nothing is left of an account that is not there; the ids of a table are a skip through its primary key. */
async function verifyBelonging(dataSource: DataSource): Promise<void> {
  for (const table of [
    'entry',
    'operation',
    'hold',
    'balance_grant',
    'reversal',
    'repricing',
    'daily_total',
    'account_overview',
    'usage_sum',
    'usage_watermark',
  ]) {
    const [orphan] = await dataSource.query<{ id: number }[]>(
      `SELECT t.account_id AS id FROM (SELECT DISTINCT account_id FROM ${table}) t LEFT JOIN account a ON a.id = t.account_id WHERE a.id IS NULL LIMIT 1`,
    );
    if (orphan) throw new Divergence(`${table} has rows of account ${orphan.id}, which is not there`);
  }
}

async function verifyTotals(runner: QueryRunner, accountId: number, totals: Totals, fail: Fail): Promise<void> {
  const rows = await runner.manager
    .createQueryBuilder(DailyTotalRow, 't')
    .select(['t.day AS day', 't.type AS type', 'CAST(t.amount AS CHAR) AS amount', 't.count AS count'])
    .where({ accountId })
    .getRawMany<Record<'day' | 'type' | 'amount' | 'count', string>>();
  const expected = new Map(totals.rows().map((row) => [`${row.day} ${row.type}`, row]));
  for (const { day, type, amount, count } of rows) {
    const sum = expected.get(`${day} ${type}`);
    if (sum?.amount !== BigInt(amount) || sum.count !== Number(count))
      fail(
        `the total of ${type} on day ${day} is ${amount} in ${count}, its entries make ${sum?.amount ?? 0} in ${sum?.count ?? 0}`,
      );
    expected.delete(`${day} ${type}`);
  }
  for (const { day, type } of expected.values()) fail(`the total of ${type} on day ${day} is missing`);
}

/** Every operation that was not refused has the one entry or hold that it made, and none of them is missing. */
async function verifyOperations(runner: QueryRunner, account: Account, fail: Fail): Promise<void> {
  const [ofEntries, ofHolds] = [new NumberSet(account.sequence), new NumberSet(account.holds)];
  const read = ([scope, key]: readonly [string, string]) =>
    runner.manager
      .createQueryBuilder(OperationRow, 'o')
      .where('o.accountId = :id AND (o.scope > :scope OR (o.scope = :scope AND o.key > :key))', {
        id: account.id,
        scope,
        key,
      })
      .orderBy({ 'o.scope': 'ASC', 'o.key': 'ASC' })
      .limit(2_000)
      .getMany();
  let count = 0;
  for await (const chunk of pages(read, ({ scope, key }) => [scope, key] as const, ['', ''] as const)) {
    count += chunk.length;
    for (const row of chunk) {
      const called = `operation ${row.scope} "${row.key.trim()}"`;
      if (row.sequence !== null && !ofEntries.add(row.sequence))
        fail(`${called} names entry ${row.sequence}, which is not there or another's`);
      if (row.hold !== null && !(row.scope === 'hold' ? ofHolds.add(row.hold) : row.hold <= account.holds))
        fail(`${called} names hold ${row.hold}, which is not there or another's`);
      const problem = problemOf(row);
      if (problem) fail(`${called} ${problem}`);
    }
  }
  if (count !== account.operations) fail(`it counts ${account.operations} operations, there are ${count}`);
}

/** The claim of a batch is the one operation that makes nothing of its own. */
function problemOf({ scope, sequence, hold, refusal }: Remembered): string | undefined {
  const made = sequence !== null || hold !== null;
  if (refusal !== null) return made ? 'was refused and yet made something' : undefined;
  return made || scope.endsWith('_batch') ? undefined : 'was not refused and made nothing';
}

/** A bit for each number from 1: ten million entries take little more than a megabyte. */
class NumberSet {
  private readonly bits: Uint8Array;

  constructor(private readonly length: number) {
    this.bits = new Uint8Array((length >> 3) + 1);
  }

  /** Whether the number exists and was not added before. */
  add(number: number): boolean {
    const [byte, bit] = [number >> 3, 1 << (number & 7)];
    if (number < 1 || number > this.length || this.bits[byte]! & bit) return false;
    this.bits[byte]! |= bit;
    return true;
  }
}
