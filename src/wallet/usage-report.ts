import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/index.js';
import { ApiError, type ExactNumber, exactNumber, type Export, invalidField } from '../common/http/index.js';
import {
  ByValue,
  DAY_MS,
  dayOf,
  decimalOf,
  LedgerUnavailable,
  rangesOf,
  startOf,
  startOfDay,
  type Tally,
  type Unit,
  type Usage,
  type UsageGroup,
  type UsageInterval,
  type UsagePeriod,
  type UsageRead,
  UsageReader,
  widened,
} from '../ledger/index.js';
import { POOLS } from '../pricing/index.js';
import { exportName } from './exports.js';
import { checkPeriod } from './history.js';
import type { UsageReportDto, UsageExportQuery, UsageGroupDto, UsageQuery, UsageSumDto } from './usage-report.dto.js';
import type { Wallet } from './wallet.js';

/** What the document says of usage, for credits and tokens alike. */
export const USAGE_ENDPOINTS = {
  show: {
    summary: 'Usage by model, agent, actor, run or type',
    description:
      'What was spent, captures included, as positive amounts; the last 30 days unless `from` and `to` say otherwise. Exact to the last transaction that was answered. A reversal or repricing counts when it is made, under what it corrects. The groups are the `limit` largest of the whole period, the same in every interval; intervals without spending are left out.',
  },
  export: {
    summary: 'Usage as a file',
    description:
      'A row for each interval and group, without a limit: `start`, `value`, `amount`, `count`, and then a column for each quantity.',
  },
} as const;

const DEFAULT_DAYS = 30;
const MOST_DAYS_BY_HOUR = 31;
const ROWS = 1_000;

/** Reports on spending by the values of a dimension. */
@Injectable()
export class UsageReports {
  constructor(private readonly reader: UsageReader) {}

  /** @throws ApiError FORBIDDEN, VALIDATION_ERROR, OVERLOADED while the sums are made anew */
  async show(wallet: Wallet, who: Principal, query: UsageQuery): Promise<UsageReportDto> {
    const period = periodOf(query);
    try {
      const read = await this.read(wallet, who, query, period);
      return toReport(wallet.words.unit, period, await read.usage(period, query.interval, query.limit));
    } catch (error) {
      throw error instanceof LedgerUnavailable ? new ApiError('OVERLOADED', error.message) : error;
    }
  }

  /**
   * All groups of all intervals.
   * @throws ApiError FORBIDDEN, VALIDATION_ERROR
   */
  async export(wallet: Wallet, who: Principal, query: UsageExportQuery): Promise<Export> {
    const period = periodOf(query);
    const read = await this.read(wallet, who, query, period);
    return {
      name: exportName(wallet.nameFor(who, query.account), 'usage', query),
      columns: ['start', 'value', 'amount', 'count', ...[...(await read.measures())].sort(inOrder)],
      pages: rowsOf(wallet.words.unit, query.interval, period, read.all()),
    };
  }

  private read(
    wallet: Wallet,
    who: Principal,
    { account, group_by, interval }: Pick<UsageQuery, 'account' | 'group_by' | 'interval'>,
    period: UsagePeriod,
  ): Promise<UsageRead> {
    return this.reader.read(wallet.nameFor(who, account), group_by, rangesOf(period, interval));
  }
}

function toReport(unit: Unit, { from, to }: UsagePeriod, { series, totals, rest, total }: Usage): UsageReportDto {
  const groups = (of: readonly UsageGroup[]) => of.map((group) => toGroup(unit, group));
  return {
    period: { from: timeOf(from), to: timeOf(to) },
    series: series.map((item) => ({
      start: timeOf(item.start),
      groups: groups(item.groups),
      other: toSum(unit, item.other),
    })),
    totals: [...groups(totals), ...(rest ? [toSum(unit, rest)] : [])],
    total: toSum(unit, total),
  };
}

/** Groups come in the order of their intervals, so that one interval at a time is kept. */
async function* rowsOf(
  unit: Unit,
  interval: UsageInterval,
  period: UsagePeriod,
  pages: ReturnType<UsageRead['all']>,
): AsyncGenerator<object[]> {
  let [start, values] = [-Infinity, new ByValue()];
  const ready = function* (): Generator<object[]> {
    const rows = values.groups().map((group) => {
      const { quantities, ...sums } = toGroup(unit, group);
      return { start: timeOf(start), ...sums, ...quantities };
    });
    for (let i = 0; i < rows.length; i += ROWS) yield rows.slice(i, i + ROWS);
  };
  for await (const page of pages)
    for (const row of page) {
      const next = startOf(row, period, interval);
      if (next !== start) {
        yield* ready();
        [start, values] = [next, new ByValue()];
      }
      values.add(row);
    }
  yield* ready();
}

function periodOf(asked: Pick<UsageQuery, 'from' | 'to' | 'interval'>): UsagePeriod {
  checkPeriod(asked.from, asked.to);
  const end = asked.to?.getTime() ?? Math.max(Date.now(), asked.from?.getTime() ?? 0);
  const from = asked.from?.getTime() ?? startOfDay(dayOf(end - 1) - DEFAULT_DAYS + 1);
  if (asked.interval === 'hour' && end - from > MOST_DAYS_BY_HOUR * DAY_MS)
    throw invalidField(
      'from',
      `must be at most ${MOST_DAYS_BY_HOUR} days before to (without it, before now) by the hour`,
    );
  return widened({ from, to: end }, asked.interval);
}

function toGroup(unit: Unit, { value, tally }: UsageGroup): UsageGroupDto {
  const quantities = tally.quantities.sort(([a], [b]) => inOrder(a, b));
  return {
    ...(value === null ? {} : { value }),
    ...toSum(unit, tally),
    ...(quantities.length > 0
      ? { quantities: Object.fromEntries(quantities.map(([measure, sum]) => [measure, quantityOf(measure, sum)])) }
      : {}),
  };
}

function toSum(unit: Unit, { amount, count }: Tally): UsageSumDto {
  return { amount: exactNumber(decimalOf(unit, amount)), count };
}

/** A meter counts millionths, as dollars do. */
function quantityOf(measure: string, sum: bigint): ExactNumber {
  return exactNumber(decimalOf(measure.startsWith('meter:') ? 'USD' : 'tokens', sum));
}

/** Pools in their own order, and then meters by their names. */
function inOrder(a: string, b: string): number {
  const place = (measure: string) => (POOLS as readonly string[]).indexOf(measure) + 1 || POOLS.length + 1;
  return place(a) - place(b) || (a < b ? -1 : 1);
}

function timeOf(time: number): string {
  return new Date(time).toISOString();
}
