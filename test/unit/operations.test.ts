import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

/** Where a line of the log is written: its level, and its text in quotes or backticks. */
const WRITTEN =
  /\b(?:logger|log)\.(fatal|error|warn)\(\s*(?:\{[^}]*\},\s*)?(`[^`]*`|'[^']*')|\b(warn)ings\.push\(\s*(`[^`]*`)/g;

/** `purchase ${id} is late` is documented as `purchase … is late`. */
const shown = (literal: string) => literal.slice(1, -1).replace(/\$\{[^}]*\}/g, '…');

it('the log lines to be alerted by are those that the code writes, at their levels', () => {
  const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join('src', name), 'utf8'))
    .join('\n');
  const written = [...source.matchAll(WRITTEN)].map(
    ([, level, text, warning, said]) => `${level ?? warning}: ${shown(text ?? said!)}`,
  );

  const [, section] = readFileSync('docs/operations.md', 'utf8').split('## Log lines to be alerted by');
  const documented = [...section!.split('\n## ')[0]!.matchAll(/^\| (`.*?`)(?: \(`(warn|fatal)`\))? \|/gm)].flatMap(
    ([, lines, level = 'error']) => lines!.split(/(?<=`), (?=`)/).map((line) => `${level}: ${shown(line)}`),
  );

  expect(documented.filter((line) => !written.includes(line))).toEqual([]);
  expect(written.filter((line) => !line.startsWith('warn: ') && !documented.includes(line))).toEqual([]);
  expect(documented.length).toBeGreaterThan(10);
});
