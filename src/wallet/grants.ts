import type { Principal } from '../auth/index.js';
import { Answered, ApiError, type Idempotency, type Page } from '../common/http/index.js';
import { type Extend, newGrant, type Reverse, type Void } from '../ledger/index.js';
import type { BalanceGrantDto, GrantsQuery } from './grant.dto.js';
import { storedAmount } from './amount.rule.js';
import { askedBy, operation } from './operations.js';
import { toGrant } from './present.js';
import { toTime } from './time.rule.js';
import type { TransactionDto } from './transaction.dto.js';
import type { Wallet } from './wallet.js';

/** What an administrator wants done to a grant or a transaction of an account, and why. */
interface Correction {
  /** Ids count within it. */
  readonly account: string;
  readonly reason: string;
}

/** A page of an account's grants. */
export async function listGrants(wallet: Wallet, who: Principal, query: GrantsQuery): Promise<Page<BalanceGrantDto>> {
  const { account, ...asked } = query;
  const name = wallet.nameFor(who, account);
  const { rows, total } = await wallet.reader.listGrants(name, asked);
  return {
    data: rows.map((grant) => toGrant(name, grant)),
    meta: { total, limit: query.limit, offset: query.offset },
  };
}

/** @throws ApiError NOT_FOUND */
export async function findGrant(
  wallet: Wallet,
  who: Principal,
  id: number,
  account?: string,
): Promise<BalanceGrantDto> {
  const name = wallet.nameFor(who, account);
  const grant = await wallet.reader.grant(name, id);
  if (!grant) throw new ApiError('NOT_FOUND', `This account has no grant ${id}.`);
  return toGrant(name, grant);
}

/**
 * Forfeits what remains of a grant.
 * @throws ApiError NOT_FOUND, CONFLICT when nothing remains
 */
export async function voidGrant(
  wallet: Wallet,
  who: Principal,
  grant: number,
  { account, reason }: Correction,
  asked: Idempotency,
): Promise<Answered<TransactionDto>> {
  const action: Void = { kind: 'void', grant, description: reason };
  return correct(wallet, who, account, action, asked);
}

/**
 * Moves what remains of a grant into a new one that expires later.
 * @throws ApiError NOT_FOUND, CONFLICT when nothing remains, it never expires, or the time is no later
 */
export async function extendGrant(
  wallet: Wallet,
  who: Principal,
  grant: number,
  { account, reason, expires_at: expiresAt }: Correction & { readonly expires_at: string },
  asked: Idempotency,
): Promise<Answered<BalanceGrantDto>> {
  const name = wallet.nameFor(who, account);
  const type = wallet.words.deposit;
  const action: Extend = { kind: 'extend', grant, type, expiresAt: toTime(expiresAt).getTime(), description: reason };
  const { data, replayed } = await correct(wallet, who, account, action, asked);
  const made = await wallet.reader.grant(name, data.id);
  if (!made) throw new Error(`grant ${data.id} of ${name} is not there`);
  // As it was made, whatever has become of it since.
  const amount = storedAmount(wallet.words.unit, data.amount);
  const terms = { ...made, price: made.price - made.carried };
  const whole = newGrant(made.accountId, made.id, amount, terms, made.createdAt);
  return new Answered(toGrant(name, whole), replayed);
}

/**
 * Gives back what a transaction spent, or takes back what remains of the grant that it made.
 * @throws ApiError NOT_FOUND, CONFLICT when less is left, or its type can't be reversed
 */
export async function reverse(
  wallet: Wallet,
  who: Principal,
  entry: number,
  { account, reason, amount }: Correction & { readonly amount?: number },
  asked: Idempotency,
): Promise<Answered<TransactionDto>> {
  const { unit } = wallet.words;
  const action: Reverse = {
    kind: 'reverse',
    entry,
    amount: amount === undefined ? null : storedAmount(unit, amount),
    description: reason,
  };
  return correct(wallet, who, account, action, asked);
}

function correct(
  wallet: Wallet,
  who: Principal,
  account: string,
  action: Void | Extend | Reverse,
  asked: Idempotency,
): Promise<Answered<TransactionDto>> {
  const name = wallet.nameFor(who, account);
  return wallet.post(
    who,
    operation(name, action.kind, action, askedBy(who, name, asked), () => action),
  );
}
