import { readFileSync, writeFileSync } from 'node:fs';
import type { Sample } from './processes.js';
import type { Comparison, Goal, Scenario } from './scenarios.js';

const HEAD = ['', 'this', 'that', 'this ÷ that', 'goal', 'server CPU per debit or request'];
const MARKERS = ['<!-- npm run bench writes from here -->', '<!-- to here -->'] as const;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** A line of the table for two scenarios, each the median of its rounds. */
export function comparisonLine(
  { title, of, by, value, goal }: Comparison,
  samples: ReadonlyMap<Scenario, readonly Sample[]>,
): string[] {
  const read = ({ answered, seconds, p50Ms }: Sample, { items }: Scenario) =>
    value === 'p50Ms' ? p50Ms : (answered * items) / seconds;
  const [a, b] = [of, by].map((scenario) =>
    median((samples.get(scenario) ?? []).map((sample) => read(sample, scenario))),
  ) as [number, number];
  const show = (number: number) =>
    value === 'p50Ms' ? `${number.toFixed(2)} ms` : `${Math.round(number).toLocaleString('en')}/s`;
  const cpu = [of, by].map((scenario) => {
    const times = (samples.get(scenario) ?? []).flatMap(({ cpuUs }) =>
      cpuUs === undefined ? [] : [cpuUs / scenario.items],
    );
    return times.length === 0 ? '–' : `${Math.round(median(times))} µs`;
  });
  return [title, show(a), show(b), ...verdict(a / b, goal), cpu.join(' : ')];
}

/** A line for an amount of memory. */
export function megabytesLine(title: string, megabytes: number, atMost?: number): string[] {
  const goal = atMost === undefined ? '' : `≤ ${atMost} MB ${megabytes <= atMost ? '✓' : '✗'}`;
  return textLine(title, `${Math.round(megabytes)} MB`, goal);
}

/** A line that compares nothing. */
export function textLine(title: string, text: string, goal = ''): string[] {
  return [title, text, '', '', goal, ''];
}

function verdict(ratio: number, goal: Goal | undefined): [ratio: string, goal: string] {
  const text = ratio.toFixed(ratio < 10 ? 2 : 1);
  if (goal?.atLeast !== undefined) return [text, `≥ ${goal.atLeast} ${ratio >= goal.atLeast ? '✓' : '✗'}`];
  if (goal?.atMost !== undefined) return [text, `≤ ${goal.atMost} ${ratio <= goal.atMost ? '✓' : '✗'}`];
  return [text, ''];
}

export function markdown(lines: readonly (readonly string[])[], conditions: readonly string[]): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(HEAD),
    row(HEAD.map(() => '---')),
    ...lines.map(row),
    '',
    ...conditions.map((condition) => `- ${condition}`),
  ].join('\n');
}

/** Puts the text between the markers of a document. */
export function writeInto(document: string, text: string): void {
  const old = readFileSync(document, 'utf8');
  const [begin, end] = MARKERS.map((marker) => old.indexOf(marker)) as [number, number];
  if (begin < 0 || end < begin) throw new Error(`${document} has lost its markers`);
  writeFileSync(document, `${old.slice(0, begin)}${MARKERS[0]}\n\n${text}\n\n${old.slice(end)}`);
}
