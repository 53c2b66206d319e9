import { type ClassConstructor, plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { ConfigError } from './config.js';

/**
 * Checks one section of the catalog.
 * @throws ConfigError naming every bad field, so that a server with a bad catalog does not start
 */
export function readSection<T extends { id: string }>(
  item: ClassConstructor<T>,
  section: string,
  content: unknown,
): readonly T[] {
  if (!Array.isArray(content)) throw new ConfigError([`CATALOG_FILE: ${section} must be a list`]);
  if (content.some((entry) => typeof entry !== 'object' || entry === null))
    throw new ConfigError([`CATALOG_FILE: ${section} must hold objects`]);
  const items = plainToInstance(item, content as unknown[]);
  const problems = items.flatMap((entry, i) =>
    validateSync(entry as object, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true }).flatMap(
      (error) => problemsOf(`CATALOG_FILE: ${section}[${i}]`, error),
    ),
  );
  if (new Set(items.map(({ id }) => id)).size < items.length)
    problems.push(`CATALOG_FILE: ${section} has the same id twice`);
  if (problems.length > 0) throw new ConfigError(problems);
  return items;
}

function problemsOf(path: string, { property, constraints = {}, children = [] }: ValidationError): string[] {
  return [
    ...Object.values(constraints).map((text) => `${path}: ${text}`),
    ...children.flatMap((child) => problemsOf(`${path}.${property}`, child)),
  ];
}
