import { type DataSource, In, LessThanOrEqual } from 'typeorm';
import {
  type Account,
  type AccountName,
  type Change,
  type Grant,
  hasExpired,
  inBurningOrder,
  ownerAndUnit,
  settle,
  unknownGrants,
} from '../domain/index.js';
import { AccountRow, GrantRow, HoldRow } from '../store/index.js';

/** Reads of an account that others write meanwhile are begun again so often. */
const ROUNDS = 20;

/** An account at a moment, with all that is due by then, whether or not a batch has settled it. */
export interface Moment {
  readonly now: number;
  readonly account: Account;
  /** The number of the last entry that is there; what is due has none yet. */
  readonly last: number;
  /** What a batch would settle now; nothing when nothing is due. */
  readonly due?: Change;
  /** The grants that are open then, in burning order; read when something is due. */
  readonly open?: readonly Grant[];
}

/**
 * An account at a moment. What has expired is settled in memory by the rule that will settle its rows, so that an
 * answer never waits for a batch and never differs from it.
 */
export async function momentOf(dataSource: DataSource, name: AccountName, now: number): Promise<Moment | undefined> {
  for (let round = 1; round <= ROUNDS; round++) {
    const account = await dataSource.manager.findOneBy(AccountRow, ownerAndUnit(name));
    if (!account) return undefined;
    if (!hasExpired(account, now)) return { now, account, last: account.sequence };
    const found = await readDue(dataSource, account, now);
    // Several statements show one moment only if nobody has written the account since the first.
    const after = await dataSource.manager.findOneByOrFail(AccountRow, { id: account.id });
    if (after.version === account.version) return found;
  }
  throw new Error(`${name} kept changing while it was read`);
}

/** A grant as it is at a moment. */
export function grantAt({ due }: Moment, grant: Grant): Grant {
  return due?.grants.find(({ id }) => id === grant.id) ?? grant;
}

async function readDue({ manager }: DataSource, account: Account, now: number): Promise<Moment> {
  const accountId = account.id;
  const rows = await manager.findBy(GrantRow, { accountId, open: 1 });
  const holds = await manager.find(HoldRow, {
    where: { accountId, status: 'open', expiresAt: LessThanOrEqual(now) },
    order: { expiresAt: 'asc' },
  });
  const grants = new Map<number, Grant>(rows.map((row) => [row.id, row]));
  for (let missing = unknownGrants(grants, holds); missing.length > 0; missing = unknownGrants(grants, holds))
    for (const row of await manager.findBy(GrantRow, { accountId, id: In(missing) })) grants.set(row.id, row);
  const known = { open: rows.sort(inBurningOrder), find: (id: number) => grants.get(id) };
  const { draft } = settle({ account, grants: known }, { holds, nextExpiry: null }, now, Infinity);
  return { now, account: draft.account, last: account.sequence, due: draft.change(), open: draft.open() };
}
