import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, In } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import { accountName, type AccountName, type Entry, type Stored } from '../domain/index.js';
import { findPositions } from '../read/index.js';
import { AccountRow, EntryRow, ReversalRow } from '../store/index.js';
import { Follower } from './follower.js';
import { ALL, isRare, lookupHash } from './lookup-key.js';

/** A request looks through no more entries than this, … */
const MOST_LOOKED = 50_000;
/** … with so many in a statement. */
const CHUNK = 200;

/** What entries are listed, of all accounts unless one owner is named; the newest first. */
export interface EntriesWanted {
  readonly owner?: string;
  readonly actor?: string;
  readonly type?: string;
  readonly traceId?: string;
  readonly idempotencyKey?: string;
  /** Milliseconds since 1970: from inclusive, to exclusive. */
  readonly from?: number;
  readonly to?: number;
  readonly limit: number;
  /** The page begins after this entry. */
  readonly after?: EntryPlace;
}

/** An entry's place in the order of a list: its time, then its account and number. */
export type EntryPlace = Pick<Entry, 'accountId' | 'sequence' | 'createdAt'>;

/** An entry, whose it is, and how much of it was reversed. */
export interface FoundEntry {
  readonly account: AccountName;
  readonly entry: Entry;
  readonly reversed: Stored | undefined;
}

/** Entries of one account that are named by their numbers, both included. */
interface Span {
  readonly accountId: number;
  readonly first: number;
  readonly last: number;
}

type Light = EntryPlace & Pick<Entry, 'type' | 'actor' | 'traceId' | 'idempotencyKey'>;

/** Some of the next entries after a place, in order, about as many as asked for; and the place that they reach. */
type Source = (after: EntryPlace, size: number) => Promise<{ entries: Light[]; end?: EntryPlace }>;

/**
 * Lists entries across accounts. The lookup says where they are; every value is compared with the entry's own, because
 * two values may share a hash.
 */
@Injectable()
export class EntriesReader {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly follower: Follower,
  ) {}

  /** A page of entries. It may be short and have another after it, when few of the entries looked through fit. */
  async list(wanted: EntriesWanted): Promise<{ rows: FoundEntry[]; rest?: EntryPlace }> {
    await this.follower.flush();
    const { owner, limit, from = 0, to = Number.MAX_SAFE_INTEGER } = wanted;
    const accounts = owner === undefined ? undefined : await this.dataSource.manager.findBy(AccountRow, { owner });
    const next = this.sourceOf(wanted, accounts);
    const found: Light[] = [];
    let after: EntryPlace | undefined = wanted.after ?? { createdAt: to, accountId: 0, sequence: 0 };
    for (let [looked, size] = [0, limit + 1]; looked < MOST_LOOKED; looked += size, size = CHUNK) {
      const { entries, end } = await next(after, size);
      for (const entry of entries) {
        if (entry.createdAt < from) return { rows: await this.whole(found) };
        if (!fits(wanted, accounts, entry)) continue;
        if (found.length === limit) return { rows: await this.whole(found), rest: found.at(-1) };
        found.push(entry);
      }
      after = end;
      if (!after) break;
      // Where the driver waits for nothing, neither do other requests get a turn.
      await setImmediate();
    }
    return { rows: await this.whole(found), rest: after };
  }

  /** Where the fewest entries are to be looked through. */
  private sourceOf(
    { traceId, idempotencyKey, actor, type }: EntriesWanted,
    accounts: readonly AccountRow[] | undefined,
  ): Source {
    if (traceId !== undefined) return this.lookup(lookupHash('trace', traceId));
    if (idempotencyKey !== undefined) return this.lookup(lookupHash('key', idempotencyKey));
    if (accounts) return this.histories(accounts);
    if (actor !== undefined) return this.lookup(lookupHash('actor', actor));
    return this.lookup(type !== undefined && isRare(type) ? lookupHash('type', type) : ALL);
  }

  private lookup(hash: number): Source {
    return async (after, size) => {
      const { createdAt, accountId, sequence } = after;
      const rows = await this.dataSource.query<Raw[]>(
        `SELECT account_id, first_sequence, last_sequence, created_at FROM entry_lookup
         WHERE value_hash = ? AND created_at <= ?
           AND (created_at < ? OR account_id < ? OR (account_id = ? AND first_sequence < ?))
         ORDER BY created_at DESC, account_id DESC, last_sequence DESC LIMIT ${size}`,
        [hash, createdAt, createdAt, accountId, accountId, sequence],
      );
      const spans: Span[] = [];
      let [room, end]: [number, EntryPlace | undefined] = [size, undefined];
      for (const raw of rows) {
        const [id, time] = [Number(raw['account_id']), Number(raw['created_at'])];
        const isBegun = id === accountId && time === createdAt;
        const last = isBegun ? Math.min(Number(raw['last_sequence']), sequence - 1) : Number(raw['last_sequence']);
        const first = Math.max(Number(raw['first_sequence']), last - room + 1);
        spans.push({ accountId: id, first, last });
        end = { accountId: id, sequence: first, createdAt: time };
        room -= last - first + 1;
        if (room === 0) break;
      }
      return { entries: await this.read(spans), end: rows.length < size && room > 0 ? undefined : end };
    };
  }

  /** The histories of a few accounts, as one. */
  private histories(accounts: readonly AccountRow[]): Source {
    return async (after, size) => {
      const spans: Span[] = [];
      for (const { id, sequence } of accounts) {
        // Among entries of one millisecond the account decides.
        const time = after.createdAt + (id < after.accountId ? 1 : 0);
        const [place] = await findPositions(this.dataSource.manager, id, [{ time, length: sequence }]);
        const last = id === after.accountId ? after.sequence - 1 : place!.first - 1;
        if (last > 0) spans.push({ accountId: id, first: Math.max(1, last - size + 1), last });
      }
      const all = await this.read(spans);
      const entries = all.slice(0, size);
      const isEnd = all.length === entries.length && spans.every(({ first }) => first === 1);
      return { entries, end: isEnd ? undefined : entries.at(-1) };
    };
  }

  /** The entries of these spans, in the order of the list. */
  private async read(spans: readonly Span[]): Promise<Light[]> {
    if (spans.length === 0) return [];
    const from = engineOf(this.dataSource) === 'mysql' ? 'entry FORCE INDEX (PRIMARY)' : 'entry';
    const rows = await this.dataSource.query<Raw[]>(
      `SELECT account_id, sequence, type, actor, trace_id, idempotency_key, created_at FROM ${from}
       WHERE ${spans.map(() => '(account_id = ? AND sequence >= ? AND sequence <= ?)').join(' OR ')}`,
      spans.flatMap(({ accountId, first, last }) => [accountId, first, last]),
    );
    const entries = rows.map((raw) => ({
      accountId: Number(raw['account_id']),
      sequence: Number(raw['sequence']),
      createdAt: Number(raw['created_at']),
      type: raw['type'] as Entry['type'],
      actor: String(raw['actor']),
      traceId: raw['trace_id'] as string | null,
      idempotencyKey: raw['idempotency_key'] as string | null,
    }));
    return entries.sort(compare);
  }

  private async whole(found: readonly Light[]): Promise<FoundEntry[]> {
    if (found.length === 0) return [];
    const { manager } = this.dataSource;
    const places = found.map(({ accountId, sequence }) => ({ accountId, sequence }));
    const [accounts, entries, reversals] = await Promise.all([
      manager.findBy(AccountRow, { id: In([...new Set(found.map(({ accountId }) => accountId))]) }),
      // MySQL was seen to read the other key.
      manager.createQueryBuilder(EntryRow, 'e').useIndex('PRIMARY').where(places).getMany(),
      manager.findBy(ReversalRow, places),
    ]);
    const names = new Map(accounts.map((account) => [account.id, accountName(account)]));
    const named = (place: Pick<Entry, 'accountId' | 'sequence'>) => `${place.accountId} ${place.sequence}`;
    const all = new Map(entries.map((entry) => [named(entry), entry]));
    const reversed = new Map(reversals.map((row) => [named(row), row.amount]));
    return found.map((each) => ({
      account: names.get(each.accountId)!,
      entry: all.get(named(each))!,
      reversed: reversed.get(named(each)),
    }));
  }
}

/** The order of a list. */
function compare(a: EntryPlace, b: EntryPlace): number {
  return b.createdAt - a.createdAt || b.accountId - a.accountId || b.sequence - a.sequence;
}

function fits(
  { actor, type, traceId, idempotencyKey }: EntriesWanted,
  accounts: readonly AccountRow[] | undefined,
  entry: Light,
): boolean {
  return (
    (!accounts || accounts.some(({ id }) => id === entry.accountId)) &&
    (actor === undefined || entry.actor === actor) &&
    (type === undefined || entry.type === type) &&
    (traceId === undefined || entry.traceId === traceId) &&
    (idempotencyKey === undefined || entry.idempotencyKey === idempotencyKey)
  );
}
