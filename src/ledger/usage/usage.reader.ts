import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import {
  type AccountName,
  bucketAt,
  type Grain,
  ownerAndUnit,
  type UsageDimension,
  type UsageRow,
  UsageSums,
} from '../domain/index.js';
import { LedgerUnavailable } from '../engine/index.js';
import { ended, USAGE_COLUMNS, usageRow } from '../store/index.js';
import { addEntries } from './entries.js';
import type { UsageRange } from './usage.js';

/** Few enough that others hardly notice a statement. */
const PAGE = 2_000;

/** What is asked of one account. */
interface Asked {
  readonly accountId: number;
  readonly dimension: UsageDimension;
}

/** An account's usage at one moment. */
export interface UsageRead {
  /** The pools and meters of which there is a quantity. */
  readonly measures: () => Promise<readonly string[]>;
  /** The rows, a page at a time, those of earlier buckets of a range first; several may have the same key. */
  readonly pages: AsyncIterable<readonly UsageRow[]>;
}

/**
 * Reads usage: the sums up to the watermark, and the entries after it. Times never run backwards within an account, so
 * the sums of earlier hours and days than that of the watermark's entry never change. All others, and the watermark,
 * are read in one statement, which shows one moment.
 */
@Injectable()
export class UsageReader {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** @throws LedgerUnavailable while the sums are made anew */
  async read(name: AccountName, dimension: UsageDimension, ranges: readonly UsageRange[]): Promise<UsageRead> {
    const { owner, unit } = ownerAndUnit(name);
    const [account] = await this.dataSource.query<Raw[]>(
      `SELECT a.id, a.sequence, w.watermark, w.epoch, e.created_at
       FROM account a LEFT JOIN usage_watermark w ON w.account_id = a.id
       LEFT JOIN entry e ON e.account_id = a.id AND e.sequence = w.watermark
       WHERE a.owner = ? AND a.unit = ?`,
      [owner, unit],
    );
    if (!account || ranges.length === 0) return { measures: () => Promise.resolve([]), pages: none() };
    const asked = { accountId: Number(account['id']), dimension };
    const at = account['created_at'] === null ? -Infinity : Number(account['created_at']);
    const closed = ranges.map((range) => cut(range, { high: bucketAt(range.grain, at) })).filter(isSome);
    const open = ranges.map((range) => cut(range, { low: bucketAt(range.grain, at) })).filter(isSome);
    const { watermark, rows } = await this.open(asked, open);
    rows.push(...(await this.tail(asked, { low: watermark + 1, high: Number(account['sequence']) }, open)));
    return {
      measures: () => this.measures(asked, closed, rows),
      pages: this.pages(asked, closed, rows, Number(account['epoch'])),
    };
  }

  /** The sums that can still change, and the watermark that they go with. */
  private async open(asked: Asked, ranges: readonly UsageRange[]): Promise<{ watermark: number; rows: UsageRow[] }> {
    const select = `SELECT w.watermark, s.grain, ${USAGE_COLUMNS} FROM usage_watermark w LEFT JOIN usage_sum s
      ON s.account_id = w.account_id AND s.dimension = ? AND s.grain = ? AND s.bucket >= ? AND s.bucket < ?
      WHERE w.account_id = ?`;
    const { accountId, dimension } = asked;
    if (ranges.length === 0) return { watermark: 0, rows: [] };
    const found = await this.dataSource.query<Raw[]>(
      ranges.map(() => select).join(' UNION ALL '),
      ranges.flatMap(({ grain, low, high }) => [dimension, grain, low, high, accountId]),
    );
    const watermark = Number(found[0]?.['watermark'] ?? 0);
    return {
      watermark,
      rows: found.filter(({ bucket }) => bucket !== null).map((raw) => usageRow(raw, dimension, raw['grain'] as Grain)),
    };
  }

  /** The entries after the watermark, added up. */
  private async tail(
    { accountId, dimension }: Asked,
    range: { readonly low: number; readonly high: number },
    ranges: readonly UsageRange[],
  ): Promise<UsageRow[]> {
    if (ranges.length === 0) return [];
    const sums = new UsageSums([dimension]);
    await addEntries(this.dataSource, accountId, range, sums);
    return sums.rows().filter(({ grain, bucket }) => ranges.some((each) => isIn(each, grain, bucket)));
  }

  /** The sums by type are few, and their quantities are those of all. */
  private async measures(
    { accountId }: Asked,
    closed: readonly UsageRange[],
    open: readonly UsageRow[],
  ): Promise<string[]> {
    const found = new Set(open.flatMap(({ measure }) => measure ?? []));
    for (const { grain, low, high } of closed) {
      const rows = await this.dataSource.query<{ measure: string }[]>(
        `SELECT DISTINCT measure FROM usage_sum WHERE account_id = ? AND dimension = 'type' AND grain = ?
         AND bucket >= ? AND bucket < ? AND measure <> ''`,
        [accountId, grain, low, high],
      );
      for (const { measure } of rows) found.add(ended.from(measure)!);
    }
    return [...found];
  }

  private async *pages(
    asked: Asked,
    closed: readonly UsageRange[],
    open: readonly UsageRow[],
    epoch: number,
  ): AsyncGenerator<readonly UsageRow[]> {
    for (const range of closed) yield* this.closed(asked, range);
    if (closed.length > 0) {
      const [now] = await this.dataSource.query<Raw[]>('SELECT epoch FROM usage_watermark WHERE account_id = ?', [
        asked.accountId,
      ]);
      if (Number(now?.['epoch'] ?? 0) !== epoch)
        throw new LedgerUnavailable('The sums of usage are being made anew. Try again in a moment.');
    }
    yield [...open].sort((a, b) => a.bucket - b.bucket);
  }

  /** The sums of a range that change no more, a page of the primary key at a time. */
  private async *closed({ accountId, dimension }: Asked, range: UsageRange): AsyncGenerator<readonly UsageRow[]> {
    const from = engineOf(this.dataSource) === 'mysql' ? 'usage_sum s FORCE INDEX (PRIMARY)' : 'usage_sum s';
    const read = (where: string, values: readonly (string | number)[]) =>
      this.dataSource.query<Raw[]>(
        `SELECT ${USAGE_COLUMNS} FROM ${from} WHERE s.account_id = ? AND s.dimension = ? AND s.grain = ? AND ${where}
         ORDER BY s.bucket, s.value, s.measure LIMIT ${PAGE}`,
        [accountId, dimension, range.grain, ...values],
      );
    let low = range.low;
    /** The last row of a page that ended within a bucket. */
    let last: Raw | undefined;
    while (low < range.high) {
      // Two ranges of the key, because no engine of the family finds the place after a row of three columns.
      const rows = last
        ? await read('s.bucket = ? AND s.value >= ? AND (s.value > ? OR s.measure > ?)', [
            low,
            ...[last['value']!, last['value']!, last['measure']!],
          ])
        : await read('s.bucket >= ? AND s.bucket < ?', [low, range.high]);
      if (rows.length > 0) yield rows.map((raw) => usageRow(raw, dimension, range.grain));
      const isWhole = rows.length < PAGE;
      if (isWhole) low = last ? low + 1 : range.high;
      else low = Number(rows.at(-1)!['bucket']);
      last = isWhole ? undefined : rows.at(-1);
    }
  }
}

function cut({ grain, low, high }: UsageRange, by: Partial<UsageRange>): UsageRange {
  return { grain, low: Math.max(low, by.low ?? low), high: Math.min(high, by.high ?? high) };
}

function isSome({ low, high }: UsageRange): boolean {
  return low < high;
}

function isIn({ grain, low, high }: UsageRange, of: Grain, bucket: number): boolean {
  return grain === of && bucket >= low && bucket < high;
}

async function* none(): AsyncGenerator<readonly UsageRow[]> {
  yield [];
}
