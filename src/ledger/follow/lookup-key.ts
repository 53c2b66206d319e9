import { createHash } from 'node:crypto';
import type { Entry } from '../domain/index.js';

/** The values by which entries are looked up. */
export type LookupKind = 'actor' | 'trace' | 'key' | 'type';

/** Under this hash are all entries. */
export const ALL = 0;

/** Nearly all entries have these types, so among all entries they are found soon. */
const USUAL: ReadonlySet<string> = new Set(['debit', 'consume']);

/** Whether the entries of a type can be looked up. */
export function isRare(type: string): boolean {
  return !USUAL.has(type);
}

/** 48 bits, so that two values rarely share one. */
export function lookupHash(kind: LookupKind, value: string): number {
  return createHash('sha256').update(`${kind} ${value}`).digest().readUIntBE(0, 6) || 1;
}

/** Under which hashes an entry is found. */
export function hashesOf({
  actor,
  traceId,
  idempotencyKey,
  type,
}: Pick<Entry, 'actor' | 'traceId' | 'idempotencyKey' | 'type'>): number[] {
  const hashes = [ALL, lookupHash('actor', actor)];
  if (traceId !== null) hashes.push(lookupHash('trace', traceId));
  if (idempotencyKey !== null) hashes.push(lookupHash('key', idempotencyKey));
  if (isRare(type)) hashes.push(lookupHash('type', type));
  return hashes;
}
