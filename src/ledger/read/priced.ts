import { setImmediate } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import { accountName, type AccountName, type Stored, type Unit } from '../domain/index.js';
import { findPositions } from './positions.js';

/** So many accounts or entries are read at once, so that others hardly notice. */
const ACCOUNTS = 500;
const ENTRIES = 2_000;

/** Which spendings of what was used are read; times are milliseconds since 1970, from inclusive, to exclusive. */
export interface PricedSelection {
  readonly unit: Unit;
  readonly from: number;
  readonly to: number;
  /** Absent: all. */
  readonly owner?: string;
  readonly model?: string;
}

/** A spending whose amount follows from its usage. */
export interface PricedEntry {
  readonly sequence: number;
  readonly model: string | null;
  /** JSON text. */
  readonly usage: string;
  /** What it comes to now, reversals and repricings counted. */
  readonly net: Stored;
}

/** Some of an account's spendings, the oldest first. */
export interface PricedEntries {
  readonly account: AccountName;
  readonly accountId: number;
  readonly entries: readonly PricedEntry[];
}

interface Owner {
  readonly id: number;
  readonly name: AccountName;
  /** The number of its last entry. */
  readonly sequence: number;
}

/** Reads the spendings of a period that have usage, account by account. */
export async function* pricedEntries(dataSource: DataSource, wanted: PricedSelection): AsyncGenerator<PricedEntries> {
  for await (const { id, name, sequence } of owners(dataSource, wanted)) {
    const { low, high } = await boundsOf(dataSource, id, sequence, wanted);
    for (let first = low; first <= high; first += ENTRIES) {
      const range = { low: first, high: Math.min(high, first + ENTRIES - 1) };
      const entries = await entriesIn(dataSource, id, range, wanted);
      if (entries.length > 0) yield { account: name, accountId: id, entries };
      // Where the driver waits for nothing, neither do other requests get a turn.
      await setImmediate();
    }
  }
}

async function* owners(dataSource: DataSource, { unit, from, owner }: PricedSelection): AsyncGenerator<Owner> {
  const [only, values] = owner === undefined ? ['', []] : ['AND owner = ?', [owner]];
  for (let after = -1, isMore = true; isMore;) {
    const rows = await dataSource.query<Raw[]>(
      `SELECT id, owner, sequence FROM account WHERE unit = ? ${only} AND last_at >= ? AND id > ? ORDER BY id LIMIT ${ACCOUNTS}`,
      [unit, ...values, from, after],
    );
    for (const raw of rows) {
      const name = accountName({ owner: String(raw['owner']), unit });
      yield { id: Number(raw['id']), name, sequence: Number(raw['sequence']) };
    }
    isMore = rows.length === ACCOUNTS;
    after = Number(rows.at(-1)?.['id']);
  }
}

/** The numbers of the entries that can be of the period. */
async function boundsOf(
  { manager }: DataSource,
  id: number,
  sequence: number,
  { from, to }: PricedSelection,
): Promise<{ low: number; high: number }> {
  if (sequence <= ENTRIES) return { low: 1, high: sequence };
  const found = await findPositions(manager, id, [
    { time: from, length: sequence },
    { time: to, length: sequence },
  ]);
  const at = (time: number) => found.find((each) => each.time === time)!.first;
  return { low: at(from), high: at(to) - 1 };
}

async function entriesIn(
  dataSource: DataSource,
  id: number,
  { low, high }: { low: number; high: number },
  { from, to, model }: PricedSelection,
): Promise<PricedEntry[]> {
  const key = engineOf(dataSource) === 'mysql' ? 'FORCE INDEX (PRIMARY)' : '';
  const [rows, raised] = await Promise.all([
    dataSource.query<Raw[]>(
      `SELECT e.sequence, e.model, e.usage_text, -e.amount - COALESCE(r.amount, 0) AS net
       FROM entry e ${key} LEFT JOIN reversal r ON r.account_id = e.account_id AND r.sequence = e.sequence
       WHERE e.account_id = ? AND e.sequence >= ? AND e.sequence <= ? AND e.created_at >= ? AND e.created_at < ?
         AND e.usage_text IS NOT NULL ORDER BY e.sequence`,
      [id, low, high, from, to],
    ),
    dataSource.query<Raw[]>(
      `SELECT p.sequence, SUM(-e.amount - COALESCE(r.amount, 0)) AS net
       FROM repricing p JOIN entry e ON e.account_id = p.account_id AND e.sequence = p.repricing
       LEFT JOIN reversal r ON r.account_id = p.account_id AND r.sequence = p.repricing
       WHERE p.account_id = ? AND p.sequence >= ? AND p.sequence <= ? GROUP BY p.sequence`,
      [id, low, high],
    ),
  ]);
  const more = new Map(raised.map((raw) => [Number(raw['sequence']), Number(raw['net'])]));
  const entries = rows.map((raw): PricedEntry => {
    const sequence = Number(raw['sequence']);
    const net = (Number(raw['net']) + (more.get(sequence) ?? 0)) as Stored;
    return { sequence, model: raw['model'] as string | null, usage: String(raw['usage_text']), net };
  });
  // Compared here, because databases hold different texts to be equal.
  return model === undefined ? entries : entries.filter((each) => each.model === model);
}

/** Those of these entries that were decided under a key of a scope, which `keyOf` makes of an entry's number. */
export async function decidedOf(
  dataSource: DataSource,
  accountId: number,
  scope: string,
  keys: readonly string[],
): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const rows = await dataSource.query<Raw[]>(
    `SELECT idempotency_key FROM operation
     WHERE account_id = ? AND scope = ? AND idempotency_key IN (${keys.map(() => '?').join(', ')})`,
    [accountId, scope, ...keys],
  );
  return new Set(rows.map((raw) => String(raw['idempotency_key'])));
}
