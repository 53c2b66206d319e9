import { ask, type Raw, type Tx } from '../../common/database/index.js';
import type { State } from '../domain/index.js';
import type { LedgerTables } from './tables.js';

/** An entry that is to be reversed or repriced, and how much of it was before; undefined when there is none. */
export async function readReversed(
  tx: Tx,
  { entry }: LedgerTables,
  accountId: number,
  sequence: number,
): Promise<State['reversed']> {
  const [[found], [before], repricings] = (await ask<Raw>(tx, [
    { sql: `SELECT ${entry.select} FROM entry WHERE account_id = ? AND sequence = ?`, values: [accountId, sequence] },
    { sql: 'SELECT amount FROM reversal WHERE account_id = ? AND sequence = ?', values: [accountId, sequence] },
    {
      sql: `SELECT p.repricing, r.amount FROM repricing p
            LEFT JOIN reversal r ON r.account_id = p.account_id AND r.sequence = p.repricing
            WHERE p.account_id = ? AND p.sequence = ? ORDER BY p.repricing`,
      values: [accountId, sequence],
    },
  ])) as [Raw[], Raw[], Raw[]];
  if (!found) return undefined;
  const raised = await ask<Raw>(
    tx,
    repricings.map(({ repricing }) => ({
      sql: `SELECT ${entry.select} FROM entry WHERE account_id = ? AND sequence = ?`,
      values: [accountId, Number(repricing)],
    })),
  );
  return {
    entry: entry.read(found),
    amount: Number(before?.['amount'] ?? 0),
    repricings: raised.flatMap(([raw], i) =>
      raw ? [{ entry: entry.read(raw), amount: Number(repricings[i]!['amount'] ?? 0) }] : [],
    ),
  };
}
