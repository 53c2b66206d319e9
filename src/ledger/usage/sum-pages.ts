import { setImmediate } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { engineOf, type Raw } from '../../common/database/index.js';
import type { UsageDimension, UsageSum } from '../domain/index.js';
import { ended, USAGE_COLUMNS, usageSum } from '../store/index.js';
import type { UsageRange } from './usage.js';

/** Few enough that others hardly notice a statement. */
export const PAGE = 2_000;
/** How many buckets times values a statement looks up; each has a row for every quantity. */
const LOOKUPS = 200;
const ORDER = `ORDER BY s.bucket, s.value, s.measure LIMIT ${PAGE}`;

/** Sums of one moment, and the watermark that they go with. */
export interface OpenPage {
  readonly watermark: number;
  readonly epoch: number;
  readonly rows: readonly UsageSum[];
}

/** Reads the sums of one account and dimension a page at a time, and lets others work after each. */
export class SumPages {
  private readonly table: string;

  constructor(
    private readonly dataSource: DataSource,
    private readonly accountId: number,
    private readonly dimension: UsageDimension,
  ) {
    this.table = engineOf(dataSource) === 'mysql' ? 'usage_sum s FORCE INDEX (PRIMARY)' : 'usage_sum s';
  }

  /** Sums that change no more, in the order of their key. */
  async *closed(range: UsageRange, { quantities = true } = {}): AsyncGenerator<readonly UsageSum[]> {
    const only = quantities ? '' : "AND s.measure = ''";
    yield* this.byKey(range, async (where, values) => {
      const raw = await this.query(`SELECT ${USAGE_COLUMNS} ${this.from(where)} ${only} ${ORDER}`, range, values);
      const rows = raw.map((each) => usageSum(each, range.grain));
      return { rows, page: rows };
    });
  }

  /** Sums that may still change, each page with the watermark of its own moment: one statement reads both. */
  async *open(range: UsageRange): AsyncGenerator<OpenPage> {
    yield* this.byKey(range, async (where, values) => {
      const raw = await this.query(
        `SELECT w.watermark, w.epoch, ${USAGE_COLUMNS} FROM usage_watermark w LEFT JOIN ${this.table}
         ON s.account_id = ? AND s.dimension = ? AND s.grain = ? AND ${where} WHERE w.account_id = ? ${ORDER}`,
        range,
        [...values, this.accountId],
      );
      const rows = raw.filter(({ bucket }) => bucket !== null).map((each) => usageSum(each, range.grain));
      const [watermark, epoch] = [Number(raw[0]?.['watermark'] ?? 0), Number(raw[0]?.['epoch'] ?? 0)];
      return { rows, page: { watermark, epoch, rows } };
    });
  }

  /** The sums of some values in some buckets of a range. */
  async *of(
    range: UsageRange,
    buckets: readonly number[],
    values: readonly (string | null)[],
  ): AsyncGenerator<readonly UsageSum[]> {
    const size = Math.max(1, Math.floor(LOOKUPS / values.length));
    for (let i = 0; i < buckets.length; i += size) {
      const some = buckets.slice(i, i + size);
      const where = `s.bucket IN (${marks(some)}) AND s.value IN (${marks(values)})`;
      const found = await this.query(`SELECT ${USAGE_COLUMNS} ${this.from(where)}`, range, [
        ...some,
        ...values.map(ended.to),
      ]);
      yield found.map((raw) => usageSum(raw, range.grain));
      await setImmediate();
    }
  }

  private from(where: string): string {
    return `FROM ${this.table} WHERE s.account_id = ? AND s.dimension = ? AND s.grain = ? AND ${where}`;
  }

  private query(sql: string, { grain }: UsageRange, values: readonly (string | number)[]): Promise<Raw[]> {
    return this.dataSource.query<Raw[]>(sql, [this.accountId, this.dimension, grain, ...values]);
  }

  private async *byKey<Page>(
    range: UsageRange,
    read: (
      where: string,
      values: readonly (string | number)[],
    ) => Promise<{ readonly rows: readonly UsageSum[]; readonly page: Page }>,
  ): AsyncGenerator<Page> {
    let low = range.low;
    /** The last row of a page that ended within a bucket. */
    let last: UsageSum | undefined;
    while (low < range.high) {
      // Two ranges of the key, because no engine of the family finds the place after a row of three columns.
      const { rows, page } = last
        ? await read('s.bucket = ? AND s.value >= ? AND (s.value > ? OR s.measure > ?)', [
            low,
            ...[ended.to(last.value), ended.to(last.value), ended.to(last.measure)],
          ])
        : await read('s.bucket >= ? AND s.bucket < ?', [low, range.high]);
      yield page;
      // Where the driver waits for nothing, neither do other requests get a turn.
      await setImmediate();
      const isWhole = rows.length < PAGE;
      if (isWhole) low = last ? low + 1 : range.high;
      else low = rows.at(-1)!.bucket;
      last = isWhole ? undefined : rows.at(-1);
    }
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}
