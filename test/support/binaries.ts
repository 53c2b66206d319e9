import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { describe, it } from '@jest/globals';

/**
 * Describes what needs programs of the machine, by name or path. Where one is missing it is skipped by name, or fails
 * where all are required.
 */
export function describeWithBinaries(name: string, binaries: readonly string[], body: () => void): void {
  const missing = binaries.filter((binary) => !isInstalled(binary));
  if (missing.length === 0) return describe(name, body);
  const lacks = `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed`;
  if (process.env['REQUIRE_ALL_DATABASES'] !== '1')
    return describe.skip(`${name}: SKIPPED, because ${lacks}`, () => it('has what it needs', () => undefined));
  describe(name, () => {
    it('has what it needs', () => {
      throw new Error(`${lacks}, and REQUIRE_ALL_DATABASES=1 asks for every engine`);
    });
  });
}

function isInstalled(binary: string): boolean {
  if (isAbsolute(binary)) return existsSync(binary);
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, binary)));
}
