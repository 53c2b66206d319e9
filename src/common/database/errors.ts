/** Another writer was there first: what was decided rests on a state that is no longer so. */
export class FenceLost extends Error {
  constructor(what: string) {
    super(`another writer changed ${what}`);
  }
}

/** Codes of both drivers, of MySQL, MariaDB and TiDB, after which the same transaction may well succeed. */
const TRANSIENT = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_SERVER_SHUTDOWN',
  'ER_NORMAL_SHUTDOWN',
  'ER_CON_COUNT_ERROR',
  'ER_QUERY_INTERRUPTED',
  'ER_CONNECTION_KILLED',
  'ER_CLIENT_INTERACTION_TIMEOUT',
  'ER_WRITE_CONFLICT',
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
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_BUSY_SNAPSHOT',
]);
const TRANSIENT_TEXT =
  /Connection lost|connection is in closed state|Can't add new command|Pool is closed|database is locked|Write conflict/i;

/** Whether a fresh attempt at the whole transaction makes sense. */
export function isTransient(error: unknown): boolean {
  if (error instanceof FenceLost) return true;
  const { code, message } = driverError(error);
  return TRANSIENT.has(code) || TRANSIENT_TEXT.test(message);
}

/** Whether the error says that a unique key is taken. */
export function isDuplicate(error: unknown): boolean {
  const { code, message } = driverError(error);
  return code === 'ER_DUP_ENTRY' || /UNIQUE constraint failed/.test(message);
}

function driverError(error: unknown): { code: string; message: string } {
  type Told = { code?: string | number; message?: string };
  const { driverError: inner, code, message } = error as Told & { driverError?: Told };
  return { code: String(inner?.code ?? code ?? ''), message: inner?.message ?? message ?? '' };
}
