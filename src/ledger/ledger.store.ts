import { Injectable } from '@nestjs/common';
import { randomInt } from 'node:crypto';
import { ask, execute, forUpdate, insertRows, isMysql, type Statement, type Tx, updateRows, write } from '../common/database/index.js';
import {
  type Account,
  emptyAccount,
  type Entry,
  type Expired,
  type Hold,
  holdIdentity,
  identity,
  isMadeBy,
  type Keyed,
  type Loaded,
  type Outcome,
  type Plan,
  type Recorded,
  type Unit,
} from './domain/index.js';

/** Who owns an account, and in which unit. */
export interface Owner {
  readonly owner: string;
  readonly unit: Unit;
}

/** What tells an attempt at a batch from all others. */
export interface Mark {
  readonly writer: string;
  /** The writer's count. */
  readonly number: number;
  /** What the accounts that it changes bear from then on. */
  readonly version: number;
}

/** A version that no state of an account has had. */
export function newVersion(): number {
  return randomInt(1, 2 ** 48 - 1);
}

/** What the lock of a batch's accounts lets it know. */
export interface Locked extends Pick<Loaded, 'locked' | 'recorded'> {
  /** Whose the locked accounts are, in their order. */
  readonly owners: readonly string[];
  /** The number of the last batch that the writer asked about committed. */
  readonly committed: number | undefined;
}

type Row = Record<string, string | number | null>;

const ENTRY = [
  'account_id',
  'sequence',
  'type',
  'type_sequence',
  'type_total',
  'amount',
  'balance_after',
  'description',
  'metadata',
  'model',
  'purchase_id',
  'hold',
  'created_at',
];
const HOLD = ['account_id', 'number', 'status', 'amount', 'captured', 'description', 'metadata', 'expires_at', 'created_at'];
const OPERATION = ['account_id', 'name', 'idempotency_key', 'request_hash', 'sequence', 'hold', 'refusal', 'created_at'];
const ACCOUNT = ['unit', 'balance', 'held', 'sequence', 'types', 'holds', 'open_holds', 'operations', 'next_expiry', 'last_at'];

const select = (table: string, columns: readonly string[]) =>
  columns.map((column) => `${table}.${column} AS ${table}_${column}`).join(', ');

/** A row of `operation` whose entry or hold is not there, or is another's: it has no answer, and doing it again might do it twice. */
class Orphan extends Error {}

/** The ledger's statements. The lanes are the only ones that call it, inside their transaction. */
@Injectable()
export class LedgerStore {
  /** The ids of the owners' accounts; an account that is missing is made, empty. */
  async accountIds(tx: Tx, owners: readonly Owner[]): Promise<number[]> {
    const known = await this.findIds(tx, owners);
    const missing = owners.filter((_, i) => known[i] === undefined);
    if (missing.length > 0) {
      // Only these, for an insert that finds its row there takes a number of the sequence all the same.
      const rows = missing.map(({ owner, unit }) => [owner, ...accountValues(emptyAccount(0, unit)), newVersion()]);
      await execute(tx, insertRows(tx, 'account', ['owner', ...ACCOUNT, 'version'], rows, { key: ['owner', 'unit'] }));
    }
    return (missing.length > 0 ? await this.findIds(tx, owners) : known) as number[];
  }

  private async findIds(tx: Tx, owners: readonly Owner[]): Promise<(number | undefined)[]> {
    const ids: (number | undefined)[] = [];
    for (const { owner, unit } of owners) {
      const [rows] = await ask<{ id: number }>(tx, [{ sql: 'SELECT id FROM account WHERE owner = ? AND unit = ?', values: [owner, unit] }]);
      ids.push(rows![0]?.id);
    }
    return ids;
  }

  /**
   * Locks the accounts, in the order of their ids, so that two batches never wait for each other crosswise; says what is known of the keys, and the
   * last batch that `writer` committed.
   * @throws Orphan when a key is remembered for something that is not there
   */
  async lock(tx: Tx, ids: readonly number[], keyed: readonly Keyed[], writer?: string): Promise<Locked> {
    // Forced: a walk over all rows would wait for those that other batches have locked, and they for these.
    const [among, parameter] = isMysql(tx)
      ? ['FORCE INDEX (PRIMARY) WHERE id IN (?)', ids]
      : ['WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids)];
    const [accounts, ...others] = await ask<Row>(tx, [
      { sql: `SELECT id, owner, ${ACCOUNT.join(', ')}, version FROM account ${among} ORDER BY id${forUpdate(tx)}`, values: [parameter] },
      ...either(tx, keyed, RECORDED, '(o.account_id = ? AND o.name = ? AND o.idempotency_key = ?)', ({ accountId, operation }) => [
        accountId,
        operation.name,
        operation.key,
      ]),
      ...(writer === undefined ? [] : [{ sql: 'SELECT number FROM writer WHERE id = ?', values: [writer] }]),
    ]);
    const [last] = writer === undefined ? [] : others.pop()!;
    return {
      locked: accounts!.map((row) => ({ version: Number(row['version']), account: accountOf(row) })),
      owners: accounts!.map((row) => String(row['owner'])),
      recorded: recordedOf(others.flat(), keyed),
      committed: last && Number(last['number']),
    };
  }

  /** The account's open holds that have expired by `now`, the oldest first and at most `limit` of them. */
  async expiredHolds(tx: Tx, accountId: number, now: number, limit: number): Promise<Expired> {
    const open = "FROM hold WHERE account_id = ? AND status = 'open' AND expires_at";
    const [due, [next]] = (await ask<Row>(tx, [
      { sql: `SELECT number, amount, captured, expires_at ${open} <= ? ORDER BY expires_at LIMIT ?`, values: [accountId, now, limit] },
      { sql: `SELECT MIN(expires_at) AS expires_at ${open} > ?`, values: [accountId, now] },
    ])) as [Row[], [Row]];
    const first = due.length === limit ? due.at(-1)! : next;
    return {
      accountId,
      holds: due.map((row) => ({ number: Number(row['number']), amount: Number(row['amount']), captured: Number(row['captured']) })),
      nextExpiry: first['expires_at'] === null ? null : Number(first['expires_at']),
    };
  }

  /** The holds of these numbers, by `holdIdentity`. */
  async holds(tx: Tx, named: readonly { accountId: number; number: number }[]): Promise<Map<string, Hold>> {
    const statements = either(tx, named, HELD, '(h.account_id = ? AND h.number = ?)', ({ accountId, number }) => [accountId, number]);
    const rows = (await ask<Row>(tx, statements)).flat();
    return new Map(rows.map((row) => [holdIdentity(Number(row['h_account_id']), Number(row['h_number'])), holdOf(row)]));
  }

  /**
   * Writes a plan, and that this attempt at it was committed.
   * @param commit whether the transaction ends with it
   * @throws FenceLost when one of its accounts is no longer as it was read, whatever became of the lock, or a key is remembered already
   */
  async write(tx: Tx, plan: Plan, mark: Mark, now: number, commit: boolean): Promise<void> {
    if (plan.accounts.length === 0) return;
    const operations = plan.operations.map(({ accountId, operation: o, outcome }) => [
      accountId,
      o.name,
      o.key,
      o.hash,
      ...outcomeValues(outcome),
      outcome.status === 'posted' ? outcome.entry.createdAt : now,
    ]);
    const changedHolds = plan.changedHolds.map((hold) => [hold.accountId, hold.number, hold.status, hold.captured]);
    const totals = plan.totals.map((t) => [t.accountId, t.day, t.type, String(t.amount), t.count]);
    const accounts = plan.accounts.map(({ version, account }) => [account.id, version, ...accountValues(account), mark.version]);
    await write(
      tx,
      updateRows(tx, 'account', ['id', 'version'], [...ACCOUNT, 'version'], accounts),
      accounts.length,
      [
        ...insertRows(tx, 'entry', ENTRY, plan.entries.map(entryValues)),
        ...insertRows(tx, 'operation', OPERATION, operations),
        ...insertRows(tx, 'hold', HOLD, plan.newHolds.map(holdValues)),
        ...updateRows(tx, 'hold', ['account_id', 'number'], ['status', 'captured'], changedHolds),
        ...insertRows(tx, 'daily_total', ['account_id', 'day', 'type', 'amount', 'count'], totals, {
          key: ['account_id', 'day', 'type'],
          add: ['amount', 'count'],
        }),
        ...insertRows(tx, 'writer', ['id', 'number', 'written_at'], [[mark.writer, mark.number, now]], {
          key: ['id'],
          // A batch that was given up long ago may still be committed: it must not hide what was committed since.
          raise: ['number', 'written_at'],
        }),
      ],
      commit,
    );
  }

  /** Removes the rows of writers that will write no more: these, and those that have not written since `before`. */
  async forgetWriters(tx: Tx, ids: readonly string[], before: number): Promise<void> {
    await execute(tx, [
      ...ids.map((id) => ({ sql: 'DELETE FROM writer WHERE id = ?', values: [id] })),
      { sql: 'DELETE FROM writer WHERE written_at < ?', values: [before] },
    ]);
  }
}

const HELD = `SELECT ${select('h', HOLD)} FROM hold h WHERE `;
const RECORDED = `SELECT ${select('o', OPERATION)}, ${select('e', ENTRY).replace('e.type_total', 'CAST(e.type_total AS CHAR)')}, ${select('h', HOLD)}
  FROM operation o
  LEFT JOIN entry e ON e.account_id = o.account_id AND e.sequence = o.sequence AND e.created_at = o.created_at
  LEFT JOIN hold h ON h.account_id = o.account_id AND h.number = o.hold
  WHERE `;

/** Point reads in one statement; on SQLite one by one, where each takes microseconds and the statement stays prepared. */
function either<T>(tx: Tx, items: readonly T[], head: string, term: string, values: (item: T) => (string | number)[]): Statement[] {
  if (items.length === 0) return [];
  if (isMysql(tx)) return [{ sql: head + items.map(() => term).join(' OR '), values: items.flatMap(values) }];
  return items.map((item) => ({ sql: head + term, values: values(item) }));
}

function accountValues(a: Account) {
  return [a.unit, a.balance, a.held, a.sequence, textOf(a.types), a.holds, a.openHolds, a.operations, a.nextExpiry, a.lastAt];
}

function accountOf(row: Row): Account {
  return {
    id: Number(row['id']),
    unit: row['unit'] as Unit,
    balance: Number(row['balance']),
    held: Number(row['held']),
    sequence: Number(row['sequence']),
    types: typesOf(String(row['types'])),
    holds: Number(row['holds']),
    openHolds: Number(row['open_holds']),
    operations: Number(row['operations']),
    nextExpiry: row['next_expiry'] === null ? null : Number(row['next_expiry']),
    lastAt: Number(row['last_at']),
  };
}

/** What the entries of each type come to, as their account's row keeps it: the sums as text, because JSON numbers are doubles. */
function textOf(types: Account['types']): string {
  let text = '';
  for (const [type, { count, total }] of Object.entries(types)) text += `${text ? ',' : ''}"${type}":[${count},"${total}"]`;
  return `{${text}}`;
}

/** The opposite of `textOf`. */
export function typesOf(text: string): Account['types'] {
  const entries = Object.entries(JSON.parse(text) as Record<string, [count: number, total: string]>);
  return Object.fromEntries(entries.map(([type, [count, total]]) => [type, { count, total: BigInt(total) }]));
}

function entryValues(e: Entry) {
  return [
    e.accountId,
    e.sequence,
    e.type,
    e.typeSequence,
    String(e.typeTotal),
    e.amount,
    e.balanceAfter,
    e.description,
    e.metadata,
    e.model,
    e.purchaseId,
    e.hold,
    e.createdAt,
  ];
}

function entryOf(row: Row): Entry {
  return {
    accountId: Number(row['e_account_id']),
    sequence: Number(row['e_sequence']),
    type: row['e_type'] as Entry['type'],
    typeSequence: Number(row['e_type_sequence']),
    typeTotal: BigInt(row['e_type_total']!),
    amount: Number(row['e_amount']),
    balanceAfter: Number(row['e_balance_after']),
    description: row['e_description'] as string | null,
    metadata: row['e_metadata'] as string | null,
    model: row['e_model'] as string | null,
    purchaseId: row['e_purchase_id'] as string | null,
    hold: row['e_hold'] === null ? null : Number(row['e_hold']),
    createdAt: Number(row['e_created_at']),
  };
}

function holdValues(h: Hold) {
  return [h.accountId, h.number, h.status, h.amount, h.captured, h.description, h.metadata, h.expiresAt, h.createdAt];
}

function holdOf(row: Row): Hold {
  return {
    accountId: Number(row['h_account_id']),
    number: Number(row['h_number']),
    status: row['h_status'] as Hold['status'],
    amount: Number(row['h_amount']),
    captured: Number(row['h_captured']),
    description: row['h_description'] as string | null,
    metadata: row['h_metadata'] as string | null,
    expiresAt: Number(row['h_expires_at']),
    createdAt: Number(row['h_created_at']),
  };
}

function outcomeValues(outcome: Outcome): [sequence: number | null, hold: number | null, refusal: string | null] {
  if (outcome.status === 'posted') return [outcome.entry.sequence, null, null];
  if (outcome.status === 'held') return [null, outcome.hold.number, null];
  if (outcome.status === 'claimed') return [null, null, null];
  return [null, null, JSON.stringify({ rejection: outcome.rejection, traceId: outcome.traceId })];
}

function identityOf(row: Row): string {
  return identity(Number(row['o_account_id']), { name: String(row['o_name']), key: String(row['o_idempotency_key']) });
}

function recordedOf(rows: readonly Row[], keyed: readonly Keyed[]): Map<string, Recorded> {
  if (rows.length === 0) return new Map();
  const asked = new Map(keyed.map(({ accountId, operation }) => [identity(accountId, operation), operation]));
  return new Map(
    rows.map((row) => {
      const id = identityOf(row);
      const recorded = { hash: String(row['o_request_hash']), outcome: outcomeOf(row) };
      const operation = asked.get(id);
      if (recorded.hash === operation?.hash && !isMadeBy(operation.action, recorded.outcome))
        throw new Orphan(`operation ${id} names entry ${row['o_sequence']} or hold ${row['o_hold']}, which is not there or another's`);
      return [id, recorded];
    }),
  );
}

function outcomeOf(row: Row): Outcome {
  if (row['o_refusal'] !== null)
    return {
      status: 'refused',
      ...(JSON.parse(String(row['o_refusal'])) as Pick<Extract<Outcome, { status: 'refused' }>, 'rejection' | 'traceId'>),
    };
  if (row['o_sequence'] !== null) return { status: 'posted', entry: entryOf(row) };
  if (row['o_hold'] === null) return { status: 'claimed' };
  const hold = holdOf(row);
  // A hold that was opened was open and whole; what became of it since is not part of that answer. A released one never changes again.
  return { status: 'held', hold: row['o_name'] === 'hold' ? { ...hold, status: 'open', captured: 0 } : hold };
}
