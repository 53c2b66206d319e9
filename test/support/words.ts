import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Answer, Client } from './client.js';

/** Credits and tokens are one machine with two vocabularies; what holds for one is tested on both. */
export interface Words {
  readonly name: 'credits' | 'tokens';
  readonly base: string;
  /** For administrators: puts something in. */
  readonly add: string;
  readonly addType: string;
  /** Takes something out. */
  readonly spend: string;
  readonly spendType: string;
  /** The types that its history can be filtered by. */
  readonly types: readonly string[];
  /** The code of a 402. */
  readonly short: string;
  /** What a balance and a summary carry to say what they count. */
  readonly label: Record<string, string>;
  /** The smallest amount, and the greatest. */
  readonly smallest: number;
  readonly greatest: number;
}

export const WORDS: readonly Words[] = [
  {
    name: 'credits',
    base: '/api/credits',
    add: '/api/credits/deposit',
    addType: 'deposit',
    spend: '/api/credits/debit',
    spendType: 'debit',
    types: ['deposit', 'debit', 'refund'],
    short: 'INSUFFICIENT_CREDITS',
    label: { currency: 'USD' },
    smallest: 0.000001,
    greatest: 8_589_934_591.999999,
  },
  {
    name: 'tokens',
    base: '/api/tokens',
    add: '/api/tokens/grant',
    addType: 'grant',
    spend: '/api/tokens/consume',
    spendType: 'consume',
    types: ['purchase', 'grant', 'consume', 'refund'],
    short: 'INSUFFICIENT_TOKENS',
    label: { unit: 'tokens' },
    smallest: 1,
    greatest: Number.MAX_SAFE_INTEGER,
  },
];

/** A name that no other test uses. */
export function newName(): string {
  return `u-${randomBytes(8).toString('hex')}`;
}

/** Everything that an account shows of itself, to see that a refused request has left it as it was. */
export async function stateOf(client: Client, { base }: Words): Promise<{ balance: any; history: any }> {
  const [balance, history] = await Promise.all([
    client.get(`${base}/balance`),
    client.get(`${base}/transactions`, { limit: 200 }),
  ]);
  return { balance: balance.body, history: history.body };
}

/** A transaction as the history shows it to those who are no administrators. */
export function forEverybody({ trace_id: _, idempotency_key: __, account_created: ___, ...transaction }: any): any {
  return transaction;
}

/** The whole history, page by page. */
export async function historyOf(client: Client, { base }: Words): Promise<any[]> {
  const all: any[] = [];
  for (;;) {
    const { body } = await client.get(`${base}/transactions`, { limit: 200, offset: all.length });
    all.push(...body.data);
    if (body.data.length === 0 || all.length >= body.meta.total) return all;
  }
}

/**
 * Ids count 1, 2, 3 … and each balance is the one before it plus the amount. `amounts` are compared as integers of the
 * smallest part.
 */
export function expectUnbroken(history: readonly any[], { smallest }: Pick<Words, 'smallest'>): void {
  const whole = (amount: number) => Math.round(amount / smallest);
  let balance = 0;
  history.forEach((transaction, i) => {
    balance += whole(transaction.amount);
    if (transaction.id !== i + 1 || whole(transaction.balance_after) !== balance) {
      throw new Error(
        `entry ${i + 1} does not follow: ${JSON.stringify(transaction)}; the balance should be ${balance * smallest}`,
      );
    }
  });
}

/** An error in its envelope, with the trace id of its own answer and nothing that only the server should know. */
export function expectError(answer: Answer, status: number, code: string): void {
  expect({
    status: answer.status,
    code: answer.body?.error?.code,
    text: answer.status === status ? '' : answer.text,
  }).toEqual({
    status,
    code,
    text: '',
  });
  expect(Object.keys(answer.body)).toEqual(['error']);
  expect(Object.keys(answer.body.error).sort()).toEqual(['code', 'details', 'docs_url', 'message', 'trace_id']);
  expect(answer.body.error.docs_url).toMatch(new RegExp(`^https?://[^/]+/api/docs/errors#${code}$`));
  expect(answer.body.error.message).toEqual(expect.stringMatching(/\S/));
  if (answer.headers['idempotent-replayed'] === undefined)
    expect(answer.body.error.trace_id).toBe(answer.headers['x-trace-id']);
  expect(answer.text).not.toMatch(
    /\bat .*\.(js|ts):\d|node_modules|\b(SELECT|INSERT|UPDATE|DELETE)\b.*\b(FROM|INTO|SET|WHERE)\b|SQLITE|\bER_[A-Z]/,
  );
}
