import {
  type Account,
  accountName,
  available,
  type DailyTotal,
  dayOf,
  type Entry,
  type EntryType,
  type Grant,
  type Hold,
  type Remembered,
  remaining,
  type Reversal,
  type Slice,
  type TypeTotal,
} from '../../src/ledger/domain/index.js';

/** All rows of one account. */
export interface Rows {
  readonly account: Account;
  readonly entries: readonly Entry[];
  readonly operations: readonly Remembered[];
  readonly holds: readonly Hold[];
  readonly grants: readonly Grant[];
  readonly reversals: readonly Reversal[];
  readonly totals: readonly DailyTotal[];
}

type Must = (subject: string, is: unknown, should: unknown) => void;

/**
 * Everything that is wrong with an account, by the plainest arithmetic: everything is added up again from the entries,
 * the holds and the grants.
 * @returns nothing when all is as it must be
 */
export function problemsOf(rows: Rows): string[] {
  const problems: string[] = [];
  const must: Must = (subject, is, should) => {
    if (is !== should)
      problems.push(`${accountName(rows.account)}: ${subject} is ${String(is)}, must be ${String(should)}`);
  };
  checkEntries(rows, must);
  checkHolds(rows, must);
  checkGrants(rows, must);
  checkSlices(rows, must);
  checkReversals(rows, must);
  return problems;
}

function checkEntries({ account, entries, operations, totals }: Rows, must: Must): void {
  let [balance, time] = [0, 0];
  const sums = new Map<string, { amount: bigint; count: number }>();
  const types = new Map<EntryType, TypeTotal>();
  entries.forEach((entry, i) => {
    balance += entry.amount;
    must(`the number of entry ${i + 1}`, entry.sequence, i + 1);
    must(`balanceAfter of entry ${i + 1}`, entry.balanceAfter, balance);
    must(`whether time runs on at entry ${i + 1}`, entry.createdAt >= time, true);
    time = entry.createdAt;
    if (entry.type === 'debit' && entry.hold === null)
      must(`whether entry ${i + 1} spent what was there`, balance >= 0, true);
    const made = operations.filter(({ sequence }) => sequence === entry.sequence).length;
    must(`whether one operation at most made entry ${i + 1}`, made <= 1, true);
    const day = `${dayOf(entry.createdAt)} ${entry.type}`;
    const sum = sums.get(day) ?? { amount: 0n, count: 0 };
    sums.set(day, { amount: sum.amount + BigInt(entry.amount), count: sum.count + 1 });
    const before = types.get(entry.type) ?? { count: 0, total: 0n };
    types.set(entry.type, { count: before.count + 1, total: before.total + BigInt(entry.amount) });
    must(`the number of entry ${i + 1} in its type`, entry.typeSequence, before.count + 1);
    must(`the sum of its type at entry ${i + 1}`, entry.typeTotal, before.total + BigInt(entry.amount));
  });
  must('the balance', account.balance, balance);
  must('the last number', account.sequence, entries.length);
  must('the number of operations', account.operations, operations.length);
  for (const [type, { count, total }] of types) {
    must(`the number of type ${type}`, account.types[type]?.count, count);
    must(`the sum of type ${type}`, account.types[type]?.total, total);
  }
  for (const [day, { amount, count }] of sums) {
    const total = totals.find((each) => `${each.day} ${each.type}` === day);
    must(`the sum of ${day}`, total?.amount, amount);
    must(`the count of ${day}`, total?.count, count);
  }
}

function checkHolds({ account, entries, holds, grants }: Rows, must: Must): void {
  const open = holds.filter(({ status }) => status === 'open');
  must('the number of holds', account.holds, holds.length);
  must('the number of open holds', account.openHolds, open.length);
  for (const hold of holds) {
    const captures = entries.filter((entry) => entry.hold === hold.number);
    must(`the captures of hold ${hold.number}`, hold.captured, 0 - sum(captures));
    must(`whether hold ${hold.number} kept enough`, remaining(hold) >= 0, true);
    must(`whether hold ${hold.number} says when it was closed`, hold.closedAfter !== null, hold.status !== 'open');
    must(`the slices of hold ${hold.number}`, sum(hold.slices), hold.amount);
    const units = unitsOf(hold.slices).slice(0, hold.captured);
    const spent = captures.flatMap(({ slices }) => unitsOf(slices));
    must(`the grants that captures of hold ${hold.number} spent`, spent.join(), units.join());
  }
  must(
    'held',
    account.held,
    open.reduce((total, hold) => total + remaining(hold), 0),
  );
  const kept = open.flatMap((hold) => unitsOf(hold.slices).slice(hold.captured));
  for (const grant of grants)
    must(`what holds keep of grant ${grant.id}`, grant.held, kept.filter((id) => id === grant.id).length);
  const ends = [
    ...open.map(({ expiresAt }) => expiresAt),
    ...grants.flatMap(({ expiresAt, remaining: left }) => (left > 0 ? (expiresAt ?? []) : [])),
  ];
  must('whether the next expiry comes in time', (account.nextExpiry ?? Infinity) <= Math.min(...ends), true);
}

function checkGrants({ account, entries, grants }: Rows, must: Must): void {
  for (const grant of grants) {
    const { id, used, held, expired, voided, takenBack } = grant;
    const shares = [used, held, expired, voided, takenBack, grant.remaining];
    must(
      `the sum of the shares of grant ${id}`,
      shares.reduce((total, share) => total + share, 0),
      grant.amount,
    );
    must(
      `whether no share of grant ${id} is negative`,
      shares.every((share) => share >= 0),
      true,
    );
    must(`whether grant ${id} is open`, grant.open, grant.remaining > 0 ? 1 : 0);
    const entry = entries[id - 1];
    must(`when grant ${id} was made`, grant.createdAt, entry?.createdAt);
    if (grant.source === 'extension')
      must(`the grant that ${id} extends`, grants.find((each) => each.extendedBy === id)?.id, grant.extends);
    else if (grant.source === 'return') must(`whether grant ${id} came back`, grant.amount <= entry!.amount, true);
    else must(`the amount of grant ${id}`, grant.amount, entry?.amount);
  }
  for (const { sequence, type } of entries)
    if (type === 'deposit' || type === 'grant' || type === 'purchase')
      must(
        `whether entry ${sequence} made a grant`,
        grants.some(({ id }) => id === sequence),
        true,
      );
  // So debt, which is the rest, is above zero only where nothing remains of any grant.
  const left = grants.reduce((total, grant) => total + grant.remaining, 0);
  must('the sum of all that remains', left, Math.max(0, available(account)));
}

function checkSlices({ entries, grants }: Rows, must: Must): void {
  for (const { sequence, type, amount, slices, expiredAt } of entries) {
    const parts = slices ?? [];
    must(`whether entry ${sequence} names a grant once`, new Set(parts.map(({ grant }) => grant)).size, parts.length);
    const named = sum(parts);
    if (type === 'refund' || (type === 'reversal' && amount > 0))
      must(`whether the slices of entry ${sequence} are part of it`, named <= Math.abs(amount), true);
    else must(`the slices of entry ${sequence}`, named, Math.max(0, 0 - amount));
    if (type === 'expire')
      must(`when entry ${sequence} expired`, expiredAt, grants.find(({ id }) => id === parts[0]?.grant)?.expiresAt);
    else must(`when entry ${sequence} expired`, expiredAt, null);
  }
  const hadDebt = entries.some(
    ({ type, amount, slices }) => type === 'refund' && amount < 0 && sum(slices) + amount < 0,
  );
  for (const grant of grants) {
    const moved = (types: readonly EntryType[], sign: 1 | -1) =>
      entries
        .filter(({ type, amount }) => types.includes(type) && Math.sign(amount) === sign)
        .reduce((total, { slices }) => total + sum(slices?.filter((slice) => slice.grant === grant.id)), 0);
    must(`what expired of grant ${grant.id}`, grant.expired, moved(['expire'], -1));
    // The shares of the others depend on debts that were paid, and on what went over into extensions.
    if (hadDebt || grant.extendedBy !== null || grant.extends !== null) continue;
    must(`what was voided of grant ${grant.id}`, grant.voided, moved(['void'], -1));
    must(`what was used of grant ${grant.id}`, grant.used, moved(['debit', 'consume'], -1) - moved(['reversal'], 1));
    const taken = moved(['refund', 'reversal'], -1) - moved(['refund'], 1);
    must(`what was taken back of grant ${grant.id}`, grant.takenBack, taken);
  }
}

function checkReversals({ entries, grants, reversals }: Rows, must: Must): void {
  for (const { sequence, amount } of entries) {
    const reversed = Math.abs(sum(entries.filter(({ reverses }) => reverses === sequence)));
    const row = reversals.find((each) => each.sequence === sequence);
    must(`how much of entry ${sequence} was reversed`, row?.amount ?? 0, reversed);
    // An extension may have grown by what came back to it.
    if (!grants.some(({ id, source }) => id === sequence && source === 'extension'))
      must(`whether no more of entry ${sequence} was reversed than it moved`, reversed <= Math.abs(amount), true);
  }
}

function sum(parts: readonly { readonly amount: number }[] | null | undefined): number {
  return parts?.reduce((total, { amount }) => total + amount, 0) ?? 0;
}

/** The grant of each single unit. */
function unitsOf(slices: readonly Slice[] | null): number[] {
  return slices?.flatMap(({ grant, amount }) => Array.from({ length: amount }, () => grant)) ?? [];
}
