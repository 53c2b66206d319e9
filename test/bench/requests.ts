/**
 * Raw HTTP/1.1 requests: the load generator sends them as they stand, so that it spends its time on the wire and not on
 * making them.
 */

/** Where the load generator puts a new idempotency key. */
export const KEY_PLACEHOLDER = '{key}';

export const ACCOUNTS = 1_000;
const DEBIT = { amount: 0.01, description: 'Agent run #4521' };

export const accountName = (i: number): string => `user:bench-${i}`;

/** A debit of each of the first accounts. */
export function debits(token: string, accounts: number, keyed = false): string[] {
  const headers = keyed ? [`Idempotency-Key: ${KEY_PLACEHOLDER}`] : [];
  return Array.from({ length: accounts }, (_, i) =>
    post('/api/credits/debit', token, { ...DEBIT, account: accountName(i) }, headers),
  );
}

/** A batch of debits of the first account. */
export function debitBatch(token: string, items: number): string[] {
  const body = { account: accountName(0), mode: 'independent', items: Array.from({ length: items }, () => DEBIT) };
  return [post('/api/credits/debit/batch', token, body)];
}

export function get(path: string, token?: string): string {
  return message(`GET ${path}`, token === undefined ? [] : [`Authorization: Bearer ${token}`], '');
}

function post(path: string, token: string, body: object, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  return message(
    `POST ${path}`,
    [
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(text)}`,
      ...headers,
    ],
    text,
  );
}

function message(target: string, headers: readonly string[], body: string): string {
  return [`${target} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', body].join('\r\n');
}
