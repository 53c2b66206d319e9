import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';

/** A package or plan. */
interface Sold {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The package that the tests buy, with a bonus. */
export const BONUS_PACKAGE = {
  id: 'pro',
  name: 'Pro',
  amount: 100,
  price: 90,
  currency: 'USD',
  expires_in_days: 365,
  bonus: { amount: 10, expires_in_days: 90, priority: 20 },
};

/**
 * A file for `CATALOG_FILE`: the shipped catalog, where these items stand in for those of the same ids. To be called
 * where hooks may be: the file is gone when the tests have ended.
 */
export function catalogFile(packages: readonly Sold[], plans: readonly Sold[] = []): string {
  const directory = mkdtempSync(join(tmpdir(), 'credits-catalog-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const shipped = JSON.parse(readFileSync('catalog.json', 'utf8')) as Record<'packages' | 'plans', Sold[]>;
  const merged = (own: readonly Sold[], others: readonly Sold[]) => [
    ...own,
    ...others.filter(({ id }) => own.every((each) => each.id !== id)),
  ];
  const catalog = { packages: merged(packages, shipped.packages), plans: merged(plans, shipped.plans) };
  const file = join(directory, 'catalog.json');
  writeFileSync(file, JSON.stringify(catalog));
  return file;
}
