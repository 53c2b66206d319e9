import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Raw } from '../../common/database/index.js';
import {
  type AccountName,
  bucketAt,
  ownerAndUnit,
  type UsageDimension,
  type UsageSum,
  UsageSums,
} from '../domain/index.js';
import { LedgerUnavailable } from '../engine/index.js';
import { ended } from '../store/index.js';
import { addEntries } from './entries.js';
import { type OpenPage, PAGE, SumPages } from './sum-pages.js';
import { type Usage, type UsageInterval, type UsagePeriod, type UsageRange, UsageTable } from './usage.js';

/** So many sums are kept in memory rather than read twice. */
const FEW = 10_000;
/** Entries after the watermark are added up in such parts. */
const PART = 10_000;
const MADE_ANEW = 'The sums of usage are being made anew. Try again in a moment.';

type Sums = AsyncIterable<readonly UsageSum[]>;

/** What is asked, and what was found of it at the beginning. */
interface Asked {
  readonly dataSource: DataSource;
  readonly accountId: number;
  readonly sums: SumPages;
  /** Ranges whose sums change no more, and the epoch that they are of. */
  readonly closed: readonly UsageRange[];
  readonly epoch: number;
  /** All sums of the other ranges, the oldest first, a page at a time. */
  readonly open: readonly (readonly UsageSum[])[];
}

/** An account's usage at one moment, which can be read more than once. Several sums may have the same key. */
export class UsageRead {
  private kept?: readonly (readonly UsageSum[])[];
  private readonly buckets = new Map<UsageRange, number[]>();

  constructor(private readonly asked?: Asked) {}

  /** The pools and meters of which there is a quantity. The sums by type are few, and have those of all. */
  async measures(): Promise<string[]> {
    if (!this.asked) return [];
    const { dataSource, accountId, closed, open } = this.asked;
    const found = new Set(open.flat().flatMap(({ measure }) => measure ?? []));
    for (const { grain, low, high } of closed) {
      const rows = await dataSource.query<{ measure: string }[]>(
        `SELECT DISTINCT measure FROM usage_sum WHERE account_id = ? AND dimension = 'type' AND grain = ?
         AND bucket >= ? AND bucket < ? AND measure <> ''`,
        [accountId, grain, low, high],
      );
      for (const { measure } of rows) found.add(ended.from(measure)!);
    }
    return [...found];
  }

  /** All sums, those of earlier buckets of a range first. */
  async *all(): Sums {
    for (const range of this.asked?.closed ?? []) yield* this.asked!.sums.closed(range);
    yield* this.open();
  }

  /** Spending over a period: the `limit` largest groups, and the sum of the others. */
  async usage(period: UsagePeriod, interval: UsageInterval, limit: number): Promise<Usage> {
    const table = new UsageTable(period, interval);
    for await (const rows of this.amounts()) for (const row of rows) table.rank(row);
    for await (const rows of this.of(await table.show(limit))) for (const row of rows) table.add(row);
    return table.answer();
  }

  /** At least the spending of every value; quantities only where they cost little. */
  private async *amounts(): Sums {
    this.kept = await this.few();
    if (this.kept) yield* this.kept;
    else
      for (const range of this.asked!.closed) {
        const buckets = new Set<number>();
        for await (const rows of this.asked!.sums.closed(range, { quantities: false })) {
          for (const { bucket } of rows) buckets.add(bucket);
          yield rows;
        }
        this.buckets.set(range, [...buckets]);
      }
    yield* this.open();
  }

  /** At least all sums of these values, after {@link amounts}. */
  private async *of(values: readonly (string | null)[]): Sums {
    if (this.kept) yield* this.kept;
    else for (const [range, buckets] of this.buckets) yield* this.asked!.sums.of(range, buckets, values);
    yield* this.open();
  }

  private async few(): Promise<(readonly UsageSum[])[] | undefined> {
    const pages: (readonly UsageSum[])[] = [];
    let size = 0;
    for (const range of this.asked?.closed ?? [])
      for await (const rows of this.asked!.sums.closed(range)) {
        if ((size += rows.length) > FEW) return undefined;
        pages.push(rows);
      }
    return pages;
  }

  /** @throws LedgerUnavailable when the closed sums that were read may have been made anew */
  private async *open(): Sums {
    if (!this.asked) return;
    const { dataSource, accountId, closed, open, epoch } = this.asked;
    if (closed.length > 0) {
      const [now] = await dataSource.query<Raw[]>('SELECT epoch FROM usage_watermark WHERE account_id = ?', [
        accountId,
      ]);
      if (Number(now?.['epoch'] ?? 0) !== epoch) throw new LedgerUnavailable(MADE_ANEW);
    }
    for (const rows of open) {
      yield rows;
      await setImmediate();
    }
  }
}

/**
 * Reads usage: the sums up to the watermark, and the entries after it. Times never run backwards within an account, so
 * the sums of earlier hours and days than that of the watermark's entry never change, and can be read at any time.
 */
@Injectable()
export class UsageReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** @throws LedgerUnavailable while the sums are made anew */
  async read(name: AccountName, dimension: UsageDimension, ranges: readonly UsageRange[]): Promise<UsageRead> {
    const { dataSource } = this;
    const { owner, unit } = ownerAndUnit(name);
    const [account] = await dataSource.query<Raw[]>(
      `SELECT a.id, a.sequence, w.watermark, w.epoch, e.created_at
       FROM account a LEFT JOIN usage_watermark w ON w.account_id = a.id
       LEFT JOIN entry e ON e.account_id = a.id AND e.sequence = w.watermark
       WHERE a.owner = ? AND a.unit = ?`,
      [owner, unit],
    );
    if (!account || ranges.length === 0) return new UsageRead();
    const accountId = Number(account['id']);
    const at = account['created_at'] === null ? -Infinity : Number(account['created_at']);
    const closed = ranges.map((range) => cut(range, { high: bucketAt(range.grain, at) })).filter(isSome);
    const ranged = ranges.map((range) => cut(range, { low: bucketAt(range.grain, at) })).filter(isSome);
    const sums = new SumPages(dataSource, accountId, dimension);
    const tail = (low: number, high: number) => this.tail(accountId, dimension, ranged, low, high);
    const open = await atOneMoment(await openPages(sums, ranged), Number(account['sequence']), tail);
    return new UsageRead({ dataSource, accountId, sums, closed, epoch: Number(account['epoch'] ?? 0), open });
  }

  /** The entries of a range, added up. */
  private async *tail(
    accountId: number,
    dimension: UsageDimension,
    ranges: readonly UsageRange[],
    low: number,
    high: number,
  ): Sums {
    for (let first = low; first <= high; first += PART) {
      const sums = new UsageSums([dimension]);
      await addEntries(this.dataSource, accountId, { low: first, high: Math.min(high, first + PART - 1) }, sums);
      yield sums.rows().filter((row) => ranges.some((range) => isIn(range, row)));
    }
  }
}

/** The sums that can still change, as the pages found them. */
async function openPages(sums: SumPages, ranges: readonly UsageRange[]): Promise<OpenPage[]> {
  const pages: OpenPage[] = [];
  for (const range of ranges)
    for await (const page of sums.open(range)) {
      const before = pages.at(-1);
      if (before && before.watermark > 0 && page.epoch !== before.epoch) throw new LedgerUnavailable(MADE_ANEW);
      pages.push(page);
    }
  return pages;
}

/**
 * Adds the entries after the sums, so that all are of one moment: when the last page was read, or at entry `sequence`
 * if that is later. A page has the entries up to its own watermark. When the rollup moved on before the next page, the
 * entries in between are in later pages, and only there: a sum that no later page has was read, or would have been,
 * before. So those entries are added to all sums but those of later pages, and nothing is counted twice or left out,
 * however often the rollup moves on.
 */
async function atOneMoment(
  pages: readonly OpenPage[],
  sequence: number,
  tail: (low: number, high: number) => Sums,
): Promise<(readonly UsageSum[])[]> {
  const found: (readonly UsageSum[])[] = pages.map(({ rows }) => rows);
  const [first, last] = [pages[0], pages.at(-1)];
  if (!first || !last) return [];
  const later = new Set<string>();
  let next = Math.max(sequence, last.watermark);
  for (const { watermark, rows } of pages.toReversed()) {
    for await (const more of tail(watermark + 1, next)) found.push(more.filter((row) => !later.has(keyOf(row))));
    next = watermark;
    if (first.watermark === last.watermark) break;
    for (const row of rows) later.add(keyOf(row));
    await setImmediate();
  }
  return inOrder(found.flat());
}

function keyOf({ grain, bucket, value, measure }: UsageSum): string {
  return `${grain} ${bucket} ${ended.to(measure)} ${ended.to(value)}`;
}

function inOrder(rows: readonly UsageSum[]): (readonly UsageSum[])[] {
  const sorted = rows.toSorted((a, b) => a.bucket - b.bucket);
  const pages = Math.ceil(sorted.length / PAGE);
  return Array.from({ length: pages }, (_, i) => sorted.slice(i * PAGE, (i + 1) * PAGE));
}

function cut({ grain, low, high }: UsageRange, by: Partial<UsageRange>): UsageRange {
  return { grain, low: Math.max(low, by.low ?? low), high: Math.min(high, by.high ?? high) };
}

function isSome({ low, high }: UsageRange): boolean {
  return low < high;
}

function isIn({ grain, low, high }: UsageRange, of: UsageSum): boolean {
  return grain === of.grain && of.bucket >= low && of.bucket < high;
}
