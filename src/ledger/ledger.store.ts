import { Injectable } from '@nestjs/common';
import { affectedRows, FenceLost, forUpdate, insertRows, isDuplicate, isMysql, type Tx } from '../common/database/index.js';
import { type Account, type Addressed, emptyAccount, type Entry, identity, type LockedAccount, type Outcome, type Plan, type Recorded, type Unit } from './domain/index.js';

/** Who owns an account, and in which unit. */
export interface Owner {
  readonly owner: string;
  readonly unit: Unit;
}

interface AccountRecord {
  id: number;
  unit: Unit;
  balance: number;
  held: number;
  sequence: number;
  counts: string;
  last_at: number;
  version: number;
}

interface OperationRecord {
  op_account: number;
  op_name: string;
  op_key: string;
  op_hash: string;
  op_refusal: string | null;
  sequence: number;
  type: Entry['type'];
  type_sequence: number;
  amount: number;
  balance_after: number;
  description: string | null;
  metadata: string | null;
  model: string | null;
  purchase_id: string | null;
  created_at: number;
}

const ENTRY_COLUMNS = ['account_id', 'sequence', 'type', 'type_sequence', 'amount', 'balance_after', 'description', 'metadata', 'model', 'purchase_id', 'created_at'];
const OPERATION_COLUMNS = ['account_id', 'name', 'idempotency_key', 'request_hash', 'sequence', 'refusal', 'created_at'];

/** The ledger's statements. The lanes are the only ones that call it, inside their transaction. */
@Injectable()
export class LedgerStore {
  /** The ids of the owners' accounts; an account that is missing is made, empty. */
  async accountIds(tx: Tx, owners: readonly Owner[]): Promise<number[]> {
    const empty = emptyAccount('USD');
    const rows = owners.map(({ owner, unit }) => [owner, unit, empty.balance, empty.held, empty.sequence, JSON.stringify(empty.counts), empty.lastAt, 0]);
    await insertRows(tx, 'account', ['owner', 'unit', 'balance', 'held', 'sequence', 'counts', 'last_at', 'version'], rows, { key: ['owner', 'unit'] });
    const ids: number[] = [];
    for (const { owner, unit } of owners) {
      const [row] = (await tx.query('SELECT id FROM account WHERE owner = ? AND unit = ?', [owner, unit])) as { id: number }[];
      ids.push(row!.id);
    }
    return ids;
  }

  /** Locks the accounts in the order of their ids, so that two batches never wait for each other crosswise. */
  async lock(tx: Tx, ids: readonly number[]): Promise<LockedAccount[]> {
    const columns = 'id, unit, balance, held, sequence, counts, last_at, version';
    const among = isMysql(tx) ? 'IN (?)' : 'IN (SELECT value FROM json_each(?))';
    const parameter = isMysql(tx) ? ids : JSON.stringify(ids);
    const rows = (await tx.query(`SELECT ${columns} FROM account WHERE id ${among} ORDER BY id${forUpdate(tx)}`, [parameter])) as AccountRecord[];
    return rows.map(({ id, version, unit, balance, held, sequence, counts, last_at }) => ({
      id,
      version,
      account: { unit, balance, held, sequence, counts: JSON.parse(counts) as Account['counts'], lastAt: last_at },
    }));
  }

  /** What is known of these operations, by `identity`. */
  async recorded(tx: Tx, batch: readonly Addressed[]): Promise<Map<string, Recorded>> {
    const known = new Map<string, Recorded>();
    // SQLite answers a point query in microseconds, and one statement that never changes stays prepared.
    const chunk = isMysql(tx) ? batch.length : 1;
    for (let start = 0; start < batch.length; start += chunk) {
      const part = batch.slice(start, start + chunk);
      const rows = (await tx.query(
        `SELECT o.account_id AS op_account, o.name AS op_name, o.idempotency_key AS op_key, o.request_hash AS op_hash, o.refusal AS op_refusal,
                ${ENTRY_COLUMNS.slice(1).map((column) => `e.${column}`).join(', ')}
         FROM operation o LEFT JOIN entry e ON e.account_id = o.account_id AND e.sequence = o.sequence
         WHERE ${part.map(() => '(o.account_id = ? AND o.name = ? AND o.idempotency_key = ?)').join(' OR ')}`,
        part.flatMap(({ accountId, operation }) => [accountId, operation.name, operation.key]),
      )) as OperationRecord[];
      for (const row of rows) known.set(identity(row.op_account, { name: row.op_name, key: row.op_key }), { hash: row.op_hash, outcome: outcomeOf(row) });
    }
    return known;
  }

  /**
   * Writes a plan.
   * @throws FenceLost when another writer has changed one of its accounts since they were read, whatever became of the lock
   */
  async write(tx: Tx, plan: Plan, now: number): Promise<void> {
    try {
      await insertRows(tx, 'entry', ENTRY_COLUMNS, plan.entries.map(({ accountId, entry: e }) => [accountId, e.sequence, e.type, e.typeSequence, e.amount, e.balanceAfter, e.description, e.metadata, e.model, e.purchaseId, e.createdAt]));
      await insertRows(tx, 'operation', OPERATION_COLUMNS, plan.operations.map(({ accountId, operation, outcome }) => [accountId, operation.name, operation.key, operation.hash, ...outcomeColumns(outcome), now]));
    } catch (error) {
      if (isDuplicate(error)) throw new FenceLost('the entries or operations of this batch');
      throw error;
    }
    await insertRows(tx, 'daily_total', ['account_id', 'day', 'type', 'amount', 'count'], plan.totals.map((t) => [t.accountId, t.day, t.type, t.amount, t.count]), {
      key: ['account_id', 'day', 'type'],
      add: ['amount', 'count'],
    });
    await this.rewriteAccounts(tx, plan.accounts);
  }

  private async rewriteAccounts(tx: Tx, rows: readonly LockedAccount[]): Promise<void> {
    if (rows.length === 0) return;
    const values = rows.map(({ id, version, account: a }) => [a.balance, a.held, a.sequence, JSON.stringify(a.counts), a.lastAt, id, version]);
    let rewritten = 0;
    if (isMysql(tx)) {
      const first = 'SELECT ? AS balance, ? AS held, ? AS sequence, ? AS counts, ? AS last_at, ? AS id, ? AS version';
      const source = values.map((_, i) => (i === 0 ? first : 'SELECT ?, ?, ?, ?, ?, ?, ?')).join(' UNION ALL ');
      rewritten = await affectedRows(
        tx,
        `UPDATE account a JOIN (${source}) n ON a.id = n.id AND a.version = n.version
         SET a.balance = n.balance, a.held = n.held, a.sequence = n.sequence, a.counts = n.counts, a.last_at = n.last_at, a.version = a.version + 1`,
        values.flat(),
      );
    } else {
      for (const row of values) {
        rewritten += await affectedRows(tx, 'UPDATE account SET balance = ?, held = ?, sequence = ?, counts = ?, last_at = ?, version = version + 1 WHERE id = ? AND version = ?', row);
      }
    }
    if (rewritten !== rows.length) throw new FenceLost('an account of this batch');
  }
}

function outcomeColumns(outcome: Outcome): [sequence: number | null, refusal: string | null] {
  return outcome.status === 'posted' ? [outcome.entry.sequence, null] : [null, JSON.stringify({ rejection: outcome.rejection, traceId: outcome.traceId })];
}

function outcomeOf(row: OperationRecord): Outcome {
  if (row.op_refusal !== null) return { status: 'refused', ...(JSON.parse(row.op_refusal) as Pick<Extract<Outcome, { status: 'refused' }>, 'rejection' | 'traceId'>) };
  return {
    status: 'posted',
    entry: {
      sequence: row.sequence,
      type: row.type,
      typeSequence: row.type_sequence,
      amount: row.amount,
      balanceAfter: row.balance_after,
      description: row.description,
      metadata: row.metadata,
      model: row.model,
      purchaseId: row.purchase_id,
      createdAt: row.created_at,
    },
  };
}
