import { type EntityManager, In, LessThanOrEqual } from 'typeorm';
import { forUpdate, type Transactions } from '../../common/database/index.js';
import {
  type Account,
  type AccountName,
  type Entry,
  type Grant,
  grantIds,
  hasExpired,
  inBurningOrder,
  ownerAndUnit,
  settle,
  unknownGrants,
} from '../domain/index.js';
import { AccountRow, GrantRow, HoldRow } from '../store/index.js';

/** A read of an account that others write meanwhile is begun again so often, and then keeps them waiting. */
const ROUNDS = 5;

/** An account at a moment, with all that is due by then, whether or not a batch has settled it. */
export interface Moment {
  readonly now: number;
  readonly account: Account;
  /** The number of the last entry that is there; what is due has none yet. */
  readonly last: number;
  /** What a batch would settle now; absent when nothing is due. */
  readonly due?: {
    readonly entries: readonly Entry[];
    /** The grants that change, as they are then, by id. */
    readonly grants: ReadonlyMap<number, Grant>;
    /** The grants that are open then. */
    readonly open: readonly Grant[];
  };
}

/** Where a moment is read, and the transactions that keep writers away from it. */
export interface Source {
  readonly manager: EntityManager;
  readonly transactions: Transactions;
}

/**
 * Reads an account at a moment. What has expired is settled in memory by the rule that will settle its rows, so that an
 * answer never waits for a batch and never differs from it.
 * @param read reads the rest; when something is due, nobody has written the account meanwhile
 * @returns undefined when there is no account
 */
export async function atMoment<T>(
  { manager, transactions }: Source,
  name: AccountName,
  now: number,
  read: (manager: EntityManager, moment: Moment) => Promise<T>,
): Promise<T | undefined> {
  for (let round = 1; round <= ROUNDS; round++) {
    const account = await manager.findOneBy(AccountRow, ownerAndUnit(name));
    if (!account) return undefined;
    const found = await read(manager, await momentOf(manager, account, now));
    if (!hasExpired(account, now)) return found;
    // Several statements show one moment only if nobody has written the account since the first.
    const after = await manager.findOneByOrFail(AccountRow, { id: account.id });
    if (after.version === account.version) return found;
  }
  // The writer's clock may be behind, so it settles nothing that is due here.
  return transactions.run(async (tx) => {
    const { owner, unit } = ownerAndUnit(name);
    await tx.query(`SELECT id FROM account WHERE owner = ? AND unit = ?${forUpdate(tx)}`, [owner, unit]);
    const account = await tx.manager.findOneByOrFail(AccountRow, { owner, unit });
    return read(tx.manager, await momentOf(tx.manager, account, now));
  });
}

/** A grant as it is at a moment. */
export function grantAt({ due }: Moment, grant: Grant): Grant {
  return due?.grants.get(grant.id) ?? grant;
}

async function momentOf(manager: EntityManager, account: Account, now: number): Promise<Moment> {
  if (!hasExpired(account, now)) return { now, account, last: account.sequence };
  const accountId = account.id;
  const rows = await manager.findBy(GrantRow, { accountId, open: 1 });
  const holds = await manager.find(HoldRow, {
    where: { accountId, status: 'open', expiresAt: LessThanOrEqual(now) },
    order: { expiresAt: 'asc' },
  });
  const grants = new Map<number, Grant>(rows.map((row) => [row.id, row]));
  const held = holds.flatMap(grantIds);
  for (let missing = unknownGrants(grants, held); missing.length > 0; missing = unknownGrants(grants, held)) {
    const found = await manager.findBy(GrantRow, { accountId, id: In(missing) });
    if (found.length === 0) throw new Error(`grant ${missing[0]} of account ${accountId} is not there`);
    for (const row of found) grants.set(row.id, row);
  }
  const known = { open: rows.sort(inBurningOrder), find: (id: number) => grants.get(id) };
  const { draft } = settle({ account, grants: known }, { holds, nextExpiry: null }, now, Infinity);
  const changed = new Map(draft.change().grants.map((grant) => [grant.id, grant]));
  return {
    now,
    account: draft.account,
    last: account.sequence,
    due: { entries: draft.entries, grants: changed, open: draft.open() },
  };
}
