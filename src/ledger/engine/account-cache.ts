import { LRUCache } from 'lru-cache';
import {
  type AccountName,
  type Effects,
  type Grant,
  grantIds,
  type Group,
  hasExpired,
  type Hold,
  isLate,
  isPurchase,
  type Known,
  needs,
  place,
  unknownGrants,
} from '../domain/index.js';

/** Accounts, open holds and grants, together. */
const ROWS = 100_000;
const HOLDS_OF_ACCOUNT = 1_000;
const NONE: ReadonlyMap<never, never> = new Map<never, never>();

/** An account as this process last knew it, and whether nobody else has written it between two of our batches. */
interface Cached extends Known {
  readonly open: Grant[];
  readonly grants: Map<number, Grant>;
  readonly holds: Map<number, Hold>;
  readonly alone: boolean;
}

/**
 * The accounts as the last batches left them, with their open holds and grants, so that the next batch need not ask for
 * them. The cache may be wrong at any time, because other processes write too: a decision from it counts only if the
 * write finds every account at the version that was remembered.
 */
export class AccountCache {
  private readonly accounts = new LRUCache<AccountName, Cached>({
    maxSize: ROWS,
    sizeCalculation: ({ holds, grants }) => 1 + holds.size + grants.size,
  });

  /**
   * All that must be known for a batch, if it is remembered. This is the one list of reads that no memory replaces: an
   * account that others write too, holds and grants that have expired, a hold or a grant of it that is not remembered,
   * a grant, entry or purchase that is named, and the keys of operations that are done together, come too late or add
   * what a purchase brought, because a refusal of those is not written. Whether a single operation's key is taken
   * otherwise, the write finds out.
   */
  recall(names: Iterable<AccountName>, groups: readonly Group[], now: number): Map<AccountName, Known> | undefined {
    const known = new Map<AccountName, Known>();
    for (const name of names) {
      const cached = this.accounts.get(name);
      if (!cached?.alone || hasExpired(cached.account, now)) return undefined;
      known.set(name, cached);
    }
    return groups.every((group) => isRemembered(known, group, now)) ? known : undefined;
  }

  /** Takes in the state in which a batch has left its accounts. */
  learn(known: ReadonlyMap<AccountName, Known>, effects: Effects, version: number): void {
    const changed = new Map(effects.accounts.map((account) => [account.id, account]));
    const learnt = new Map<number, Cached>();
    for (const [name, before] of known) {
      const after = changed.get(before.account.id);
      const account = after ? { ...after, version } : before.account;
      learnt.set(account.id, merged(this.accounts.peek(name), before, { account, nextExpiry: account.nextExpiry }));
    }
    for (const hold of effects.holds) keep(learnt.get(hold.accountId)!, hold);
    const { made, moved, changed: others } = effects.grants;
    for (const grants of [made, moved, others])
      for (const grant of grants) keepGrant(learnt.get(grant.accountId)!, grant);
    for (const [name, { account }] of known) this.accounts.set(name, learnt.get(account.id));
  }
}

/** Whether what is remembered of accounts is all that a group needs. */
function isRemembered(known: ReadonlyMap<AccountName, Known>, group: Group, now: number): boolean {
  if (group.length > 1 || isLate(group[0]!, now) || isPurchase(group[0]!)) return false;
  const { hold: named, grant, entry, purchaseId } = needs(group[0]!);
  if ((grant ?? entry ?? purchaseId) !== undefined) return false;
  if (!named) return true;
  const { account, holds, grants } = known.get(group[0]!.account)!;
  if (named.accountId !== account.id || named.number > account.holds) return true;
  const hold = holds.get(named.number);
  return hold !== undefined && unknownGrants(grants, grantIds(hold)).length === 0;
}

/** What was remembered of an account, and what a batch has read of it. */
function merged(cached: Cached | undefined, before: Known, now: Pick<Cached, 'account' | 'nextExpiry'>): Cached {
  const alone = cached?.account.version === before.account.version;
  const rest = { replays: NONE, expired: [], reversed: NONE, purchases: NONE, alone };
  if (!alone)
    return { ...now, ...rest, open: [...before.open], grants: new Map(before.grants), holds: new Map(before.holds) };
  const { open, grants, holds } = cached;
  const all = { ...now, ...rest, open, grants, holds };
  if (before === cached) return all;
  for (const hold of before.holds.values()) keep(all, hold);
  for (const grant of before.grants.values()) if (!grants.has(grant.id)) keepGrant(all, grant);
  return all;
}

function keep({ holds }: Cached, hold: Hold): void {
  if (hold.status !== 'open') holds.delete(hold.number);
  else if (holds.set(hold.number, hold).size > HOLDS_OF_ACCOUNT) holds.delete(holds.keys().next().value!);
}

function keepGrant({ open, grants }: Cached, grant: Grant): void {
  place(open, grant);
  if (grant.remaining > 0 || grant.held > 0) grants.set(grant.id, grant);
  else grants.delete(grant.id);
}
