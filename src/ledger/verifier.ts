import type { DataSource, QueryRunner } from 'typeorm';
import { isMysql } from '../common/database/index.js';
import { apply, type DailyTotal, dayOf, emptyAccount, type Entry, type EntryType, remaining, type State } from './domain/index.js';
import { AccountRow, DailyTotalRow, EntryRow, HoldRow, OperationRow } from './ledger.entities.js';
import { typesOf } from './ledger.store.js';

const CHUNK = 2_000;
const SPENDING: ReadonlySet<EntryType> = new Set<EntryType>(['debit', 'consume']);

/** The first thing that is not as it must be. */
export class Divergence extends Error {}

/** What was looked at. */
export interface Verified {
  accounts: number;
  entries: number;
}

/**
 * Leads every entry of the accounts through `apply` again and compares everything that is derived from them.
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
  for await (const id of accountIds(dataSource, owner)) {
    verified.entries += await inSnapshot(dataSource, (runner) => verifyAccount(runner, id, onEntries));
    verified.accounts += 1;
  }
  if (owner === undefined) await verifyBelonging(dataSource);
  return verified;
}

/** How many entries there are to verify. */
export async function countEntries(dataSource: DataSource, owner?: string): Promise<number> {
  const total = await dataSource.getRepository(AccountRow).sum('sequence', owner === undefined ? {} : { owner });
  return Number(total ?? 0);
}

/** Replaces the daily totals, which are derived, by what the entries say. Each account is locked while it is done. */
export async function rebuildTotals(runner: QueryRunner, accountId: number): Promise<void> {
  const totals = new Totals();
  for await (const chunk of entries(runner, accountId)) for (const entry of chunk) totals.add(entry);
  await runner.manager.delete(DailyTotalRow, { accountId });
  const rows = totals.rows();
  for (let i = 0; i < rows.length; i += 500) await runner.manager.insert(DailyTotalRow, rows.slice(i, i + 500));
}

/** The ids of the accounts, in order. */
export async function* accountIds(dataSource: DataSource, owner?: string): AsyncGenerator<number> {
  const accounts = dataSource.getRepository(AccountRow);
  for (let last = 0; ;) {
    const query = accounts.createQueryBuilder('a').select('a.id', 'id').where('a.id > :last', { last }).orderBy('a.id').limit(CHUNK);
    if (owner !== undefined) query.andWhere('a.owner = :owner', { owner });
    const rows = await query.getRawMany<{ id: number }>();
    for (const { id } of rows) yield id;
    if (rows.length < CHUNK) return;
    last = rows.at(-1)!.id;
  }
}

/** One moment of the database, so that writers at work look like no divergence. */
async function inSnapshot<T>(dataSource: DataSource, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    if (isMysql(runner)) await runner.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await runner.query(isMysql(runner) ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT' : 'BEGIN');
    try {
      return await work(runner);
    } finally {
      await runner.query('ROLLBACK');
    }
  } finally {
    await runner.release();
  }
}

async function verifyAccount(runner: QueryRunner, id: number, onEntries: (count: number) => void): Promise<number> {
  const account = await runner.manager.findOneByOrFail(AccountRow, { id });
  const fail = (what: string): never => {
    throw new Divergence(`${account.owner} (${account.unit}): ${what}`);
  };
  let state: State = { account: emptyAccount(id, account.unit) };
  const totals = new Totals();
  const captured = new Map<number, number>();
  for await (const chunk of entries(runner, id)) {
    for (const entry of chunk) {
      state = follow(state, entry, fail);
      totals.add(entry);
      if (entry.hold !== null) captured.set(entry.hold, (captured.get(entry.hold) ?? 0) - entry.amount);
    }
    onEntries(chunk.length);
  }

  const { balance, sequence, types, lastAt } = state.account;
  if (account.balance !== balance) fail(`its balance is ${account.balance}, its entries make ${balance}`);
  if (account.sequence !== sequence) fail(`its last number is ${account.sequence}, its last entry is ${sequence}`);
  if (account.lastAt !== lastAt) fail(`its last time is ${account.lastAt}, its last entry's is ${lastAt}`);
  const kept = typesOf(account.types);
  for (const type of new Set([...Object.keys(kept), ...Object.keys(types)]) as Set<EntryType>) {
    const [is, must] = [kept[type], types[type]];
    if (is?.count !== must?.count) fail(`it counts ${is?.count ?? 0} entries of type ${type}, there are ${must?.count ?? 0}`);
    if (is?.total !== must?.total) fail(`its entries of type ${type} come to ${is?.total ?? 0} there, they make ${must?.total ?? 0}`);
  }
  await verifyHolds(runner, account, captured, fail);
  await verifyTotals(runner, id, totals, fail);
  await verifyOperations(runner, account, fail);
  return sequence;
}

/** Nothing is left of an account that is not there; the ids of a table are a skip through its primary key. */
async function verifyBelonging(dataSource: DataSource): Promise<void> {
  for (const table of ['entry', 'operation', 'hold', 'daily_total']) {
    const [orphan] = await dataSource.query<{ id: number }[]>(
      `SELECT t.account_id AS id FROM (SELECT DISTINCT account_id FROM ${table}) t LEFT JOIN account a ON a.id = t.account_id WHERE a.id IS NULL LIMIT 1`,
    );
    if (orphan) throw new Divergence(`${table} has rows of account ${orphan.id}, which is not there`);
  }
}

function follow(state: State, entry: EntryRow, fail: (what: string) => never): State {
  const { type, amount, description, metadata, model, purchaseId } = entry;
  // Funds were judged when the entry was made, with the holds of that moment; what must hold for ever is that no spending went below zero.
  const action = { kind: 'post', type, amount, description, metadata, model, purchaseId, overdraw: true } as const;
  const { state: next, answer } = apply(state, { name: 'verify', key: '', hash: '', traceId: '', action }, entry.createdAt);
  if (answer.outcome === 'key-reused' || answer.outcome.status !== 'posted') return fail(`entry ${entry.sequence} can not follow`);
  const expected: Entry = answer.outcome.entry;
  for (const field of ['sequence', 'typeSequence', 'balanceAfter', 'typeTotal', 'createdAt'] as const) {
    if (entry[field] !== expected[field]) fail(`entry ${entry.sequence}: ${field} is ${entry[field]}, must be ${expected[field]}`);
  }
  if (SPENDING.has(type) && entry.balanceAfter < 0) fail(`entry ${entry.sequence} spent what was not there`);
  return next;
}

async function verifyHolds(
  runner: QueryRunner,
  account: AccountRow,
  captured: ReadonlyMap<number, number>,
  fail: (what: string) => never,
): Promise<void> {
  let [held, open, last, firstExpiry] = [0, 0, 0, Infinity];
  for await (const chunk of pages(
    (after) =>
      runner.manager
        .createQueryBuilder(HoldRow, 'h')
        .where('h.accountId = :id AND h.number > :after', { id: account.id, after })
        .orderBy('h.number')
        .limit(CHUNK)
        .getMany(),
    ({ number }) => number,
  )) {
    for (const hold of chunk) {
      if (hold.number !== last + 1) fail(`hold ${last + 1} is missing`);
      last = hold.number;
      if (hold.captured !== (captured.get(hold.number) ?? 0))
        fail(`hold ${hold.number}: ${hold.captured} captured, its entries make ${captured.get(hold.number) ?? 0}`);
      if (remaining(hold) < 0) fail(`hold ${hold.number}: more was captured than it held`);
      if (hold.status !== 'open') continue;
      held += remaining(hold);
      open += 1;
      firstExpiry = Math.min(firstExpiry, hold.expiresAt);
    }
  }
  if (last !== account.holds) fail(`its last hold is ${account.holds}, there are ${last}`);
  if (held !== account.held) fail(`held is ${account.held}, its open holds keep ${held}`);
  if (open !== account.openHolds) fail(`it counts ${account.openHolds} open holds, there are ${open}`);
  if (firstExpiry < (account.nextExpiry ?? Infinity))
    fail(`a hold expires at ${firstExpiry}, before the next expiry ${account.nextExpiry}`);
}

async function verifyTotals(runner: QueryRunner, accountId: number, totals: Totals, fail: (what: string) => never): Promise<void> {
  const rows = (
    await runner.manager
      .createQueryBuilder(DailyTotalRow, 't')
      .select(['t.day AS day', 't.type AS type', 'CAST(t.amount AS CHAR) AS amount', 't.count AS count'])
      .where({ accountId })
      .getRawMany<Record<'day' | 'type' | 'amount' | 'count', string>>()
  ).map(({ day, type, amount, count }) => ({ day: Number(day), type, amount: BigInt(amount), count: Number(count) }));
  const expected = new Map(totals.rows().map((row) => [`${row.day} ${row.type}`, row]));
  for (const { day, type, amount, count } of rows) {
    const sum = expected.get(`${day} ${type}`);
    if (sum?.amount !== amount || sum.count !== count)
      fail(`the total of ${type} on day ${day} is ${amount} in ${count}, its entries make ${sum?.amount ?? 0} in ${sum?.count ?? 0}`);
    expected.delete(`${day} ${type}`);
  }
  for (const { day, type } of expected.values()) fail(`the total of ${type} on day ${day} is missing`);
}

/** Every operation that was not refused has the one entry or hold that it made, and none of them is missing. */
async function verifyOperations(runner: QueryRunner, account: AccountRow, fail: (what: string) => never): Promise<void> {
  const [ofEntries, ofHolds] = [new Marks(account.sequence), new Marks(account.holds)];
  const next = ([name, key]: [string, string]) =>
    runner.manager
      .createQueryBuilder(OperationRow, 'o')
      .where('o.accountId = :id AND (o.name > :name OR (o.name = :name AND o.idempotencyKey > :key))', { id: account.id, name, key })
      .orderBy({ 'o.name': 'ASC', 'o.idempotencyKey': 'ASC' })
      .limit(CHUNK)
      .getMany();
  let count = 0;
  for await (const chunk of pages(next, ({ name, idempotencyKey }): [string, string] => [name, idempotencyKey], ['', ''] as [
    string,
    string,
  ])) {
    count += chunk.length;
    for (const { name, idempotencyKey, sequence, hold, refusal } of chunk) {
      const called = `operation ${name} "${idempotencyKey.trim()}"`;
      if (sequence !== null && !ofEntries.mark(sequence)) fail(`${called} names entry ${sequence}, which is not there or another's`);
      if (hold !== null && !(name === 'hold' ? ofHolds.mark(hold) : hold <= account.holds))
        fail(`${called} names hold ${hold}, which is not there or another's`);
      // The claim of a batch is the one operation that makes nothing of its own.
      if (sequence === null && hold === null && refusal === null && !name.endsWith('_batch'))
        fail(`${called} was not refused and made nothing`);
      if (refusal !== null && (sequence !== null || hold !== null)) fail(`${called} was refused and yet made something`);
    }
  }
  if (count !== account.operations) fail(`it counts ${account.operations} operations, there are ${count}`);
}

function entries(runner: QueryRunner, accountId: number): AsyncGenerator<EntryRow[]> {
  return pages(
    async (after: number) => {
      const { entities, raw } = await runner.manager
        .createQueryBuilder(EntryRow, 'e')
        .addSelect('CAST(e.type_total AS CHAR)', 'type_total')
        .where('e.accountId = :accountId AND e.sequence > :after AND e.sequence <= :upTo', { accountId, after, upTo: after + CHUNK })
        .orderBy('e.sequence')
        .getRawAndEntities<{ type_total: string }>();
      return entities.map((entry, i) => Object.assign(entry, { typeTotal: BigInt(raw[i]!.type_total) }));
    },
    ({ sequence }) => sequence,
  );
}

/** Reads on from the last row of a page, so that no page costs more than the first. */
async function* pages<T, C>(read: (after: C) => Promise<T[]>, cursor: (row: T) => C, start = 0 as C): AsyncGenerator<T[]> {
  for (let after = start; ;) {
    const rows = await read(after);
    if (rows.length > 0) yield rows;
    if (rows.length < CHUNK) return;
    after = cursor(rows.at(-1)!);
  }
}

class Totals {
  private readonly sums = new Map<string, DailyTotal>();

  add({ accountId, type, amount, createdAt }: Pick<Entry, 'accountId' | 'type' | 'amount' | 'createdAt'>): void {
    const day = dayOf(createdAt);
    const sum = this.sums.get(`${day} ${type}`) ?? { accountId, day, type, amount: 0n, count: 0 };
    sum.amount += BigInt(amount);
    sum.count += 1;
    this.sums.set(`${day} ${type}`, sum);
  }

  rows(): DailyTotal[] {
    return [...this.sums.values()];
  }
}

/** A bit for each number from 1: ten million entries take little more than a megabyte. */
class Marks {
  private readonly bits: Uint8Array;

  constructor(private readonly length: number) {
    this.bits = new Uint8Array((length >> 3) + 1);
  }

  /** Whether the number exists and was not marked before. */
  mark(number: number): boolean {
    const [byte, bit] = [number >> 3, 1 << (number & 7)];
    if (number < 1 || number > this.length || this.bits[byte]! & bit) return false;
    this.bits[byte]! |= bit;
    return true;
  }
}
