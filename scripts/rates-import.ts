import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { findProvider } from '@pydantic/genai-prices';
import prettier from 'prettier';
import {
  checkCard,
  type Difference,
  difference,
  type ModelBody,
  type RateCardBody,
} from '../src/pricing/domain/index.js';
import { convert } from './rates-import/convert.js';
import { PROVIDERS, PUBLISHED } from './rates-import/providers.js';

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

const { version } = JSON.parse(
  readFileSync(new URL('../node_modules/@pydantic/genai-prices/package.json', import.meta.url), 'utf8'),
) as { version: string };

/** What a business charges for other things than models: an example, to be changed or taken out. */
const EXAMPLE_METERS = [{ id: 'compute_second', unit_price: '0.000025', unit: 'second' }];

function importCard(day: string): { card: RateCardBody; left: string[] } {
  const models: ModelBody[] = [];
  const left: string[] = [];
  const published = PUBLISHED[version];
  if (!published)
    throw new Error(`Look up when @pydantic/genai-prices ${version} was published, and add it to PUBLISHED.`);
  const notes = [
    `Prices in force on ${day} by @pydantic/genai-prices ${version} of ${published}, which collects them from the providers' pages. It misses what changed after that; check prices before you charge by them.`,
    'Reasoning without a price of its own costs the output price. A pool without a price is unpriced, never free.',
    'meters: compute_second is an example.',
  ];
  for (const rule of PROVIDERS) {
    const source = findProvider({ providerId: rule.source });
    if (!source) throw new Error(`The data has no provider ${rule.source}.`);
    const mine = source.models.filter(({ id }) => rule.only?.test(id) ?? true);
    notes.push(`${rule.name}: ${rule.page}`, ...(rule.notes ?? []));
    for (const info of mine) {
      const { model, left: reason, remarks } = convert(rule, info, day);
      if (model) models.push(model);
      else left.push(`${rule.name}/${info.id} ${reason}`);
      notes.push(...remarks.map((remark) => `${model!.id}: ${remark}.`));
    }
  }
  for (const name of withoutSharedNames(models)) left.push(`the alias ${name} stands for several models`);
  return { card: { currency: 'USD', markup: '1', models, meters: EXAMPLE_METERS, notes }, left };
}

/** Takes out the aliases that several models have. */
function withoutSharedNames(models: ModelBody[]): string[] {
  const times = new Map<string, number>();
  for (const name of models.flatMap(({ id, aliases = [] }) => [id, ...aliases]))
    times.set(name, (times.get(name) ?? 0) + 1);
  const shared = [...times].filter(([, count]) => count > 1).map(([name]) => name);
  for (const model of models) model.aliases = model.aliases?.filter((name) => !shared.includes(name));
  return shared;
}

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
