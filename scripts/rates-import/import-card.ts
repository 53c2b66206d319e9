import { readFileSync } from 'node:fs';
import { findProvider } from '@pydantic/genai-prices';
import type { ModelBody, RateCardBody } from '../../src/pricing/domain/index.js';
import { convert } from './convert.js';
import { PROVIDERS, PUBLISHED } from './providers.js';

const { version } = JSON.parse(
  readFileSync(new URL('../../node_modules/@pydantic/genai-prices/package.json', import.meta.url), 'utf8'),
) as { version: string };

/** What a business charges for other things than models: an example, to be changed or taken out. */
const EXAMPLE_METERS = [{ id: 'compute_second', unit_price: '0.000025', unit: 'second' }];

/**
 * Makes a card of the prices in force on a day, in ISO 8601, and says what it leaves out and why.
 * @throws Error for a version of the data that nobody has dated
 */
export function importCard(day: string): { card: RateCardBody; left: string[] } {
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
