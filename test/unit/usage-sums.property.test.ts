import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type EntryType,
  GRAINS,
  type Grain,
  USAGE_DIMENSIONS,
  type UsageEntry,
  type UsageRow,
  UsageSums,
} from '../../src/ledger/domain/index.js';
import { rangesOf, startOf, type UsageInterval, UsageTable, widened } from '../../src/ledger/usage/index.js';
import { naiveUsage, type Spent } from '../support/naive-usage.js';
import { stored } from '../support/posting.js';

const START = Date.parse('2026-02-27T21:00:00Z');
const HOUR = GRAINS.hour;
/** Values that only an exact comparison tells apart. */
const VALUES = [null, 'a', 'A', 'a ', 'a.', 'á', 'b'] as const;

interface Made {
  readonly entry: UsageEntry;
  readonly corrects: number | null;
}

const value = fc.constantFrom(...VALUES);
const usage = fc.option(
  fc.oneof(
    fc.record({ input: fc.nat(2 ** 40), output: fc.nat(100), service_tier: fc.constantFrom('batch', 'flex') }),
    fc.record({ meter: fc.constantFrom('second', 'byte'), millionths: fc.integer({ min: 1, max: 2 ** 50 }) }),
  ),
);

/** A history: numbers without a gap, times that never run backwards. */
const histories = fc
  .array(
    fc.record({
      type: fc.constantFrom<EntryType>('deposit', 'debit', 'debit', 'debit', 'consume', 'expire', 'reversal', 'refund'),
      amount: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant(Number.MAX_SAFE_INTEGER)),
      later: fc.oneof(fc.constant(0), fc.nat(HOUR * 3)),
      by: fc.record({ agent: value, runId: value, model: value }),
      actor: fc.constantFrom('user:1', 'system'),
      usage,
      target: fc.nat(),
    }),
    { maxLength: 40 },
  )
  .map((drafts) => {
    let at = START;
    return drafts.map(({ type, amount, later, by, actor, usage: used, target }, i): Made => {
      at += later;
      const isCorrection = type === 'reversal' && i > 0;
      const text =
        used &&
        JSON.stringify(
          'meter' in used ? { meter: used.meter, quantity: used.millionths / 1_000_000 } : { ...used, raw_sha256: 'x' },
        );
      const isSpending = type === 'debit' || type === 'consume';
      return {
        entry: {
          ...{ sequence: i + 1, type, createdAt: at, ...by, actor },
          amount: stored(isSpending ? -amount : amount),
          usage: isSpending ? (text ?? null) : null,
        },
        corrects: isCorrection ? (target % i) + 1 : null,
      };
    });
  });

function spentOf({ entry, corrects }: Made): Spent {
  const used = JSON.parse(entry.usage ?? '{}') as Record<string, string | number>;
  const quantities =
    'meter' in used
      ? { [`meter:${used['meter']}`]: BigInt(Math.round(Number(used['quantity']) * 1e6)) }
      : Object.fromEntries(['input', 'output'].flatMap((pool) => (pool in used ? [[pool, BigInt(used[pool]!)]] : [])));
  return {
    ...{ id: entry.sequence, type: entry.type, amount: BigInt(entry.amount), at: entry.createdAt, corrects },
    by: { agent: entry.agent, run_id: entry.runId, model: entry.model, actor: entry.actor },
    quantities,
  };
}

function rowsOf(history: readonly Made[], from: number, to: number): UsageRow[] {
  const sums = new UsageSums();
  for (const { entry, corrects } of history.slice(from, to))
    sums.add(entry, corrects === null ? undefined : history[corrects - 1]!.entry);
  return sums.rows();
}

/** All rows by their key, those with the same key added up. */
function summed(rows: readonly UsageRow[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { sum, count, ...key } of rows)
    for (const [what, more] of [['sum', sum] as const, ['count', BigInt(count)] as const]) {
      const name = JSON.stringify([key.dimension, key.grain, key.bucket, key.value, key.measure, what]);
      sums.set(name, (sums.get(name) ?? 0n) + more);
    }
  return sums;
}

describe('the sums of usage', () => {
  it('are those of the whole history, however it is split', () => {
    fc.assert(
      fc.property(histories, fc.array(fc.nat(40)), (history, cuts) => {
        const ends = [...new Set([0, ...cuts.filter((cut) => cut < history.length), history.length])];
        ends.sort((a, b) => a - b);
        const parts = ends.slice(1).flatMap((end, i) => rowsOf(history, ends[i]!, end));
        expect(summed(parts)).toEqual(summed(rowsOf(history, 0, history.length)));
      }),
    );
  });

  it('are what the contract says of the entries', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const rows = rowsOf(history, 0, history.length);
        for (const dimension of USAGE_DIMENSIONS)
          for (const grain of ['hour', 'day'] as Grain[]) {
            const naive = naiveUsage(history.map(spentOf), dimension, (at) => Math.floor(at / GRAINS[grain]));
            const must = [...naive].flatMap(([bucket, values]) =>
              [...values].flatMap(([value, { amount, count, quantities }]) => {
                const of = { dimension, grain, bucket, value: value === '' ? null : value };
                return [
                  { ...of, measure: null, sum: amount, count },
                  ...Object.entries(quantities).map(([measure, sum]) => ({ ...of, measure, sum, count: 0 })),
                ];
              }),
            );
            const are = rows.filter((row) => row.dimension === dimension && row.grain === grain);
            expect(summed(are)).toEqual(summed(must));
          }
      }),
    );
  });

  it('make an answer in which nothing is missing, and whose order is that of the totals', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories,
        fc.constantFrom<UsageInterval>('hour', 'day', 'month', 'total'),
        fc.constantFrom(...USAGE_DIMENSIONS),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(60 * HOUR),
        fc.nat(60 * HOUR),
        async (history, interval, dimension, limit, after, length) => {
          const period = widened({ from: START + after, to: START + after + length }, interval);
          const ranges = rangesOf(period, interval);
          const table = new UsageTable(period, interval);
          const rows = rowsOf(history, 0, history.length).filter(
            (row) =>
              row.dimension === dimension &&
              ranges.some(({ grain, low, high }) => row.grain === grain && row.bucket >= low && row.bucket < high),
          );
          for (const row of rows) table.rank(row);
          await table.show(limit);
          for (const row of rows) table.add(row);
          const { series, totals, rest, total } = table.answer();
          const naive = naiveUsage(history.map(spentOf), dimension, (at) => {
            if (at < period.from || at >= period.to) return undefined;
            return startOf(
              { ...({} as UsageRow), grain: 'hour', bucket: Math.floor(at / HOUR) },
              period,
              interval === 'day' ? 'day' : interval,
            );
          });
          const startsOfDays = interval === 'day';
          const starts = new Set([...naive.keys()].map((at) => (startsOfDays ? at - (at % GRAINS.day) : at)));
          expect(series.map(({ start }) => start)).toEqual([...starts].sort((a, b) => a - b));
          const whole = [...naive.values()].flatMap((values) => [...values.values()]);
          expect(total.amount).toBe(whole.reduce((sum, { amount }) => sum + amount, 0n));
          expect(total.count).toBe(whole.reduce((sum, { count }) => sum + count, 0));
          const shown = totals.reduce((sum, { tally }) => sum + tally.amount, rest?.amount ?? 0n);
          expect(shown).toBe(total.amount);
          for (const { groups, other } of series) {
            expect(groups.map(({ value }) => value)).toEqual(totals.map(({ value }) => value));
            expect(typeof other.amount).toBe('bigint');
          }
          const inSeries = series.flatMap(({ groups, other }) => [...groups.map(({ tally }) => tally), other]);
          expect(inSeries.reduce((sum, { amount }) => sum + amount, 0n)).toBe(total.amount);
          totals.slice(1).forEach(({ tally, value }, i) => {
            const before = totals[i]!;
            expect(before.tally.amount > tally.amount || (before.value ?? '') < (value ?? '')).toBe(true);
          });
        },
      ),
    );
  });
});

describe('a period', () => {
  const at = Date.parse;
  it.each([
    ['hour', '2026-02-27T21:30:00Z', '2026-02-27T22:00:00Z', '2026-02-27T21:00:00Z', '2026-02-27T22:00:00Z'],
    ['day', '2026-02-27T21:30:00Z', '2026-02-28T00:00:00.001Z', '2026-02-27T00:00:00Z', '2026-03-01T00:00:00Z'],
    ['month', '2026-01-31T21:30:00Z', '2026-02-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'],
    ['month', '2025-12-31T21:30:00Z', '2026-12-01T00:00:00.001Z', '2025-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['total', '2026-02-27T21:30:00Z', '2026-02-28T01:10:00Z', '2026-02-27T21:00:00Z', '2026-02-28T02:00:00Z'],
  ] as const)('by the %s is widened to its edges', (interval, from, to, low, high) => {
    expect(widened({ from: at(from), to: at(to) }, interval)).toEqual({ from: at(low), to: at(high) });
  });

  it('of a total takes whole days where it can', () => {
    const hours = (time: string) => at(time) / HOUR;
    expect(rangesOf({ from: at('2026-02-27T21:00:00Z'), to: at('2026-03-02T01:00:00Z') }, 'total')).toEqual([
      { grain: 'hour', low: hours('2026-02-27T21:00:00Z'), high: hours('2026-02-28T00:00:00Z') },
      { grain: 'day', low: hours('2026-02-28T00:00:00Z') / 24, high: hours('2026-03-02T00:00:00Z') / 24 },
      { grain: 'hour', low: hours('2026-03-02T00:00:00Z'), high: hours('2026-03-02T01:00:00Z') },
    ]);
    expect(rangesOf({ from: at('2026-02-27T21:00:00Z'), to: at('2026-02-28T01:00:00Z') }, 'total')).toHaveLength(1);
  });
});
