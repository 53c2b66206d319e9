import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import prettier from 'prettier';
import { checkCard, type Difference, difference, type RateCardBody } from '../src/pricing/domain/index.js';
import { importCard } from './rates-import/import-card.js';

/**
 * Makes a rate card of the prices in `@pydantic/genai-prices` and prints how it differs from the present one, for a
 * person to review. It puts nothing in force, and writes only where it is told to.
 */
const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    output: { type: 'string' },
    card: { type: 'string', default: 'rate-card.json' },
    day: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    help: { type: 'boolean', default: false },
  },
});

const USAGE = `npm run rates:import -- [--day YYYY-MM-DD] [--card FILE] [--output FILE | --write]

  --day     prices in force on this day (default: today)
  --card    the card to compare with (default: rate-card.json)
  --output  write the new card to this file
  --write   write it over the card that it is compared with`;

function print(title: string, lines: readonly string[]): void {
  console.log(`\n${title}: ${lines.length}`);
  for (const line of lines) console.log(`  ${line}`);
}

function printDifference({ added, removed, changed }: Difference): void {
  print('Added', added);
  print('Removed', removed);
  print(
    'Changed',
    changed.map(({ id, pool, tier, from, to }) => {
      const change = from && to ? ` (${(100 * (Number(to) / Number(from) - 1)).toFixed(1)} %)` : '';
      return `${id} ${pool}${tier ? ` from ${tier}` : ''}: ${from ?? 'none'} → ${to ?? 'none'}${change}`;
    }),
  );
}

async function main(): Promise<void> {
  if (values.help) return console.log(USAGE);
  const { card, left } = importCard(values.day);
  const problems = checkCard(card);
  if (problems.length > 0) {
    print(
      'The card has bad lines',
      problems.map(({ field, message }) => `${field} ${message}`),
    );
    process.exitCode = 1;
    return;
  }
  const present: RateCardBody = existsSync(values.card)
    ? (JSON.parse(readFileSync(values.card, 'utf8')) as RateCardBody)
    : { currency: 'USD', markup: '1', models: [], meters: [] };
  print('Left out', left);
  printDifference(difference(present, card));
  const target = values.output ?? (values.write ? values.card : undefined);
  if (!target) return console.log('\nNothing is written. Review the difference, then add --output FILE or --write.');
  const style = await prettier.resolveConfig(target, { editorconfig: true });
  writeFileSync(target, await prettier.format(JSON.stringify(card), { ...style, parser: 'json' }));
  console.log(`\n${card.models.length} models are written to ${target}.`);
}

await main();
