import { expect } from '@jest/globals';
import type { Client } from './client.js';
import { expectUnbroken, historyOf, type Words } from './words.js';

const SHARES = ['used', 'held', 'expired', 'voided', 'taken_back', 'remaining'] as const;
const MOMENTS = 10;

/** All grants of a client's account, page by page. */
export async function grantsOf(client: Client, { base }: Pick<Words, 'base'>): Promise<any[]> {
  const all: any[] = [];
  for (;;) {
    const { body } = await client.get(`${base}/grants`, { limit: 200, offset: all.length });
    all.push(...body.data);
    if (body.data.length === 0 || all.length >= body.meta.total) return all;
  }
}

/**
 * What must hold of an account at any moment at which nothing falls due: each grant is the sum of its shares, the
 * balance and the summary are the sums of the grants and of the history. Amounts are compared as integers.
 */
export async function expectSound(client: Client, words: Words): Promise<void> {
  const { base, smallest } = words;
  const whole = (amount: number) => Math.round(amount / smallest);
  const [grants, history] = [await grantsOf(client, words), await historyOf(client, words)];
  const balance = (await client.get(`${base}/balance`)).body.data;
  const summary = (await client.get(`${base}/usage-summary`, { from: '2020-01-01' })).body.data;
  expectUnbroken(history, words);
  for (const grant of grants) {
    const shares = SHARES.map((share) => whole(grant[share]));
    expect({ id: grant.id, shares: sum(shares) }).toEqual({ id: grant.id, shares: whole(grant.amount) });
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0);
    expect({ id: grant.id, status: grant.status }).toEqual({ id: grant.id, status: statusOf(grant) });
  }
  const left = (of: readonly any[]) => sum(of.map(({ remaining }) => whole(remaining)));
  const ofCategory = (wanted: string) => left(grants.filter(({ category }) => category === wanted));
  const moments = [
    ...new Set<string>(grants.filter((each) => each.remaining > 0).flatMap((each) => each.expires_at ?? [])),
  ];
  const { paid, promotional, debt, available, held } = balance;
  expect({
    paid: whole(paid),
    promotional: whole(promotional),
    held: whole(held),
    available: whole(available),
    balance: whole(balance.balance),
    remainsInDebt: debt > 0 ? left(grants) : 0,
    expiring: balance.expiring.map((each: any) => [each.expires_at, whole(each.amount)]),
    as_of: balance.as_of,
  }).toEqual({
    paid: ofCategory('paid'),
    promotional: ofCategory('promotional'),
    held: sum(grants.map((grant) => whole(grant.held))),
    available: whole(paid) + whole(promotional) - whole(debt),
    balance: whole(available) + whole(held),
    remainsInDebt: 0,
    expiring: moments
      .sort()
      .slice(0, MOMENTS)
      .map((at) => [at, left(grants.filter(({ expires_at }) => expires_at === at))]),
    as_of: history.length,
  });
  const { opening_balance: opening, closing_balance: closing, ...totals } = summary;
  const total = (name: string) => whole(totals[`total_${name}`]);
  const came = total('deposited') + total('reversed');
  const went = total('debited') + total('refunded') + total('expired') + total('voided');
  expect({ opening, closing: whole(closing), moved: came - went }).toEqual({
    opening: 0,
    closing: whole(balance.balance),
    moved: whole(balance.balance),
  });
}

function statusOf({ remaining, held, voided, expired }: any): string {
  if (remaining > 0 || held > 0) return 'active';
  return voided > 0 ? 'voided' : expired > 0 ? 'expired' : 'used';
}

function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
