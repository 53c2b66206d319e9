import type { QueryRunner } from 'typeorm';
import type { Raw } from '../../common/database/index.js';
import {
  type Account,
  bucketAt,
  type Entry,
  type Grain,
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageRow,
  UsageSums,
} from '../domain/index.js';
import { USAGE_COLUMNS, usageSum, UsageSumRow } from '../store/index.js';

/**
 * Compares an account's sums of usage with its entries up to their watermark, one day after the other, so that it keeps
 * no more than a day of them.
 */
export class UsageProof {
  private sums = new UsageSums();
  private day: number | undefined;
  private compared = 0;

  constructor(
    private readonly runner: QueryRunner,
    private readonly account: Pick<Account, 'id' | 'sequence'>,
    private readonly watermark: number,
    private readonly fail: (what: string) => never,
  ) {}

  /** @param corrected the entries that those of the chunk correct, by number */
  async add(chunk: readonly Entry[], corrected: (entry: Entry) => Entry | undefined): Promise<void> {
    for (const entry of chunk) {
      if (entry.sequence > this.watermark) return;
      const day = bucketAt('day', entry.createdAt);
      if (day !== this.day) await this.compare();
      this.day = day;
      this.sums.add(entry, corrected(entry));
    }
  }

  /** Compares the last day, and finds sums of which there is no entry. */
  async end(): Promise<void> {
    const { id, sequence } = this.account;
    if (this.watermark > sequence)
      this.fail(`its usage is summed up to entry ${this.watermark}, its last entry is ${sequence}`);
    await this.compare();
    const rows = await this.runner.manager.countBy(UsageSumRow, { accountId: id });
    if (rows !== this.compared) this.fail(`it has ${rows} sums of usage, its entries make ${this.compared}`);
  }

  private async compare(): Promise<void> {
    const { day } = this;
    if (day === undefined) return;
    const must = new Map(this.sums.rows().map((row) => [nameOf(row), row]));
    this.compared += must.size;
    for (const dimension of USAGE_DIMENSIONS)
      for (const row of await this.read(dimension, day)) {
        const sum = must.get(nameOf(row));
        if (sum?.sum !== row.sum || sum.count !== row.count)
          this.fail(
            `its usage by ${nameOf(row)} is ${row.sum} in ${row.count}, its entries make ${sum?.sum ?? 0} in ${sum?.count ?? 0}`,
          );
        must.delete(nameOf(row));
      }
    for (const name of must.keys()) this.fail(`its usage by ${name} is missing`);
    this.sums = new UsageSums();
  }

  private async read(dimension: UsageDimension, day: number): Promise<UsageRow[]> {
    const rows = (await this.runner.query(
      `SELECT s.grain, ${USAGE_COLUMNS} FROM usage_sum s WHERE s.account_id = ? AND s.dimension = ?
       AND ((s.grain = 'day' AND s.bucket = ?) OR (s.grain = 'hour' AND s.bucket >= ? AND s.bucket < ?))`,
      [this.account.id, dimension, day, day * 24, (day + 1) * 24],
    )) as Raw[];
    return rows.map((raw) => {
      const sum = usageSum(raw, raw['grain'] as Grain);
      return { ...sum, dimension, sum: BigInt(sum.sum) };
    });
  }
}

function nameOf({ dimension, grain, bucket, value, measure }: UsageRow): string {
  return `${dimension} ${JSON.stringify(value)} in ${grain} ${bucket}${measure === null ? '' : ` (${measure})`}`;
}
