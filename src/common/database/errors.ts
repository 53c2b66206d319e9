/** Another writer came first, so the decision rests on an outdated state. */
export class FenceLost extends Error {
  constructor() {
    super('another writer changed the rows of this transaction');
  }
}

/**
 * The database rolled the transaction back, or refuses to commit it; another attempt may succeed. TiDB's errors have
 * numbers only.
 */
const CONTENTION = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_WRITE_CONFLICT',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_BUSY_SNAPSHOT',
  // TiDB: write conflicts, and commits that were rolled back because of a conflict or a change of the schema.
  '8005',
  '8022',
  '8027',
  '8028',
  '9007',
]);
/** The last one is MySQL's error when KILL QUERY hits the accounts' rewrite. */
const CONTENTION_TEXT = /database is locked|Write conflict|error occurred in multi-table update/i;

/**
 * The database, or the connection to it, is lost or shutting down; the outcome of a commit is unknown. Codes of both
 * drivers, of MySQL, MariaDB and TiDB.
 */
const AWAY = new Set([
  // Client errors of a Vitess tablet that lost the MySQL behind it.
  '2002',
  '2006',
  '2013',
  'ER_SERVER_SHUTDOWN',
  'ER_NORMAL_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_QUERY_INTERRUPTED',
  'ER_CONNECTION_KILLED',
  'ER_CLIENT_INTERACTION_TIMEOUT',
  'ER_OPTION_PREVENTS_STATEMENT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'ERR_STREAM_WRITE_AFTER_END',
  'ER_UNKNOWN_COM_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_USER_LIMIT_REACHED',
  'ER_NET_READ_ERROR',
  'ER_NEW_ABORTING_CONNECTION',
  // A commit was in flight when the node left its cluster; the other nodes may have it.
  'ER_ERROR_DURING_COMMIT',
  'ER_RUN_HOOK_ERROR',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  // TiDB: its storage did not answer in time.
  '9001',
  '9002',
  '9003',
  '9004',
  '9005',
]);
/** The server is read-only because another one is the primary, or it has no quorum. */
const TAKES_NO_WRITES = new Set(['ER_OPTION_PREVENTS_STATEMENT', 'ER_UNKNOWN_COM_ERROR']);
const AWAY_TEXT = /Connection lost|connection is in closed state|Can't add new command|Pool is closed/i;
/** Vitess reports a lost tablet, or a tablet's lost MySQL, without a code of its own. */
const AWAY_VITESS =
  /primary is not serving|operation not allowed in state|code = Unavailable|inconsistent state|no healthy tablet|VT15001/;

/** Whether a fresh attempt at the whole transaction may succeed. */
export function isTransient(error: unknown): boolean {
  if (error instanceof FenceLost) return true;
  const { code, message } = driverError(error);
  return CONTENTION.has(code) || CONTENTION_TEXT.test(message) || isAway(error);
}

/** Whether the transaction that failed so was certainly not committed. */
export function wasUndone(error: unknown): boolean {
  return error instanceof FenceLost || !isAway(error);
}

function isAway(error: unknown): boolean {
  const { code, message } = driverError(error);
  return AWAY.has(code) || AWAY_TEXT.test(message) || (code === 'ER_UNKNOWN_ERROR' && AWAY_VITESS.test(message));
}

/** Whether the server accepts no writes at present; a new connection may reach another one. */
export function takesNoWrites(error: unknown): boolean {
  return TAKES_NO_WRITES.has(driverError(error).code);
}

/** Whether a unique key is taken, or a fence failed. */
export function isFenced(error: unknown): boolean {
  return isDuplicate(error) || driverError(error).code === 'ER_SUBQUERY_NO_1_ROW';
}

/** Whether a unique key is taken. */
export function isDuplicate(error: unknown): boolean {
  const { code, message } = driverError(error);
  return code === 'ER_DUP_ENTRY' || /UNIQUE constraint failed/.test(message);
}

function driverError(error: unknown): { code: string; message: string } {
  type Told = { code?: string | number; errno?: number; message?: string };
  const { code, errno, message } = (error as { driverError?: Told }).driverError ?? (error as Told);
  return { code: String(code ?? errno ?? ''), message: message ?? '' };
}
